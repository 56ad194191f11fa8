import { describe, expect, onTestFinished, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import { arena, type Arena } from '../../controllers/arena.ts';
import { filesOf, goodImage, type AppIdea } from '../world/fleet.ts';
import { listen } from '../people/speech.ts';
import { membersOf, watch, type Watch } from './watch.ts';

const group = { count: 2, serves: true, rests: false, checks: true, volumeGb: undefined };
const app: AppIdea = {
  name: 'app-1',
  region: 'arn',
  image: goodImage,
  env: { GREETING: 'one' },
  memoryMb: undefined,
  secret: undefined,
  ips: ['v6'],
  groups: { web: group },
  strategy: 'rolling',
  maxUnavailable: 1,
  comment: 'first',
  broken: false,
};

interface Watched {
  readonly it: Arena;
  readonly eyes: Watch;
  readonly commit: (change: Partial<AppIdea>) => Promise<string>;
}

/** An app that has run well as one and as two. */
async function watched(): Promise<Watched> {
  const it = await arena({ orderly: true });
  onTestFinished(() => it.close());
  const eyes = watch(it.simulator.world);
  const commit = async (change: Partial<AppIdea>): Promise<string> => {
    const fleet = { apps: [{ ...app, ...change }] };
    it.write(filesOf(fleet));
    const { stdout } = await it.flycd(['validate', '--output', 'json']);
    const { revision } = JSON.parse(stdout) as { readonly revision: string };
    eyes.expect(fleet, revision);
    return revision;
  };
  for (const GREETING of ['one', 'two']) {
    await commit({ env: { GREETING } });
    expect((await it.flycd(['sync', '--once'])).code).toBe(0);
  }
  expect(eyes.findings).toEqual([]);
  return { it, eyes, commit };
}

const members = (it: Arena) => membersOf(it.simulator.world, 'app-1', 'web');

const bluegreen = async ({ simulator }: Arena): Promise<void> => {
  expect(await simulator.flyctl.deploy('app-1', { strategy: 'bluegreen' })).toMatchObject({ ok: true });
};

async function clonedAndGone(it: Arena): Promise<void> {
  const { flyctl } = it.simulator;
  const before = members(it).map(({ id }) => id);
  for (const machine of before) await flyctl.clone('app-1', { machine });
  for (const machine of before) await flyctl.destroy('app-1', { machine });
}

describe('what an app has to be', () => {
  test('after a rollback: its version of then, with the counts of today, until it is resumed', async () => {
    const { it, eyes, commit } = await watched();
    eyes.disturbed('app-1');
    await it.flycd(['rollback', 'app-1']);
    expect(eyes.standing.ideaOf('app-1')?.env).toEqual({ GREETING: 'one' });
    await commit({ env: { GREETING: 'three' }, groups: { web: { ...group, count: 3 } } });
    expect(eyes.standing.fleet().apps[0]).toMatchObject({ env: { GREETING: 'one' }, groups: { web: { count: 3 } } });
    for (const machine of members(it)) delete machine.config.metadata?.['flycd_hold'];
    await it.asPerson('POST', '/apps/app-1/secrets', { values: { A: '1' } });
    expect(eyes.standing.ideaOf('app-1')?.env).toEqual({ GREETING: 'one' });
    await it.flycd(['resume', 'app-1']);
    expect(eyes.standing.ideaOf('app-1')?.env).toEqual({ GREETING: 'three' });
  });

  test('what git says, once a hand has taken every machine away that knew better', async () => {
    const { it, eyes } = await watched();
    eyes.disturbed('app-1');
    await it.flycd(['rollback', 'app-1']);
    for (const { id } of members(it)) await it.simulator.flyctl.destroy('app-1', { machine: id });
    expect(eyes.standing.ideaOf('app-1')?.env).toEqual({ GREETING: 'two' });
  });

  test.each([
    ['made anew by bluegreen', bluegreen],
    ['cloned and then destroyed', clonedAndGone],
  ])(
    'as a person said, where machines that knew it were %s by hand, and then gone with all that came of them',
    async (...row) => {
      const [, byHand] = row;
      const { it, eyes } = await watched();
      eyes.disturbed('app-1');
      await it.flycd(['rollback', 'app-1']);
      const said = eyes.speaking('app-1');
      await it.flycd(['suspend', 'app-1', '--reason', 'an incident']);
      said();
      const before = members(it).map(({ id }) => id);
      await byHand(it);
      expect(members(it).filter(({ id }) => before.includes(id))).toEqual([]);
      expect(eyes.standing.suspension('app-1', it.clock.now())).toBeDefined();
      expect(eyes.standing.ideaOf('app-1')?.env).toEqual({ GREETING: 'one' });
      for (const { id } of members(it)) await it.simulator.flyctl.destroy('app-1', { machine: id });
      expect(eyes.standing.suspension('app-1', it.clock.now())).toBeUndefined();
      expect(eyes.standing.ideaOf('app-1')?.env).toEqual({ GREETING: 'two' });
    },
  );
});

describe('the watch finds', () => {
  test('a call for an app that is suspended, but for the word itself and who was at work before', async () => {
    const { it, eyes } = await watched();
    const [machine] = members(it);
    const path = `/apps/app-1/machines/${machine?.id}/metadata`;
    const touch = (A: string) => it.asPerson('PATCH', path, { metadata: { A } });
    const ended = eyes.working();
    const said = eyes.speaking('app-1');
    await it.flycd(['suspend', 'app-1', '--reason', 'an incident', '--for', '20m']);
    said();
    await it.clock.sleep(1000);
    await touch('1');
    expect(eyes.findings).toEqual([]);
    ended();
    await touch('2');
    const found = [expect.stringContaining(`app-1: is suspended, and somebody did PATCH /v1${path}`)];
    expect(eyes.findings).toEqual(found);
    await it.clock.sleep(20 * 60_000);
    await touch('3');
    expect(eyes.findings).toEqual(found);
  });

  test('a version that failed and is tried again, until a person resumes the app', async () => {
    const { it, eyes, commit } = await watched();
    const image = 'docker.io/library/failing-check:7';
    await commit({ env: { GREETING: 'two' }, image });
    expect((await it.flycd(['sync', '--once'])).code).toBe(1);
    expect(eyes.findings).toEqual([]);
    const [machine] = members(it);
    const again = async () => {
      await it.asPerson('POST', `/apps/app-1/machines/${machine?.id}`, { config: { ...machine?.config, image } });
      return eyes.findings.filter((text) => text.includes(`web-arn-1-g1 gets ${image}, whose release failed`)).length;
    };
    expect(await again()).toBe(1);
    await it.flycd(['resume', 'app-1']);
    await it.flycd(['sync', '--once']);
    await it.flycd(['resume', 'app-1']);
    await it.clock.sleep(60_000);
    expect(await again()).toBe(1);
  });
});

test('a stamp that comes again speaks of the release that failed, whatever git says since that moment', async () => {
  const { it, eyes, commit } = await watched();
  const broken = 'docker.io/library/failing-check:7';
  await commit({ env: { GREETING: 'two' }, image: broken });
  expect((await it.flycd(['sync', '--once'])).code).toBe(1);
  expect(eyes.standing.failedImage('app-1')).toBe(broken);
  const [{ config } = { config: undefined }] = members(it);
  const failed = Number(config?.metadata?.['flycd_failed']?.split(':').at(-1));
  // Git says another thing in the same millisecond, after it.
  const mended = { apps: [{ ...app, env: { GREETING: 'two' }, image: 'docker.io/library/app:3' }] };
  eyes.standing.published(mended, 'mended', failed);
  for (const { id } of members(it)) await it.simulator.flyctl.destroy('app-1', { machine: id });
  expect(eyes.standing.failedImage('app-1')).toBeUndefined();
  await it.asPerson('POST', '/apps/app-1/machines', { region: 'arn', config });
  await it.asPerson('POST', '/apps/app-1/secrets', { values: { A: '1' } });
  expect(eyes.standing.failedImage('app-1')).toBeUndefined();
  // Where git says the same again, it is that one.
  eyes.standing.published({ apps: [{ ...app, env: { GREETING: 'two' }, image: broken }] }, 'broken', failed + 1);
  expect(eyes.standing.failedImage('app-1')).toBe(broken);
});

test('a stamp that is first seen once git has moved, in its very millisecond, speaks of what git said before', async () => {
  const { it, eyes, commit } = await watched();
  const broken = 'docker.io/library/failing-check:7';
  const idea = { ...app, env: { GREETING: 'two' } };
  await commit({ env: idea.env, image: broken });
  const at = it.clock.now() + 1000;
  const said = (image: string, when: number) => eyes.standing.published({ apps: [{ ...idea, image }] }, image, when);
  said('docker.io/library/app:3', at);
  const [machine] = members(it);
  const path = `/apps/app-1/machines/${machine?.id}/metadata`;
  await it.asPerson('PATCH', path, {
    metadata: { flycd_failed: `c1:${'0'.repeat(32)}:sha256:${'0'.repeat(64)}:${at}` },
  });
  await it.asPerson('POST', '/apps/app-1/secrets', { values: { A: '1' } });
  expect(eyes.standing.failedImage('app-1')).toBeUndefined();
  said(broken, at + 1);
  expect(eyes.standing.failedImage('app-1')).toBe(broken);
});

describe('heard of a command that', () => {
  const ran = { code: 0, stdout: '', stderr: '' };
  const how = { afterMs: undefined, death: undefined, state: undefined };
  const word = (kind: 'rollback' | 'suspend' | 'resume') => ({ argv: [kind, 'app-1'], app: 'app-1', kind });
  const hold = (revision: string, at: number): string => {
    const hash = 'a'.repeat(32);
    return JSON.stringify({ to: `${revision}:${hash}::${hash}:${at}`, by: 'alice', at });
  };
  const stamp = (it: Arena, text: string) =>
    it.asPerson('PATCH', `/apps/app-1/machines/${members(it)[0]?.id}/metadata`, { metadata: { flycd_hold: text } });

  test('says it has suspended or resumed an app, and has not', async () => {
    const { it, eyes, commit } = await watched();
    const revision = await commit({ env: { GREETING: 'one' } });
    const idle: Arena = { ...it, mortalFlycd: () => Promise.resolve({ calls: 0, diedAt: undefined, ran }) };
    const suspended = await listen(idle, eyes, { ...how, word: word('suspend') });
    expect(suspended.findings).toEqual(['flycd suspend app-1: done, and no machine says so']);
    await stamp(it, hold(revision, it.clock.now()));
    const resumed = await listen(idle, eyes, { ...how, word: word('resume') });
    expect(resumed.findings).toEqual(['flycd resume app-1: done, and something still stands']);
  });

  test.each([
    ['it was told', undefined, []],
    ['another one was told', 'another', [expect.stringContaining('app-1: is suspended, and somebody did PATCH')]],
  ])('no machine heard of: the FlyCD of the passes goes by it where %s', async (_who, state, findings) => {
    const { it, eyes } = await watched();
    const said = eyes.speaking('app-1');
    await it.flycd(['suspend', 'app-1', '--reason', 'an incident']);
    said();
    const { world } = it.simulator;
    for (const machine of members(it)) hostDown(world, machine.host);
    const { ran: told } = await listen(it, eyes, { ...how, state, word: word('resume') });
    expect(told?.code, told?.stderr).toBe(1);
    for (const machine of members(it)) hostUp(world, machine.host);
    await it.clock.sleep(60_000);
    await it.asPerson('PATCH', `/apps/app-1/machines/${members(it)[0]?.id}/metadata`, { metadata: { A: '1' } });
    expect(eyes.findings).toEqual(findings);
  });

  test('goes back to what git says, or to what never ran well', async () => {
    const { it, eyes, commit } = await watched();
    const bad = await commit({ image: 'docker.io/library/crash-loop:1' });
    const now = await commit({ env: { GREETING: 'two' } });
    const back = (revision: string) =>
      listen(
        {
          ...it,
          mortalFlycd: () =>
            stamp(it, hold(revision, it.clock.now())).then(() => ({ calls: 1, diedAt: undefined, ran })),
        },
        eyes,
        { ...how, word: word('rollback') },
      );
    expect((await back(now)).findings).toEqual(['flycd rollback app-1: went to what git says']);
    await it.clock.sleep(1000);
    expect((await back(bad)).findings).toEqual([
      'flycd rollback app-1: went to docker.io/library/crash-loop:1, which never ran well',
    ]);
    await it.clock.sleep(1000);
    await back('content:unheard');
    expect(eyes.findings).toEqual(['app-1: is held at content:unheard, which git never said']);
  });
});
