/** What flyctl checks of `build`; the builder itself does the rest. Source: flyctl's validateBuildStrategies. */
import { integerOf, optionalWordOf, textOf, textsOf } from '../reading/fields.ts';
import { orList } from '../../model/base/text.ts';
import { tableOf } from '../reading/tables.ts';
import { fieldOf, type Table } from '../reading/values.ts';

/** Ways to an image, each with the keys that choose it. */
const ways: readonly (readonly string[])[] = [
  ['image'],
  ['builder', 'buildpacks'],
  ['dockerfile', 'build-target'],
  ['builtin'],
];

export function checkBuild(root: Table): void {
  const build = tableOf(root, 'build');
  if (build === undefined) return;
  optionalWordOf(build, 'compression', ['gzip', 'zstd']);
  integerOf(build, 'compression_level', { min: 0, max: 9 });
  for (const key of ['image', 'builder', 'builtin', 'dockerfile', 'ignorefile', 'build-target']) textOf(build, key);
  textsOf(build, 'buildpacks');
  const args = tableOf(build, 'args');
  for (const name of Object.keys(args?.values ?? {})) if (args !== undefined) textOf(args, name);
  const named = ways.flatMap((keys) => keys.find((key) => (fieldOf(build.values, key) ?? '') !== '') ?? []);
  if (named.length < 2) return;
  const message = `more than one way to an image: ${orList(named).replace(' or ', ' and ')}`;
  build.notes.warning('build', message, 'keep one of them');
}
