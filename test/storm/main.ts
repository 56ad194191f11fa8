/** Storms by hand: `npm run storm -- --help` says how. */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { storm } from './storm.ts';
import { laterSeed } from './world/themes.ts';

const usage = `Usage: npm run storm -- [SEED | FIRST-LAST | --fresh N] [--share N/OF] [--seconds S]

A storm is a fleet on a simulated Fly, on virtual time: commits, changes by hand, faults and kills, all drawn from
its seed, and invariants that hold once it is calm again. The same seed is the same storm.

  npm run storm -- 17                   reruns seed 17 and prints its story (default: seed 1)
  npm run storm -- 1-200                runs 200 seeds, prints those that broke something; exits with 1 if one did
  npm run storm -- 1-200 --share 2/3    every third of them, from the second on: for several processes at once
  npm run storm -- 1-2000 --seconds 60  begins none later than 60 s after the start
  npm run storm -- --fresh 20000        20,000 seeds that nobody has run: the last commit says where they begin
`;

function refuse(why: string): never {
  process.stderr.write(`${why}\n\n${usage}`);
  process.exit(2);
}

function argumentsOf() {
  const options = {
    help: { type: 'boolean', short: 'h', default: false },
    fresh: { type: 'string' },
    share: { type: 'string', default: '1/1' },
    seconds: { type: 'string', default: 'Infinity' },
  } as const;
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refuse(why.split('. To specify')[0] ?? why);
  }
}

/** Beyond it a seed and the next one are the same number to some of the dice. */
const seedMax = 2 ** 31;

/** Behind all seeds that are written down anywhere. */
const freshFirst = laterSeed;
const freshMax = 100_000;

/** So many seeds, from one that the last commit gives: whoever runs them again at that commit gets the same. */
function freshSeeds(text: string): string {
  const count = Number(text);
  if (!/^[1-9][0-9]*$/.test(text) || count > freshMax)
    return refuse(`expected a number of seeds, 1 to ${freshMax}, found ${JSON.stringify(text)}`);
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' });
  const first = freshFirst + (Number.parseInt(commit.slice(0, 12), 16) % (seedMax - freshFirst - freshMax));
  console.log(`seeds ${first}-${first + count - 1}, after commit ${commit.slice(0, 12)}`);
  return `${first}-${first + count - 1}`;
}

/** Two whole numbers of 1 and up, the second no smaller than the first. */
function pairOf(text: string, form: RegExp, what: string): readonly [number, number] {
  const found = form.exec(text);
  const first = Number(found?.[1]);
  const second = Number(found?.[2] ?? found?.[1]);
  if (found === null || first < 1 || second < first || second > seedMax)
    return refuse(`expected ${what}, found ${JSON.stringify(text)}`);
  return [first, second];
}

const { values, positionals } = argumentsOf();
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const asked = [...positionals, ...(values.fresh === undefined ? [] : [freshSeeds(values.fresh)])];
if (asked.length > 1) refuse(`expected one seed or range, found ${asked.join(' ')}`);
const [first, last] = pairOf(asked[0] ?? '1', /^(\d+)(?:-(\d+))?$/, 'a seed such as 17, or a range such as 1-200');
const [share, shares] = pairOf(values.share, /^(\d+)\/(\d+)$/, 'a share such as 2/3');
if (first + share - 1 > last) refuse(`no seed of ${first}-${last} is in share ${values.share}`);
const seconds = Number(values.seconds);
if (!/^(?:[1-9][0-9]{0,5}|Infinity)$/.test(values.seconds))
  refuse(`expected whole seconds, 1 to 999999, found ${JSON.stringify(values.seconds)}`);

const startedAt = performance.now();
const cpu = process.cpuUsage();
let [ran, failed, passes, requests] = [0, 0, 0, 0];

for (let seed = first + share - 1; seed <= last; seed += shares) {
  if (performance.now() - startedAt > seconds * 1000) break;
  const ended = await storm(seed);
  ran += 1;
  passes += ended.passes;
  requests += ended.requests.length;
  if (first === last) console.log(ended.story.join('\n'));
  if (ended.findings.length === 0) continue;
  failed += 1;
  console.log(`seed ${seed}; its story: npm run storm -- ${seed}\n  ${ended.findings.join('\n  ')}`);
}
const { user, system } = process.cpuUsage(cpu);
const each = ((user + system) / 1e6 / Math.max(1, ran)).toFixed(2);
console.log(`${ran} storms, ${failed} broke something; ${passes} passes, ${requests} requests, ${each} CPU s a storm`);
process.exitCode = failed === 0 ? 0 : 1;
