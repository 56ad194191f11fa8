/** The repository as the house tests see it: what git tracks, and what is about to be. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export const root = join(import.meta.dirname, '../..');

export const tracked: readonly string[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));

export const sources = tracked.filter((file) => file.endsWith('.ts'));

/** What is shipped and is not the simulator or a schema. */
export const product = sources.filter((file) => /^(?:src|controllers)\//.test(file));

export const text = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Files of this repository that a file imports, late and for types alone as well. */
export function importsOf(file: string): readonly string[] {
  const found = text(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map((match) => normalize(join(dirname(file), match[1] ?? '')));
}
