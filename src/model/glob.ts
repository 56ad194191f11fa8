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
