/**
 * `*` is any run of characters, `?` any one: app names have no slashes, so there is no more to a glob. Greedy with one
 * place to go back to, never a regular expression: the time is at most the product of both lengths.
 */
export function matchesGlob(name: string, glob: string): boolean {
  let at = 0;
  let star = -1;
  let tried = 0;
  let place = 0;
  while (place < name.length) {
    if (glob[at] === '*') {
      star = at;
      tried = place;
      at += 1;
    } else if (glob[at] === '?' || glob[at] === name[place]) {
      at += 1;
      place += 1;
    } else if (star >= 0) {
      at = star + 1;
      tried += 1;
      place = tried;
    } else return false;
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}

/** true: there is something in it for a glob to do. */
export function isGlob(text: string): boolean {
  return /[*?]/.test(text);
}

/** Whether a path, or a folder above it, is one that the glob names: `*` stays within a name, `**` stands for any folders. */
export function matchesPath(path: string, glob: string): boolean {
  const wanted = glob.split('/').filter((name) => name !== '' && name !== '.');
  // Every place in the glob that what was read so far may have led to.
  let places = reached(wanted, [0]);
  for (const name of path.split('/')) {
    const next = [...places].flatMap((place) => {
      const part = wanted[place] ?? '';
      if (part === '**') return [place];
      return matchesGlob(name, part) ? [place + 1] : [];
    });
    places = reached(wanted, next);
    if (places.has(wanted.length)) return true;
  }
  return false;
}

/** `**` may stand for no folder at all. */
function reached(wanted: readonly string[], places: readonly number[]): ReadonlySet<number> {
  const all = new Set(places);
  for (const place of all) if (wanted[place] === '**') all.add(place + 1);
  return all;
}
