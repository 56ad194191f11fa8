import { expect, onTestFinished, test } from 'vitest';
import { arena, type Arena } from '../../controllers/arena.ts';
import { dice } from '../world/dice.ts';
import { goodImage, filesOf, type AppIdea, type FleetIdea } from '../world/fleet.ts';
import { grantTokens, makeRival, oursEnvironment } from '../world/rival.ts';
import type { PlannedApp } from './invariants.ts';
import { fleetOf, originsAreOne, othersAreHeld, owners, planOf, writtenAgain, type Owners } from './owners.ts';

const app: AppIdea = {
  name: 'app-1',
  region: 'arn',
  image: goodImage,
  env: { GREETING: 'hello' },
  memoryMb: undefined,
  secret: undefined,
  ips: ['v6'],
  groups: { web: { count: 2, serves: true, rests: false, checks: true, volumeGb: undefined } },
  strategy: 'rolling',
  maxUnavailable: undefined,
  comment: 'first',
  broken: false,
};
const fleet: FleetIdea = { apps: [app] };
const sync = ['sync', '--once'];

interface Contest {
  readonly it: Arena;
  readonly eyes: Owners;
  readonly moves: number;
  readonly rival: ReturnType<typeof makeRival>;
}

/** Ours came first to app-1, under watch; `hands` are those that somebody destroyed machines by. */
async function contested(hands: ReadonlySet<string> = new Set()): Promise<Contest> {
  const it = await arena({ orderly: true, env: oursEnvironment });
  onTestFinished(() => it.close());
  const rival = makeRival(dice(3, 'rival'), it, fleet, false);
  rival.fleet = { apps: [{ ...app, env: { GREETING: 'theirs' } }] };
  rival.publish();
  it.write(filesOf(fleet, undefined, 'flycd'));
  let moves = 0;
  const { world } = it.simulator;
  const eyes = owners({
    world,
    tokens: grantTokens(it),
    isHands: (name) => hands.has(name),
    moved: () => {
      moves += 1;
    },
  });
  const ran = await it.flycd(sync);
  expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  return { it, eyes, rival, moves };
}

const machines = ({ simulator }: Arena) => [...(simulator.world.apps.get('app-1')?.machines.values() ?? [])];

/** One write as the FlyCD with that token makes it. */
async function write({ simulator }: Arena, token: string, method: string, path: string, body?: object): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  await fetch(`${simulator.url}/v1${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

test('whoever came first has the app, and the other one is held without a finding', async () => {
  const { it, eyes, rival, moves } = await contested();
  expect([eyes.of('app-1'), eyes.of('app-2'), moves]).toEqual(['ours', undefined, 1]);
  const { ran } = await rival.flycd(sync);
  expect(ran?.code).toBe(4);
  expect(eyes.findings).toEqual([]);
  expect(originsAreOne(it.simulator.world.snapshot(), eyes)).toEqual([]);
  expect(fleetOf({ ours: fleet, theirs: rival.fleet }, eyes)).toEqual(fleet);
  expect(fleetOf({ ours: { apps: [] }, theirs: rival.fleet }, eyes)).toEqual({ apps: [] });
});

test.each([
  ['a label', 'PATCH', (id: string) => `/machines/${id}/metadata`, { updates: [{ key: 'x', value: 'y' }] }],
  ['a lease', 'POST', (id: string) => `/machines/${id}/lease`, { ttl: 5 }],
  ['a secret', 'POST', () => '/secrets', { values: { A: 'b' } }],
  ['an address', 'POST', () => '/ip_assignments', { type: 'v6' }],
  ['the end of a machine', 'DELETE', (id: string) => `/machines/${id}`, undefined],
] as const)('found: the other side writes %s', async (_what, method, place, body) => {
  const { it, eyes } = await contested();
  const path = `/apps/app-1${place(machines(it)[0]?.id ?? '')}`;
  await write(it, it.simulator.token, 'GET', path);
  // Who has seen whose the app is.
  await write(it, 'fm2_theirs', 'GET', '/apps/app-1/machines');
  await write(it, it.simulator.token, method, path, body);
  await write(it, oursEnvironment.FLY_API_TOKEN, method, path, body);
  expect(eyes.findings).toEqual([]);
  await write(it, 'fm2_theirs', method, path, body);
  expect(eyes.findings).toEqual([
    expect.stringContaining(`app-1: belongs to ours, and theirs did ${method} /v1${path}`),
  ]);
});

test.each([
  ['its own', 'fm2_theirs', 0],
  ['a person’s, made right before', undefined, 1],
] as const)('of a machine without an origin the other side takes away %s', async (_whose, maker, found) => {
  const { it, eyes } = await contested();
  const before = new Set(machines(it).map(({ id }) => id));
  // What runs a release command carries none.
  const body = { name: 'command', region: 'arn', config: { image: 'docker.io/library/nginx:1' } };
  await write(it, maker ?? it.simulator.token, 'POST', '/apps/app-1/machines', body);
  await write(it, 'fm2_theirs', 'POST', '/apps/app-1/machines', { ...body, name: 'another' });
  await write(it, 'fm2_theirs', 'GET', '/apps/app-1/machines');
  const made = machines(it).find(({ id, name }) => !before.has(id) && name === 'command');
  await write(it, 'fm2_theirs', 'DELETE', `/apps/app-1/machines/${made?.id}?force=true`);
  expect(eyes.findings).toHaveLength(found);
});

test.each([
  ['by hand, which is nobody’s fault', new Set(['app-1']), []],
  ['by no hand', new Set<string>(), [expect.stringContaining('app-1: belonged to ours, and now it is of theirs')]],
])('an app whose machines all went %s goes to whoever comes next', async (_how, hands, findings) => {
  const { it, eyes, rival } = await contested(hands);
  for (const { id } of machines(it))
    await write(it, it.simulator.token, 'DELETE', `/apps/app-1/machines/${id}?force=true`);
  await it.clock.sleep(60_000);
  await rival.flycd(sync);
  expect(eyes.of('app-1')).toBe('theirs');
  expect(eyes.findings).toEqual(findings);
});

test('found: machines of two origins in one app', async () => {
  const { it, eyes } = await contested();
  const metadata = machines(it)[0]?.config.metadata ?? {};
  metadata['flycd_origin'] = `o1:${'0'.repeat(32)}:`;
  expect(originsAreOne(it.simulator.world.snapshot(), eyes)).toEqual([expect.stringContaining('app-1: ')]);
});

const step = { kind: 'machine.label', target: 'app-1/web/arn/1', because: 'why' };
const hold = (reason: string) => ({ reason, because: 'why', steps: [] });
const planned: PlannedApp = { app: 'app-1', status: 'blocked', steps: [], holds: [hold('owner')], notes: [] };
const ofOurs: Owners = { of: () => 'ours', findings: [] };

test('the other side’s plan is a hold, whole: found where it is not', () => {
  const said = (theirs: PlannedApp): readonly string[] => othersAreHeld({ ours: [], theirs: [theirs] }, ofOurs);
  expect(said(planned)).toEqual([]);
  expect(said({ ...planned, status: 'orphaned', holds: [] })).toEqual([]);
  expect(said({ ...planned, steps: [step] })).toHaveLength(1);
  expect(said({ ...planned, holds: [] })).toHaveLength(1);
  expect(said({ ...planned, holds: [hold('owner'), hold('drift')] })).toHaveLength(1);
  const ours = { ...planned, status: 'synced', holds: [] };
  expect(othersAreHeld({ ours: [ours], theirs: [] }, ofOurs)).toEqual([]);
  expect(planOf({ ours: [ours], theirs: [planned] }, ofOurs)).toEqual([ours]);
});

test('found: whatever is written when all is as git says', async () => {
  const { it } = await contested();
  const { requests } = it.simulator.world;
  const before = requests.length;
  await it.flycd(sync);
  expect(writtenAgain(requests.slice(before))).toEqual([]);
  await it.asPerson('POST', '/apps/app-1/secrets', { values: { A: 'b' } });
  expect(writtenAgain(requests.slice(before))).toEqual([
    'all is as git says, and somebody did POST /v1/apps/app-1/secrets',
  ]);
});
