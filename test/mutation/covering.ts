import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './mutants.ts';

interface Covered {
  readonly file: string;
  readonly milliseconds: number;
  readonly functions: readonly string[];
}

export interface Covering {
  /** The test files that run what a mutant changes: those near it and quick first. */
  testsOf(mutant: Mutant): readonly string[];
}

/** A test near the change is worth the wait for one that is twenty times as quick: it is likelier to notice. */
const nearFactor = 20;

const words = (path: string): readonly string[] => path.replace(/(?:\.scenes)?(?:\.test)?\.ts$/, '').split('/');

/** How many folders and names two paths share: test/controllers/pass/lease.test.ts and controllers/pass/lease.ts share three. */
function nearness(test: string, file: string): number {
  const mine = words(file.replace(/^src\//, ''));
  return words(test).filter((word) => mine.includes(word)).length;
}

export function readCovering(folder: string): Covering {
  const covered = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Covered);
  const functions = new Map(covered.map((each) => [each.file, new Set(each.functions)]));
  return {
    testsOf({ file, within }) {
      const runsFile = ({ functions }: Covered) => functions.some((name) => name.startsWith(`${file}#`));
      const named = within.find((name) => covered.some((each) => functions.get(each.file)?.has(`${file}#${name}`)));
      const isCovering = (each: Covered) =>
        named === undefined ? runsFile(each) : functions.get(each.file)?.has(`${file}#${named}`) === true;
      const cost = (each: Covered) => each.milliseconds / nearFactor ** nearness(each.file, file);
      return covered
        .filter(isCovering)
        .toSorted((left, right) => cost(left) - cost(right))
        .map(({ file }) => file);
    },
  };
}
