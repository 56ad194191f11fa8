/** What flyctl checks of `build`; the builder itself does the rest. Source: flyctl's validateBuildStrategies. */
import { fieldOf, integerOf, nonEmptyTextOf, optionalWordOf, orList, tableOf, type Table } from './fields.ts';

/** Ways to an image, with the keys that choose them. */
const ways: readonly (readonly [way: string, keys: readonly string[]])[] = [
  ['image', ['image']],
  ['builder', ['builder', 'buildpacks']],
  ['dockerfile', ['dockerfile', 'build-target']],
  ['builtin', ['builtin']],
];

export function checkBuild(root: Table): void {
  const build = tableOf(root, 'build');
  if (build === undefined) return;
  optionalWordOf(build, 'compression', ['gzip', 'zstd']);
  integerOf(build, 'compression_level', { min: 0, max: 9 });
  nonEmptyTextOf(build, 'image');
  const named = ways.filter(([, keys]) => keys.some((key) => (fieldOf(build.values, key) ?? '') !== ''));
  if (named.length < 2) return;
  const message = `more than one way to an image: ${orList(named.map(([way]) => way)).replace(' or ', ' and ')}`;
  build.notes.warning('build', message, 'keep one of them');
}
