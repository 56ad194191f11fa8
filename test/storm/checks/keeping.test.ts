import { describe, expect, onTestFinished, test } from 'vitest';
import { arena, type Arena } from '../../controllers/arena.ts';
import { makeTwin } from '../people/twins.ts';
import { filesOf, goodImage, type AppIdea, type FleetIdea } from '../world/fleet.ts';
import { watch, type Watch } from './watch.ts';

const app: AppIdea = {
  name: 'app-1',
  region: 'arn',
  image: goodImage,
  env: {},
  memoryMb: undefined,
  secret: undefined,
  ips: ['v6'],
  groups: { web: { count: 1, serves: true, rests: false, checks: true, volumeGb: 1 } },
  strategy: 'rolling',
  maxUnavailable: 1,
  comment: 'first',
  broken: false,
};

/** One machine with a volume and an address under watch, and whoever wants to play a FlyCD that has gone mad. */
async function watched(): Promise<{ readonly it: Arena; readonly eyes: Watch }> {
  const it = await arena({ orderly: true });
  onTestFinished(() => it.close());
  const fleet: FleetIdea = { apps: [app] };
  it.write(filesOf(fleet));
  const eyes = watch(it.simulator.world);
  eyes.expect(fleet);
  expect((await it.flycd(['sync', '--once'])).code).toBe(0);
  expect(eyes.findings).toEqual([]);
  return { it, eyes };
}

const addresses = ({ simulator }: Arena): readonly string[] => [
  ...(simulator.world.apps.get('app-1')?.addresses.keys() ?? []),
];
const release = (it: Arena, ip: string | undefined) =>
  it.asPerson('DELETE', `/apps/app-1/ip_assignments/${encodeURIComponent(ip ?? '')}`);
const volumes = ({ simulator }: Arena): readonly string[] => [
  ...(simulator.world.apps.get('app-1')?.volumes.keys() ?? []),
];

const mount = { name: 'web_data' };

/** What a person makes once of what is there: `volume` or the address. */
async function twin({ it, eyes }: Awaited<ReturnType<typeof watched>>, what: 'volume' | 'address'): Promise<void> {
  const { world, flyctl } = it.simulator;
  const throws = {
    below: () => 0,
    between: () => 0,
    hit: () => what === 'volume',
    pick: <T>([first]: readonly [T, ...T[]]) => first,
    one: <T>([first]: readonly T[]) => first,
  };
  const said = makeTwin(throws, { world, flyctl, fleet: { apps: [app] }, watch: eyes, byHand: new Map() });
  expect(said).toContain(what === 'volume' ? 'fly volumes create' : 'fly ips allocate');
  await it.clock.sleep(1000);
}

describe('the watch over what has to be kept finds', () => {
  test('a write to an app whose file is unread, by whoever began after that', async () => {
    const { it, eyes } = await watched();
    const before = eyes.working();
    await it.clock.sleep(10);
    eyes.keeping.unread(['app-1']);
    await release(it, addresses(it)[0]);
    // It had begun before; what is only looked at is not touched either.
    expect(eyes.findings).toEqual([expect.stringContaining('the only v6')]);
    before();
    await it.asPerson('GET', '/apps/app-1/volumes');
    expect(eyes.findings).toHaveLength(1);
    await it.asPerson('POST', '/apps/app-1/ip_assignments', { type: 'v6' });
    expect(eyes.findings[1]).toContain('app-1: is unread, and somebody did POST');
  });

  test('nothing where another app is unread, and where all is read again', async () => {
    const { it, eyes } = await watched();
    eyes.keeping.unread(['app-2']);
    await it.asPerson('POST', '/apps/app-1/ip_assignments', { type: 'v4' });
    eyes.keeping.unread(undefined);
    eyes.keeping.read();
    await it.asPerson('POST', '/apps/app-1/ip_assignments', { type: 'shared_v4' });
    expect(eyes.findings).toEqual([]);
  });

  test('that the address FlyCD made goes and its twin by hand stays, and not the other way round', async () => {
    const place = await watched();
    const { it, eyes } = place;
    await twin(place, 'address');
    const [ours, theirs] = addresses(it);
    await release(it, theirs);
    expect(eyes.findings).toEqual([]);
    await twin(place, 'address');
    await release(it, ours);
    expect(eyes.findings).toEqual([expect.stringContaining(`${ours} goes and an equal one made by hand stays`)]);
  });

  test('that the older of two goes where nobody remembers who made them', async () => {
    const place = await watched();
    const { it, eyes } = place;
    await twin(place, 'address');
    eyes.keeping.forgotten();
    await release(it, addresses(it)[0]);
    expect(eyes.findings).toHaveLength(1);
  });

  test('a machine on an empty volume by hand while the one FlyCD made is free', async () => {
    const place = await watched();
    const { it, eyes } = place;
    await twin(place, 'volume');
    const [ours, theirs] = volumes(it);
    const [machine] = it.simulator.world.apps.get('app-1')?.machines.values() ?? [];
    const config = { ...machine?.config, mounts: [{ path: '/data', name: 'web_data', volume: theirs }] };
    const make = (name: string) => it.asPerson('POST', '/apps/app-1/machines', { name, region: 'arn', config });
    await make('beside');
    expect(eyes.findings.filter((finding) => finding.includes('mounts'))).toEqual([]);
    for (const one of ['beside', machine?.id ?? '']) {
      const id = it.simulator.world.apps.get('app-1')?.machineNames.get(one) ?? one;
      await it.asPerson('DELETE', `/apps/app-1/machines/${id}?force=true`);
    }
    await it.clock.sleep(5000);
    await make('instead');
    expect(eyes.findings.filter((finding) => finding.includes('mounts'))).toEqual([
      expect.stringContaining(`instead mounts ${theirs}, made by hand, and ${ours} is free`),
    ]);
  });

  /** Volumes in the order in which machines mount them, of three that are free: two of FlyCD's, and theirs. */
  test.each([
    ['the last one', 'rolling', 3, [0, 2], 1],
    ['the first of a pass, which is made alone', 'rolling', 4, [2, 0, 1], 1],
    ['one of two that are made side by side', 'rolling', 4, [0, 2, 1], 0],
    ['one of three at once', 'immediate', 4, [2, 0, 1], 0],
    ['the one that tells the others what a tag means', 'immediate', 4, [2, 0, 1], 1, goodImage],
    ['one of two at once, where two of FlyCD’s are free', 'immediate', 3, [2, 0], 1],
  ] as const)('a volume by hand that is mounted before the one FlyCD made: by %s', async (...row) => {
    const [, strategy, count, order, found, image] = row;
    const place = await watched();
    const { it, eyes } = place;
    const { web } = app.groups;
    eyes.expect({ apps: [{ ...app, strategy, groups: web === undefined ? {} : { web: { ...web, count } } }] });
    for (const size_gb of [1, 1])
      await it.asPerson('POST', '/apps/app-1/volumes', { ...mount, region: 'arn', size_gb });
    await twin(place, 'volume');
    const [, ...free] = volumes(it);
    const ended = eyes.working();
    const [machine] = it.simulator.world.apps.get('app-1')?.machines.values() ?? [];
    for (const which of order) {
      const mounts = [{ ...mount, path: '/data', volume: free[which] }];
      const config = { ...machine?.config, mounts, ...(image === undefined ? {} : { image }) };
      await it.asPerson('POST', '/apps/app-1/machines', { name: `web-arn-${which + 2}-g1`, region: 'arn', config });
    }
    ended();
    expect(eyes.findings.filter((finding) => finding.includes('mounts'))).toHaveLength(found);
  });

  test('a volume that is deleted, and an app that goes with one', async () => {
    const { it, eyes } = await watched();
    const theirs = (await it.asPerson('POST', '/apps/app-1/volumes', {
      name: 'more',
      region: 'arn',
      size_gb: 1,
    })) as { readonly id: string };
    await it.asPerson('DELETE', `/apps/app-1/volumes/${theirs.id}`);
    expect(eyes.findings).toEqual([expect.stringContaining('app-1: somebody did DELETE')]);
    await it.asPerson('DELETE', '/apps/app-1?force=true');
    expect(eyes.findings[1]).toContain('app-1: was destroyed with its volumes');
  });
});
