/** What stands in a text that cannot be parsed, as far as its lines tell. */

/** Between a name and what it is for: an anchor and a tag, then the sign of a text of lines, or the end of the line. */
const before = String.raw`(?:[&!]\S{0,80}[ \t]+){0,2}`;
const onNextLine = String.raw`(?:(?:[>|][-+0-9]{0,2})?[ \t]{0,80}\n[ \t]{1,80}(?=["']?[a-z0-9-]+["']?[ \t]{0,80}$))?`;

/**
 * The values of a field of the document itself, as YAML, TOML or JSON writes it, also where the line was made a comment; empty
 * where no name follows, as of a table. Each line is looked at once from its start: a text of a megabyte takes milliseconds.
 */
export function fieldsWritten(text: string, word: 'app' | 'project' | 'fleet' | 'sync' | 'source'): readonly string[] {
  const comment = String.raw`((?:#+|//)[ \t]{0,80})?`;
  const quoted = `"${word}"[ \t]*:`;
  // Of JSON only what stands as far out as any key is the document's own.
  const inner = /^\s*\{(?!\{)/.test(text) ? `|${outermostOf(text)}${quoted}` : '';
  const key = String.raw`(?:["']?${word}["']?[ \t]*[:=]|\{[ \t]*${quoted}${inner})`;
  const value = String.raw`[ \t]*${before}${onNextLine}["']?([a-z0-9-]*)`;
  const written = new RegExp(String.raw`^${comment}(?:\[${word}\]|${key}${value})`, 'gim');
  const lines = movedOut(text);
  return [...lines.matchAll(written)].flatMap(({ 0: match, 1: sign, 2: name = '', index }) => {
    const end = index + match.length;
    return sign !== undefined && isProse.test(lines.slice(end, end + 80)) ? [] : [name];
  });
}

/** After a name in a comment: `app: blog was removed` tells of an app, and was no line of its file. */
const isProse = /^["']?[ \t]{1,40}[a-z]/i;

/**
 * Each document of a text without what all of its lines are moved in by, as YAML takes it; its comments, too. JSON stays as it is.
 */
export function movedOut(text: string): string {
  if (!/^[ \t]/m.test(text)) return text;
  return text
    .split(/^(?=---)/m)
    .map((document) => {
      const lines = document.split('\n');
      // Nearly always the first one.
      if (lines.some((line) => isContent(line) && indentOf(line) === 0)) return document;
      const least = lines.filter(isContent).reduce((one, line) => Math.min(one, indentOf(line)), Infinity);
      return lines.map((line) => line.slice(Math.min(least, indentOf(line)))).join('\n');
    })
    .join('');
}

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** Comments, marks of git's where two sides met and YAML's own may stand further out. */
const isContent = (line: string): boolean => !/^(?:\s*$|\s*(?:#|\/\/)|---|%|<<<<<<<|=======|>>>>>>>)/.test(line);

/**
 * true: what an app's file has for the name of its app is none as it is written: `${NAME}`, `NAME`, `{{ name }}`. Somebody
 * makes one of it.
 */
export function isUnclearName(text: string, parsed: unknown): boolean {
  if (typeof parsed === 'string') return !isPlainName(parsed.trim());
  // A file of sops may have nothing but this. What says of what kind it is is Kubernetes' own.
  if (/["' ]ENC\[[A-Z0-9_]+,/.test(text)) return !/^["']?(?:kind|apiVersion)["']?[ \t]*:/m.test(text);
  const [, written = ''] = /^["']?app["']?[ \t]*[:=][ \t]*(\S.*)/im.exec(text) ?? [];
  // A table, or what only a parser can read.
  if (/^(?:\{(?![{%])|[[&!>|#])/.test(written)) return false;
  const [value = ''] = written.split(/\s#/);
  return value !== '' && !isPlainName(value.trim().replaceAll(/^["']|["'],?$|,$/g, ''));
}

/** As Fly takes one. */
export function isPlainName(name: string): boolean {
  return /^[a-z0-9-]*$/.test(name);
}

/** How far its outermost keys are moved in. */
function outermostOf(text: string): string {
  const indents = [...text.matchAll(/^([ \t]+)"[^"\n]*"[ \t]*:/gm)].map(([, indent = '']) => indent);
  return indents.toSorted((one, other) => one.length - other.length)[0] ?? '';
}

/**
 * Whatever the bytes are: an encoding that nobody meant must not hide a name. UTF-16 is known by its mark, or its zeros, and so
 * is UTF-32, whose first mark begins with that of UTF-16.
 */
export function looseText(bytes: Uint8Array): string {
  const [first, second, third, fourth] = bytes;
  if (first === 0 && second === 0 && third === 0xfe && fourth === 0xff) return looseText(bytes.subarray(4));
  if (first === 0xff && second === 0xfe && third === 0 && fourth === 0) return looseText(bytes.subarray(4));
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder().decode(bytes).replaceAll('\0', '');
}
