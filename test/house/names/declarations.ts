/** Types leave nothing behind to import: their words and fields are read from the sources, wherever the type stands. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

/** Texts of the TypeScript files in these folders, without comments: those quote names too. */
export function sourcesIn(...folders: readonly string[]): readonly string[] {
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...folders], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file.endsWith('.ts') && existsSync(join(root, file)))
    .map((file) => withoutComments(readFileSync(join(root, file), 'utf8')));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*\*.*?\*\//gs, '').replaceAll(/(?<=^|\s)\/\/ .*$/gm, '');
}

const declaring = sourcesIn('src', 'controllers', 'schemas').join('\n');

/** `interface NAME { … }` up to the brace in the first column, `type NAME = …;` up to the semicolon outside of braces. */
function declarationOf(type: string): string {
  const found = new RegExp(
    `^(?:export )?(?:interface ${type} [^{]*\\{.*?^\\}|type ${type} =(?:\\{[^{}]*\\}|[^;{])*;)`,
    'ms',
  ).exec(declaring)?.[0];
  if (found === undefined) throw new Error(`no type ${type} any more: give test/house/names its new name`);
  return found;
}

/** The words of a union of texts: `type Risk = 'safe' | 'costs'`. */
export function wordsOf(type: string): readonly string[] {
  return unique([...declarationOf(type).matchAll(/'([^']+)'/g)].flatMap(([, word]) => word ?? []));
}

/** The words that one field of these types may hold. */
export function wordsOfField(field: string, types: readonly string[]): readonly string[] {
  const fields = types.flatMap((type) => [
    ...declarationOf(type).matchAll(new RegExp(`\\b${field}\\??: ((?:\\s*\\|?\\s*'[^']+')+)`, 'g')),
  ]);
  return unique(
    fields.flatMap(([, union = '']) => [...union.matchAll(/'([^']+)'/g)].flatMap(([, word]) => word ?? [])),
  );
}

/** The names of all fields of these types. */
export function fieldsOf(types: readonly string[]): readonly string[] {
  const fields = types.flatMap((type) => [...declarationOf(type).matchAll(/(?:readonly |^ {2})(\w+)\??: /gm)]);
  return unique(fields.flatMap(([, field]) => field ?? []));
}

export function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].toSorted();
}
