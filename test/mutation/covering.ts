import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './mutants.ts';

interface Covered {
  readonly file: string;
  readonly milliseconds: number;
  readonly functions: readonly string[];
}

export interface Covering {
  /** The test files that run what a mutant changes, near ones and quick ones first, in batches that take no longer than this. */
  batchesOf(mutant: Mutant, batchMsMax: number): readonly (readonly string[])[];
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
    batchesOf({ file, within }, batchMsMax) {
      const runsFile = ({ functions }: Covered) => functions.some((name) => name.startsWith(`${file}#`));
      const named = within.find((name) => covered.some((each) => functions.get(each.file)?.has(`${file}#${name}`)));
      const isCovering = (each: Covered) =>
        named === undefined ? runsFile(each) : functions.get(each.file)?.has(`${file}#${named}`) === true;
      const cost = (each: Covered) => each.milliseconds / nearFactor ** nearness(each.file, file);
      const ordered = covered.filter(isCovering).toSorted((left, right) => cost(left) - cost(right));
      const batches: string[][] = [];
      let leftMs = 0;
      for (const each of ordered) {
        leftMs -= each.milliseconds;
        // One that alone takes longer is a batch of its own.
        const batch = leftMs < 0 ? undefined : batches.at(-1);
        if (batch === undefined) {
          batches.push([each.file]);
          leftMs = batchMsMax - each.milliseconds;
        } else batch.push(each.file);
      }
      return batches;
    },
  };
}
