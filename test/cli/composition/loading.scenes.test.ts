import { quietHost } from '../terminal.ts';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostGuard } from '../../../src/cli/composition/allowed-hosts.ts';
import { createLoading } from '../../../src/cli/composition/loading.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import type { Fault } from '../../../src/model/base/fault.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { Redactor } from '../../../src/model/base/secret-value.ts';
import { appYaml } from '../../desired/loading.ts';
import { git, gitEach, temporaryFolder } from '../../servers/git-server.ts';

let scratch: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  scratch = temporaryFolder();
  mkdirSync(join(scratch.path, 'web'));
  writeFileSync(join(scratch.path, 'web/app.yaml'), appYaml('web'));
  gitEach(scratch.path, [
    ['init', '--quiet'],
    ['add', '-A'],
    ['commit', '--quiet', '-m', 'x'],
  ]);
});
afterEach(() => scratch.remove());

async function loaded(env: Readonly<Record<string, string | undefined>>, clock = new IdleClock()) {
  const silent = { isTTY: false, write() {} };
  const { signal } = new AbortController();
  const io = { env, cwd: '/', stdout: silent, stderr: silent, clock, fetch, signal, random: () => 0, host: quietHost };
  const settings = { file: undefined, isNamed: false, written: {} };
  const loading = createLoading({
    invocation: { io, log: silentLog, redactor: new Redactor() },
    config: scratch.path,
    options: {},
    settings,
    hosts: () => hostGuard(io, settings),
    dataDirectory: () => scratch.path,
  });
  return (await loading.load({ offline: true })).fleet;
}

test('a working tree that git answers for is whole', async () => {
  expect(await loaded(process.env)).toMatchObject({ whole: true, apps: [{ name: 'web' }] });
});

test.each([
  ['git is not installed', (): void => undefined, { PATH: '/nowhere' }],
  ['HEAD is broken', (): void => writeFileSync(join(scratch.path, '.git/HEAD'), 'x'), process.env],
  ['the index is gone', (): void => rmSync(join(scratch.path, '.git/index')), process.env],
  ['the index is broken', (): void => writeFileSync(join(scratch.path, '.git/index'), 'x'), process.env],
])('one that git does not answer for may lack files, and is not: %s', async (_what, breaks, env) => {
  breaks();
  expect(await loaded(env)).toMatchObject({ whole: false, apps: [{ name: 'web' }] });
});

/** Lets git work in between: at the nth thing that a load waits for. */
class InterruptedClock extends IdleClock {
  calls = 0;
  readonly #at: number;
  readonly #work: () => void;

  constructor(at: number, work: () => void) {
    super();
    this.#at = at;
    this.#work = work;
  }

  override busy<Value>(work: () => Promise<Value>): Promise<Value> {
    this.calls += 1;
    if (this.calls === this.#at) this.#work();
    return super.busy(work);
  }
}

async function interrupted(at: number, work: () => void) {
  const clock = new InterruptedClock(at, work);
  const { fleet, fault } = await loaded(process.env, clock).then(
    (read) => ({ fleet: read, fault: undefined }),
    (error: unknown) => ({ fleet: undefined, fault: error as Fault }),
  );
  return { fleet, fault, isOver: clock.calls < at };
}

/** On main `web` and `old`, on other `web` and `new`. */
function twoBranches(): readonly string[] {
  const write = (name: string): void => {
    mkdirSync(join(scratch.path, name));
    writeFileSync(join(scratch.path, name, 'app.yaml'), appYaml(name));
  };
  const commit = (): string =>
    gitEach(scratch.path, [
      ['add', '-A'],
      ['commit', '--quiet', '-m', 'x'],
      ['rev-parse', 'HEAD'],
    ]);
  git(scratch.path, ['branch', '-m', 'main']);
  git(scratch.path, ['checkout', '--quiet', '-b', 'other']);
  write('new');
  const other = commit();
  git(scratch.path, ['checkout', '--quiet', 'main']);
  write('old');
  return [commit(), other];
}

test('a checkout that begins and ends within one load: no app of either commit is ever missing from a whole fleet', async () => {
  const [main, other] = twoBranches();
  const faults: string[] = [];
  let at = 0;
  for (let isOver = false; !isOver;) {
    at += 1;
    git(scratch.path, ['checkout', '--quiet', 'main']);
    const load = await interrupted(at, () => git(scratch.path, ['checkout', '--quiet', 'other']));
    ({ isOver } = load);
    if (load.fault !== undefined) {
      expect(load.fault).toMatchObject({ kind: 'transient', next: 'FlyCD reads it again with the next pass' });
      faults.push(load.fault.message);
    }
    if (load.fleet?.whole !== true) continue;
    const names = load.fleet.apps.map(({ name }) => name);
    expect([at, load.fleet.revision, names]).toBeOneOf([
      [at, main, ['old', 'web']],
      [at, other, ['new', 'web']],
    ]);
  }
  expect(faults.length).toBeGreaterThan(3);
  expect(new Set(faults).size).toBe(1);
  expect(faults[0]).toMatch(/^git was at work in .* while it was read/);
});

test.each([
  [
    'there and back',
    [
      ['checkout', '--quiet', 'other'],
      ['checkout', '--quiet', 'main'],
    ],
  ],
  ['a reset of what is not committed', [['reset', '--quiet', '--hard']]],
])('git at work that ends where it began is no fault, and nothing is gone for it: %s', async (_what, calls) => {
  twoBranches();
  let wholes = 0;
  let at = 0;
  for (let isOver = false; !isOver;) {
    at += 1;
    writeFileSync(join(scratch.path, 'web/app.yaml'), appYaml('web', `# ${at}\n`));
    git(scratch.path, ['checkout', '--quiet', '--', '.']);
    const load = await interrupted(at, () => calls.forEach((call) => git(scratch.path, call)));
    ({ isOver } = load);
    expect([at, load.fault]).toEqual([at, undefined]);
    if (load.fleet?.whole === true) wholes += 1;
  }
  expect(wholes).toBeLessThan(at - 3);
});

test('what does not write there is nothing: status, log, diff', async () => {
  const calls = [['status'], ['log'], ['diff']];
  const load = await interrupted(5, () => calls.forEach((call) => git(scratch.path, ['--no-optional-locks', ...call])));
  expect(load.fleet?.whole).toBe(true);
});
