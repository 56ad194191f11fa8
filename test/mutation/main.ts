/** Mutations by hand: `npm run mutate -- --help` says how. */
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { dice } from '../storm/world/dice.ts';
import { readCovering } from './covering.ts';
import { mutantsOf, type Mutant } from './mutants.ts';

const usage = `Usage: npm run mutate -- [COUNT] [--minutes M] [--from COMMIT] [--skip N] [--watched PATH]
                             [--after LOG] [--in PATH]... [--tests PATH]...

Draws COUNT small changes (default: 300) of what decides whether FlyCD may act, and runs the tests that reach each, one
change at a time, in copies of the last commit: the near and quick ones for all changes, then the others for each change that
none of those noticed. A change that no test notices is printed as survived.

  --minutes M      begins none later than M minutes after the first (default: 90)
  --from COMMIT    the commit whose hash the draw follows from (default: the last one)
  --skip N         leaves out the first N of those drawn: they were tried before
  --watched PATH   goes by the run over all tests that this folder keeps; where it is empty, makes and keeps one
  --after LOG      goes on where the run ended whose output this file holds: with those that wait for their last tests
  --in PATH        draws from this file or folder alone; may be repeated
  --tests PATH     knows the tests of this file or folder alone; may be repeated (default: all of npm test and the
                   files of many scenes)
`;

/** Guards, brakes, busy, health, lease, classification, evidence, words and loop. */
const places = [
  'src/plan/guards',
  'src/plan/classify',
  'src/plan/target',
  'src/plan/orphan.ts',
  'src/model/standing',
  'src/model/stamps',
  'src/model/base/clock.ts',
  'src/record/evidence.ts',
  'src/record/memory.ts',
  'src/loop',
  'controllers/pass',
  'controllers/machines',
  'controllers/rollout',
  'controllers/app/manual-holds.ts',
  'controllers/app/settle-version.ts',
  'controllers/app/outcome.ts',
  'controllers/fleet',
];

/** The first tests are near the change and quick: most changes end there. */
const firstTests = 4;

/** Of a batch, as long as it took to watch it: 300 changes are to be tried with their first ones in 90 minutes on two cores. */
const batchMsMax = 60_000;

/** A change can make a loop endless; the slowest batch takes half of it on a busy machine. */
const batchLimitMs = 240_000;

const root = resolve(import.meta.dirname, '../..');

function refuse(why: string): never {
  process.stderr.write(`${why}\n\n${usage}`);
  process.exit(2);
}

function argumentsOf() {
  const options = {
    help: { type: 'boolean', short: 'h', default: false },
    minutes: { type: 'string', default: '90' },
    from: { type: 'string', default: 'HEAD' },
    skip: { type: 'string', default: '0' },
    watched: { type: 'string' },
    after: { type: 'string' },
    in: { type: 'string', multiple: true, default: places },
    tests: { type: 'string', multiple: true },
  } as const;
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return refuse(error instanceof Error ? (error.message.split('. To specify')[0] ?? '') : String(error));
  }
}

const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' });

/** What git says of something that somebody has written; where there is no such thing, a usage error. */
function gitOf(written: string, ...args: string[]): string {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return refuse(`git knows no ${written}`);
  }
}

/** Files of the last commit at this path whose names end so. */
function filesAt(path: string, end: string): readonly string[] {
  const files = gitOf(path, 'ls-files', '--', path).split('\n');
  const found = files.filter((file) => file.endsWith(end));
  return found.length > 0 ? found : refuse(`no file *${end} of the last commit is at ${path}`);
}

/** A copy of the last commit, with the packages of this one. */
function copyOf(folder: string, name: string): string {
  const copy = join(folder, name);
  git('clone', '--quiet', root, copy);
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Ids of the process groups that run tests at this moment. */
const groups = new Set<number>();

/** Its workers too, which would stay in an endless loop. */
function end(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

interface Watched {
  readonly env?: NodeJS.ProcessEnv;
  /** Where its output goes: a file that is open for writing. Default: nowhere. */
  readonly output?: number;
}

/** Whether vitest passed; a run over its limit did not. Node's own test of a config needs no shell. */
function vitest(
  copy: string,
  config: 'coverage' | 'tests',
  args: readonly string[],
  limitMs: number,
  { env, output }: Watched = {},
): Promise<boolean> {
  return new Promise((ended) => {
    const script = join(root, 'node_modules/vitest/vitest.mjs');
    const child = spawn(
      process.execPath,
      [script, 'run', '--config', `test/mutation/vitest.${config}.config.ts`, ...args],
      {
        cwd: copy,
        env: { ...process.env, ...env },
        stdio: ['ignore', output ?? 'ignore', output ?? 'ignore'],
        detached: true,
      },
    );
    const { pid } = child;
    if (pid === undefined) throw new Error('vitest does not start');
    groups.add(pid);
    const late = setTimeout(() => end(pid), limitMs);
    child.on('close', (code) => {
      clearTimeout(late);
      groups.delete(pid);
      ended(code === 0);
    });
  });
}

/** true: one of the tests fails, or does not end. */
async function isNoticed(copy: string, mutant: Mutant, batches: readonly (readonly string[])[]): Promise<boolean> {
  const path = join(copy, mutant.file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(path, source.slice(0, mutant.start) + mutant.text + source.slice(mutant.end));
  try {
    for (const tests of batches)
      if (tests.length > 0 && !(await vitest(copy, 'tests', ['--bail=1', '--maxWorkers=1', ...tests], batchLimitMs)))
        return true;
    return false;
  } finally {
    writeFileSync(path, source);
  }
}

function told(mutant: Mutant): string {
  const source = readFileSync(join(root, mutant.file), 'utf8');
  const before = source.slice(0, mutant.start).split('\n');
  const [line, column] = [before.length, (before.at(-1)?.length ?? 0) + 1];
  const old = source.slice(mutant.start, mutant.end).trim().replaceAll(/\s+/g, ' ');
  return `${mutant.file}:${line}:${column}  ${old}  ->  ${mutant.text.trim().replaceAll(/\s+/g, ' ')}`;
}

const { values, positionals } = argumentsOf();
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const count = Number(positionals[0] ?? '300');
const minutes = Number(values.minutes);
const skip = Number(values.skip);
if (positionals.length > 1 || !Number.isSafeInteger(count) || count < 1) refuse('expected one number of changes');
if (!(minutes > 0)) refuse('expected minutes above 0');
if (!Number.isSafeInteger(skip) || skip < 0 || skip >= count) refuse('expected to skip fewer than are drawn');
if (git('status', '--porcelain', '--', 'src', 'controllers', 'test').trim() !== '')
  refuse('commit first: the copies hold the last commit');

const commit = gitOf(values.from, 'rev-parse', '--verify', '--quiet', `${values.from}^{commit}`).slice(0, 12);
const files = [...new Set(values.in.flatMap((path) => filesAt(path, '.ts')))].toSorted();
for (const path of values.tests ?? []) filesAt(path, '.test.ts');
const all = files.flatMap((file) => mutantsOf(file, readFileSync(join(root, file), 'utf8')));
const chance = dice(Number.parseInt(commit, 16) % 2 ** 31, 'mutation');
const drawn = Array.from({ length: Math.min(count, all.length) }, () => all.splice(chance.below(all.length), 1)).flat();
console.log(`${drawn.length} of ${drawn.length + all.length} changes in ${files.length} files, after commit ${commit}`);

const folder = mkdtempSync(join(tmpdir(), 'flycd-mutation-'));
process.once('exit', () => {
  for (const group of groups) end(group);
  // What is being ended may write until it has.
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
// Tests run in groups of their own, to which a terminal sends no signal. As a shell says it: 128 and the signal's number.
for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code));
const copies = Array.from({ length: availableParallelism() }, (_, index) => copyOf(folder, `copy-${index + 1}`));

const coverage = values.watched === undefined ? mkdtempSync(join(folder, 'coverage-')) : resolve(values.watched);
mkdirSync(coverage, { recursive: true });
/** All tests but whole fleets and walks, watched: several times their usual length. */
const coverageLimitMs = 2_700_000;
/** Of tests that fail, enough to see which. */
const failedLinesMax = 40;
/** Refuses where they do not pass. */
async function watchTests(): Promise<void> {
  const log = join(folder, 'coverage.log');
  const output = openSync(log, 'w');
  const watched = { env: { MUTATION_COVERAGE: coverage, NO_COLOR: '1' }, output };
  const isGreen = await vitest(copies[0] ?? root, 'coverage', values.tests ?? [], coverageLimitMs, watched);
  closeSync(output);
  if (isGreen) return;
  rmSync(coverage, { recursive: true, force: true });
  const failed = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => /^ *(?:FAIL|×|Error:|\S*Error:)/.test(line));
  refuse(`the tests do not pass without a change:\n${failed.slice(0, failedLinesMax).join('\n')}`);
}
if (readdirSync(coverage).length === 0) await watchTests();
const covering = readCovering(coverage);

const startedAt = performance.now();
const isLate = (): boolean => performance.now() - startedAt > minutes * 60_000;

/** Takes one after the other from the list, in each copy at once, until it is empty or the time is over. */
async function inCopies<T>(list: T[], work: (copy: string, one: T) => Promise<void>): Promise<void> {
  await Promise.all(
    copies.map(async (copy) => {
      for (let one = list.shift(); one !== undefined; one = isLate() ? undefined : list.shift()) await work(copy, one);
    }),
  );
}

/** Those that an earlier run tried, by what it wrote of each. */
const earlier = new Map(
  (values.after === undefined ? '' : readFileSync(values.after, 'utf8')).split('\n').flatMap((line) => {
    const [, verdict = '', text] = /^(noticed|not yet|survived)\s+(.*)  \(\d+ (?:more )?test files\)$/.exec(line) ?? [];
    return text === undefined ? [] : [[text, verdict] as const];
  }),
);
const unnoticed: Mutant[] = drawn.slice(skip).filter((mutant) => earlier.get(told(mutant)) === 'not yet');
let tried = 0;
await inCopies(
  drawn.slice(skip).filter((mutant) => !earlier.has(told(mutant))),
  async (copy, mutant) => {
    const [near = []] = covering.batchesOf(mutant, batchMsMax);
    const noticed = await isNoticed(copy, mutant, [near.slice(0, firstTests), near.slice(firstTests)]);
    tried += 1;
    console.log(`${noticed ? 'noticed ' : 'not yet '} ${told(mutant)}  (${near.length} test files)`);
    if (!noticed) unnoticed.push(mutant);
  },
);
const survived: string[] = [];
const open = [...unnoticed];
await inCopies(open, async (copy, mutant) => {
  const [, ...far] = covering.batchesOf(mutant, batchMsMax);
  const noticed = await isNoticed(copy, mutant, far);
  console.log(`${noticed ? 'noticed ' : 'survived'} ${told(mutant)}  (${far.flat().length} more test files)`);
  if (!noticed) survived.push(told(mutant));
});
const took = Math.round((performance.now() - startedAt) / 60_000);
console.log(
  `${tried} changes in ${took} minutes, ${survived.length} survived, ${open.length} wait for their last tests:`,
);
console.log([...survived, ...open.map(told)].join('\n'));
