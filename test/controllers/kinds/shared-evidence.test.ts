import { afterEach, describe, expect, test } from 'vitest';
import { parseSecrets } from '../../../src/model/stamps/secrets-stamp.ts';
import { arena, changedFleet, walkFleet, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

/** One FlyCD by its data directory; whoever is new has an empty database. */
async function flycd(who: string, ...argv: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(argv, who);
  return { code, said: stderr + stdout };
}

const machines = () => world.simulator.world.snapshot().flatMap((app) => app.machines);
const stamps = (): readonly string[] => [...new Set(machines().map(({ metadata }) => metadata['flycd_secrets'] ?? ''))];
const sets = (): number => writes('POST /apps/{app}/secrets');
const writes = (template: string): number =>
  world.simulator.world.writes((request) => request.template === template).length;
const updates = (): number => writes('POST /apps/{app}/machines/{machine}');
const patches = (): number => writes('PATCH /apps/{app}/machines/{machine}/metadata');
const byHand = async (value: string): Promise<void> => {
  await world.asPerson('POST', '/apps/shop/secrets', { values: { PASSWORD: value } });
  await world.clock.sleep(5000);
};
const rotated = changedFleet('raw: correct-horse', 'raw: battery-staple');

async function synced(env: Readonly<Record<string, string>> = {}): Promise<void> {
  world = await arena({ env });
  world.write(walkFleet);
  const ran = await flycd('first', 'sync', '--once');
  expect(ran.code, ran.said).toBe(0);
  await world.clock.sleep(60_000);
}

describe('a second FlyCD with an empty database and the same key', () => {
  test('has nothing to do and nothing to doubt', async () => {
    await synced();
    expect(stamps()).toHaveLength(1);
    expect(parseSecrets(stamps()[0]).map(({ name }) => name)).toEqual(['PASSWORD']);
    const before = world.simulator.world.writes().length;
    const diff = await flycd('second', 'diff');
    expect(diff.code, diff.said).toBe(0);
    expect(diff.said).not.toContain('unverified');
    expect((await flycd('second', 'sync', '--once')).code).toBe(0);
    expect(world.simulator.world.writes().length).toBe(before);
  });

  test('finds a rotated value, sets it once and rolls; the first one agrees', async () => {
    await synced();
    world.write(rotated);
    const before = { sets: sets(), updates: updates() };
    const [old] = stamps();
    const updating: string[] = [];
    world.simulator.world.onRequest = ({ phase, request }) => {
      const isUpdate = request.template === 'POST /apps/{app}/machines/{machine}';
      if (phase === 'after' && isUpdate) updating.push(...stamps());
    };
    const ran = await flycd('second', 'sync', '--once');
    // From the set on, whoever looks finds the new value's evidence on every machine.
    expect(updating.length).toBeGreaterThan(0);
    expect(updating).not.toContain(old);
    expect(ran.code, ran.said).toBe(0);
    expect({ sets: sets() - before.sets, updates: updates() - before.updates }).toEqual({ sets: 1, updates: 3 });
    expect(machines().map(({ secrets }) => secrets['PASSWORD'])).toEqual(Array(3).fill('battery-staple'));
    await world.clock.sleep(60_000);
    const last = world.simulator.world.writes().length;
    for (const who of ['second', 'first', 'third']) {
      const diff = await flycd(who, 'diff');
      expect(diff.code, `${who}: ${diff.said}`).toBe(0);
      expect((await flycd(who, 'sync', '--once')).code).toBe(0);
    }
    expect(world.simulator.world.writes().length).toBe(last);
  });

  test('does not set the value it had back, where the first one has set another since', async () => {
    await synced();
    expect((await flycd('second', 'sync', '--once')).code).toBe(0);
    world.write(rotated);
    expect((await flycd('first', 'sync', '--once')).code).toBe(0);
    await world.clock.sleep(60_000);
    // A laptop that has not pulled.
    world.write(walkFleet);
    const diff = await flycd('second', 'diff');
    expect(diff.code, diff.said).toBe(0);
    expect(diff.said).toContain('another FlyCD has set PASSWORD since');
    const before = sets();
    expect((await flycd('second', 'sync', '--once')).code).toBe(0);
    expect((await flycd('second', 'sync', '--once')).code).toBe(0);
    expect(sets()).toBe(before);
    expect((await flycd('second', 'sync', '--once', '--now')).code).toBe(0);
    expect(machines().map(({ secrets }) => secrets['PASSWORD'])).toEqual(Array(3).fill('correct-horse'));
  });

  test('finds a secret that was changed by hand, and heals it', async () => {
    await synced();
    await byHand('mischief');
    const diff = await flycd('second', 'diff');
    expect(diff.code, diff.said).toBe(2);
    expect(diff.said).toContain('changed on Fly since it was set');
    expect((await flycd('second', 'sync', '--once')).code).toBe(0);
    expect(machines().map(({ secrets }) => secrets['PASSWORD'])).toEqual(Array(3).fill('correct-horse'));
    await world.clock.sleep(60_000);
    expect((await flycd('second', 'diff')).code).toBe(0);
    expect((await flycd('third', 'diff')).code).toBe(0);
  });

  test('keeps what it learnt when the last machine goes', async () => {
    await synced();
    world.write(changedFleet('count: 2', 'count: 0'));
    const none = (walkFleet['shop/app.yaml'] ?? '').replace('count: 2', 'count: 0').replace('count: 1', 'count: 0');
    world.write({ 'shop/app.yaml': none });
    expect((await flycd('second', 'sync', '--once', '--accept')).code).toBe(0);
    await world.clock.sleep(60_000);
    expect(machines()).toEqual([]);
    const second = await flycd('second', 'diff');
    expect(second.said).not.toContain('unverified');
    expect((await flycd('third', 'diff')).said).toContain('unverified');
  });
});

describe('a second FlyCD with another key', () => {
  test('says that it cannot know, and changes nothing', async () => {
    await synced();
    const before = world.simulator.world.writes().length;
    const { stdout } = await otherKey('diff');
    expect(stdout).toContain('PASSWORD on Fly: unverified');
    expect((await otherKey('sync', '--once')).code).toBe(0);
    expect((await otherKey('diff')).code).toBe(0);
    expect(world.simulator.world.writes().length).toBe(before);
    expect(stamps()).toHaveLength(1);
  });

  test('sets it with its next release, and both know it then', async () => {
    await synced();
    world.write(changedFleet('GREETING: hello', 'GREETING: goodbye'));
    expect((await otherKey('sync', '--once')).code).toBe(0);
    await world.clock.sleep(60_000);
    expect((await otherKey('diff')).stdout).not.toContain('unverified');
    // The first one's database still holds: it adds what it knows to the machines, and takes nothing away.
    const first = await flycd('first', 'sync', '--once');
    expect(first.code, first.said).toBe(0);
    expect(new Set(parseSecrets(stamps()[0]).map(({ keyId }) => keyId)).size).toBe(2);
    for (const ran of [await flycd('first', 'diff'), await otherKey('diff'), await flycd('third', 'diff')]) {
      expect(ran.code).toBe(0);
    }
  });

  /** Its own data directory has a key of its own. */
  async function otherKey(...argv: readonly string[]) {
    return world.flycd(argv, 'other', undefined, { FLYCD_EVIDENCE_KEY: '' });
  }
});

describe('every machine says it', () => {
  test('also one that is stopped and only gets labelled, by a plan from before the secret was set', async () => {
    await synced();
    const [stopped] = machines();
    if (stopped === undefined) throw new Error('no machine');
    await world.asPerson('POST', `/apps/shop/machines/${stopped.id}/stop`);
    await world.asPerson('DELETE', `/apps/shop/machines/${stopped.id}/metadata/flycd_secrets`);
    await world.clock.sleep(10_000);
    world.write(rotated);
    const before = updates();
    // Started once it is stopped by hand: this is about the stamp, so nothing starts it.
    world.write({ 'flycd.yaml': 'fleet: walk\nsync: { drift: off }\n' });
    expect((await flycd('first', 'diff', '--output', 'json')).said).toContain('metadata.flycd_secrets');
    const ran = await flycd('first', 'sync', '--once');
    expect(ran.code, ran.said).toBe(0);
    expect(updates() - before).toBe(2);
    expect(stamps()).toHaveLength(1);
    expect((await flycd('second', 'diff')).said).not.toContain('unverified');
  });

  test('where a stamp could not be written the pass goes on, and the next one mends it without an update', async () => {
    await synced();
    world.write(rotated);
    world.simulator.world.faults.add({
      template: 'PATCH /apps/{app}/machines/{machine}/metadata',
      fault: { status: 422, body: { error: 'not now' } },
      times: 3,
    });
    const ran = await flycd('first', 'sync', '--once');
    expect(ran.code, ran.said).toBe(0);
    expect(ran.said).toContain('evidence of secrets is not on every machine yet');
    world.simulator.world.faults.clear();
    await world.clock.sleep(60_000);
    expect(stamps()).toHaveLength(1);
    const [one, two] = machines();
    if (one === undefined || two === undefined) throw new Error('no machines');
    await world.asPerson('DELETE', `/apps/shop/machines/${one.id}/metadata/flycd_secrets`);
    await world.asPerson('POST', `/apps/shop/machines/${two.id}/metadata/flycd_secrets`, { value: 'garbage' });
    const before = { updates: updates(), patches: patches() };
    const diff = await flycd('second', 'diff', '--output', 'json');
    expect(diff.said).toContain('metadata.flycd_secrets');
    expect(diff.said).toContain('evidence of 1 secret');
    expect((await flycd('second', 'sync', '--once')).code).toBe(0);
    expect({ updates: updates() - before.updates, patches: patches() - before.patches }).toEqual({
      updates: 0,
      patches: 2,
    });
    expect(stamps()).toHaveLength(1);
    expect((await flycd('first', 'diff')).code).toBe(0);
  });

  test('a secret that is pruned leaves no evidence behind', async () => {
    await synced();
    const text = (walkFleet['shop/app.yaml'] ?? '').replace(/secrets:\n(.*\n){3}/, '');
    world.write({ 'shop/app.yaml': text, 'flycd.yaml': 'fleet: walk\nsync: { prune: [secrets] }\n' });
    const ran = await flycd('second', 'sync', '--once');
    expect(ran.code, ran.said).toBe(0);
    expect(world.simulator.world.snapshot()[0]?.secrets).toEqual({});
    expect(stamps()).toEqual(['']);
    await world.clock.sleep(60_000);
    for (const who of ['first', 'second', 'third']) expect((await flycd(who, 'diff')).code).toBe(0);
  });
});

describe('the same value, set again by a person', () => {
  test('with another digest is drift, for nobody can know what it is: set again, and over', async () => {
    await synced();
    await byHand('correct-horse');
    const secret = world.simulator.world.apps.get('shop')?.secrets.byName.get('PASSWORD');
    if (secret === undefined) throw new Error('no secret');
    secret.digest = 'feedfeedfeedfeed';
    const diff = await flycd('first', 'diff');
    expect(diff.said).toMatch(/^shop {2}drifted/m);
    expect(diff.said).toContain('changed on Fly since it was set');
    expect((await flycd('first', 'sync', '--once')).code).toBe(0);
    expect((await flycd('first', 'diff')).code).toBe(0);
  });

  test('with the same digest, and machines restarted since, is nothing', async () => {
    await synced();
    await byHand('correct-horse');
    for (const { id } of machines()) await world.asPerson('POST', `/apps/shop/machines/${id}/restart`);
    await world.clock.sleep(60_000);
    const { code, said } = await flycd('first', 'diff');
    expect(code, said).toBe(0);
  });

  test('with the same digest, staged: machines may have booted with another value in between, so they are restarted', async () => {
    await synced();
    await byHand('battery-staple');
    for (const { id } of machines()) await world.asPerson('POST', `/apps/shop/machines/${id}/restart`);
    await world.clock.sleep(60_000);
    await byHand('correct-horse');
    const diff = await flycd('first', 'diff');
    expect(diff.code).toBe(2);
    expect(diff.said).toContain('secret PASSWORD is newer than the machine');
    const before = updates();
    expect((await flycd('first', 'sync', '--once')).code).toBe(0);
    expect(updates() - before).toBe(machines().length);
  });
});
