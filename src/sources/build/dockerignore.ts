/** A .gitignore and the folder it stands in, from the context's root ('' = the root itself). */
export interface GitignoreFile {
  readonly folder: string;
  readonly text: string;
}

/**
 * What git leaves out, in the words of a .dockerignore: there a name counts at the root only, and `**` before it finds it
 * everywhere. Later lines win in both. Outer files come first.
 */
export function dockerignore(files: readonly GitignoreFile[]): string {
  const lines = files
    .toSorted((a, b) => depthOf(a) - depthOf(b) || (a.folder < b.folder ? -1 : 1))
    .flatMap(({ folder, text }) => text.split('\n').flatMap((line) => patternOf(line, folder)));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function depthOf({ folder }: GitignoreFile): number {
  return folder === '' ? 0 : folder.split('/').length;
}

/** Source of the rules: gitignore(5), and the pattern rules of a .dockerignore. */
function patternOf(line: string, folder: string): readonly string[] {
  // Blanks at the end count only where a backslash stands before them.
  const clean = line.replace(/\r$/, '').replace(/(?<!\\)[ \t]+$/, '');
  if (clean === '' || clean.startsWith('#')) return [];
  const isException = clean.startsWith('!');
  const pattern = (isException ? clean.slice(1) : clean).replace(/\/+$/, '');
  if (pattern === '') return [];
  const anchored = pattern.includes('/');
  const inFolder = anchored ? pattern.replace(/^\/+/, '') : `**/${pattern}`;
  return [`${isException ? '!' : ''}${folder === '' ? '' : `${folder}/`}${inFolder}`];
}
