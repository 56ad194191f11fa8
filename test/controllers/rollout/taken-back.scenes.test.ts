import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import { prepared, type Arena, type Files } from '../arena.ts';
import { callOf } from '../calls.ts';

let world: Arena;
afterEach(() => world.close());

interface Shop {
  readonly image?: string;
  readonly pinned?: boolean;
  readonly count?: number;
  readonly more?: string;
}

const service = `http_service:
  internal_port: 8080
  checks:
    - path: /health
      interval: 5s
      timeout: 2s
`;

function shop({ image = 'shop:1', pinned = true, count = 2, more = service }: Shop = {}): Files {
  const digest = pinned ? `@sha256:${hash('sha256', image)}` : '';
  return {
    'flycd.yaml': 'fleet: reverts\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}${digest}
machines:
  count: ${count}
${more}`,
  };
}

const machines = () => world.simulator.world.snapshot().find((app) => app.name === 'shop')?.machines ?? [];
const images = () => machines().map(({ config }) => /acme\/([^@]+)/.exec(config.image ?? '')?.[1]);
const updates = () =>
  world.simulator.world.writes(({ template }) => template === 'POST /apps/{app}/machines/{machine}').length;

async function sync(...words: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once', ...words]);
  return { code, said: stderr + stdout };
}

/** Held from then on: nothing more is sent, whatever FlyCD has forgotten, until git says something else. */
async function staysHeld(): Promise<void> {
  const sent = updates();
  for (let pass = 0; pass < 2; pass += 1) {
    world.forget();
    const again = await sync();
    expect(again.code, again.said).toBe(4);
  }
  expect(updates()).toBe(sent);
  world.write(shop({ image: 'shop:3' }));
  const mended = await sync();
  expect(mended.code, mended.said).toBe(0);
  expect(images()).toEqual(['shop:3', 'shop:3']);
}

describe('an update that Fly takes back is a failed release', () => {
  test.each([
    ['by digest', true],
    ['by tag', false],
  ])(
    'its image cannot be had, named %s: the machine’s last events are told, and one machine tried it',
    async (_what, pinned) => {
      world = await prepared([shop({ pinned })], shop({ image: 'missing-image:2', pinned }));
      const before = updates();
      const { code, said } = await sync();
      expect(code, said).toBe(1);
      expect(said).toContain('Fly took the update of a machine back');
      expect(said).toContain('start started, update replacing, update failed');
      expect(said).not.toContain('somebody else');
      expect(images()).toEqual(['shop:1', 'shop:1']);
      expect(updates() - before).toBe(1);
      expect(machines().map(({ metadata }) => metadata['flycd_failed'] ?? '')).toEqual([
        expect.stringMatching(/./),
        expect.stringMatching(/./),
      ]);
      await staysHeld();
    },
  );

  test('with another instance id, and the config from before', async () => {
    world = await prepared([shop()], shop({ image: 'shop:2' }));
    revertOnce(() => 'anew');
    const { code, said } = await sync();
    expect(code, said).toBe(1);
    expect(said).toContain('Fly took the update of a machine back');
    expect(images()).toEqual(['shop:1', 'shop:1']);
    await staysHeld();
  });

  test('of a machine at rest, which nobody waits for', async () => {
    const job = 'machine:\n  schedule: daily\n';
    world = await prepared([shop({ more: job })], shop({ image: 'missing-image:2', more: job }));
    for (const { id } of machines()) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
    await world.clock.sleep(60_000);
    const { code, said } = await sync();
    expect(code, said).toBe(1);
    expect(said).toContain('Fly took the update of a machine back');
    expect(images()).toEqual(['shop:1', 'shop:1']);
    const sent = updates();
    expect((await sync()).code).toBe(4);
    expect(updates()).toBe(sent);
  });

  test('after FlyCD was killed: the next pass finds out', async () => {
    const [before, files] = [[shop()], shop({ image: 'missing-image:2' })];
    const call = await callOf('POST /apps/{app}/machines/{machine}', 1, { before, files });
    world = await prepared(before, files, { orderly: true });
    await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    expect(machines().some(({ state }) => state === 'replacing')).toBe(true);
    await world.clock.sleep(60_000);
    const { code, said } = await sync();
    expect(code, said).toBe(1);
    await staysHeld();
  });

  test('of a healed machine: the version that ran well is not blamed, and it is tried again', async () => {
    world = await prepared([shop()], {});
    const [machine] = machines();
    const config = { ...machine?.config, env: { BY: 'hand' } };
    await world.asPerson('POST', `/apps/shop/machines/${machine?.id ?? ''}`, { config });
    await world.clock.sleep(60_000);
    revertOnce(() => 'same');
    const { code, said } = await sync();
    expect(code, said).toBe(1);
    expect(said).toContain('Fly took the update of a machine back');
    expect(machines().map(({ metadata }) => metadata['flycd_failed'])).toEqual([undefined, undefined]);
    expect((await sync()).code).toBe(0);
    expect(machines().map((one) => one.config.env?.['BY'])).toEqual([undefined, undefined]);
  });
});

test('an image that no registry has: the first machine fails, no second one is made, and the app is held', async () => {
  world = await prepared([], shop({ image: 'missing-image:1' }));
  const { code, said } = await sync();
  expect(code, said).toBe(1);
  expect(said).toContain('it is failed');
  expect(machines()).toHaveLength(1);
  expect((await sync()).code).toBe(4);
});

test('a release command whose image no registry has fails at once, not when its time is over', async () => {
  const command = `deploy:\n  release_command: migrate\n${service}`;
  world = await prepared([shop({ more: command })], shop({ image: 'missing-image:2', more: command }));
  const at = world.clock.now();
  const { code, said } = await sync();
  expect(code, said).toBe(1);
  expect(said).toContain('it did not start');
  expect(world.clock.now() - at).toBeLessThan(60_000);
  await world.clock.sleep(5000);
  expect(images()).toEqual(['shop:1', 'shop:1']);
});

test('somebody else’s update is none of that', async () => {
  world = await prepared([shop()], shop({ image: 'shop:2' }));
  revertOnce(({ env, ...config }) => ({ ...config, env: { ...env, BY: 'somebody' } }));
  const { code, said } = await sync();
  expect(code, 'it is planned again in the same run').toBe(0);
  expect(said).toMatch(/machine \w+ was updated by somebody else while FlyCD waited for it/);
  expect(images()).toEqual(['shop:2', 'shop:2']);
  expect(machines().map(({ metadata }) => metadata['flycd_failed'])).toEqual([undefined, undefined]);
});

describe('one read that lags shows no failed release', () => {
  const job = 'machine:\n  schedule: daily\n';

  test.each([
    ['the machine as before its update, while it is replaced', service, 1, 'GET'],
    ['the same for twenty seconds', service, 20, 'GET'],
    ['the same of a machine at rest', job, 1, 'GET'],
    ['no machine at all', service, 1, '404'],
  ])('%s', async (_what, more, times, shown) => {
    world = await prepared([shop({ more })], shop({ more, image: 'shop:2' }));
    await restAll(more === job);
    lagging(shown === 'GET' ? await shownNow() : undefined, times);
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(images()).toEqual(['shop:2', 'shop:2']);
    expect(machines().map(({ metadata }) => metadata['flycd_failed'])).toEqual([undefined, undefined]);
    expect(updates()).toBe(2);
  });

  test('as it was two versions ago', async () => {
    world = await prepared([shop()], shop({ image: 'shop:2' }));
    const old = await shownNow();
    expect((await sync()).code).toBe(0);
    world.write(shop({ image: 'shop:3' }));
    lagging(old, 1);
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(said).not.toContain('somebody');
    expect(images()).toEqual(['shop:3', 'shop:3']);
  });

  test('it is read back once more as well: what Fly made of the update is stamped', async () => {
    world = await prepared([shop()], shop({ image: 'shop:2' }));
    const old = await shownNow();
    const template = 'GET /apps/{app}/machines/{machine}';
    let updated = false;
    let reads = 0;
    const id = machines()[0]?.id ?? '';
    world.simulator.world.onRequest = ({ phase, request }) => {
      if (phase !== 'before' || !request.path.includes(id)) return;
      if (request.template === 'POST /apps/{app}/machines/{machine}') updated = true;
      if (!updated || request.template !== template) return;
      const { state, checks } = world.simulator.world.apps.get('shop')?.machines.get(id) ?? {};
      const isHealthy = state === 'started' && checks?.every(({ status }) => status === 'passing') === true;
      // The read that finds it healthy, and the one after that, which shows the past.
      if (isHealthy && (reads += 1) === 1)
        world.simulator.world.faults.add({ template, fault: { status: 200, body: old }, nth: 2 });
    };
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(reads).toBeGreaterThan(1);
    expect(said).not.toContain('somebody changed it');
    expect(machines().map(({ metadata }) => metadata['flycd_unproven'])).toEqual([undefined, undefined]);
  });
});

describe('an image that is pushed after its commit is tried', () => {
  let isPushed: boolean;
  /** Docker's registry: what git names first is there from the start. */
  const others = ({ hostname, pathname }: URL): Response | undefined => {
    if (!hostname.endsWith('docker.io')) return undefined;
    const isThere = pathname.endsWith('/1') || isPushed;
    const digest = `sha256:${hash('sha256', pathname)}`;
    return new Response('', isThere ? { headers: { 'docker-content-digest': digest } } : { status: 404 });
  };
  const held = async (): Promise<void> => {
    const sent = updates();
    const { code, said } = await sync();
    expect(code, said).toBe(4);
    expect(updates()).toBe(sent);
    // What a registry said is remembered for minutes.
    await world.clock.sleep(600_000);
  };

  test('once its registry has it, and goes well', async () => {
    isPushed = false;
    world = await prepared([shop({ pinned: false })], shop({ image: 'shop:2', pinned: false }), { others });
    revertOnce(() => 'same');
    expect((await sync()).code).toBe(1);
    await held();
    isPushed = true;
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(images()).toEqual(['shop:2', 'shop:2']);
  });

  test.each([
    ['an update', service],
    ['a release command', `deploy:\n  release_command: migrate\n${service}`],
  ])('%s that fails again is held then, whatever its registry says later', async (_what, more) => {
    isPushed = false;
    const image = 'missing-image:2';
    world = await prepared([shop({ more, pinned: false })], shop({ more, image, pinned: false }), { others });
    expect((await sync()).code).toBe(1);
    await held();
    isPushed = true;
    const again = await sync();
    expect(again.code, again.said).toBe(1);
    await held();
    isPushed = false;
    await held();
  });

  test('in a first release, of which the first machine has yet to run anything', async () => {
    isPushed = false;
    world = await prepared([], shop({ image: 'missing-image:2', pinned: false }), { others });
    const first = await sync();
    expect(first.code, first.said).toBe(1);
    expect(first.said).toContain('Fly took the update of a machine back');
    await held();
    isPushed = true;
    expect((await sync()).code).toBe(1);
    await held();
  });
});

/** What Fly says of the first machine now. */
const shownNow = () => world.asPerson('GET', `/apps/shop/machines/${machines()[0]?.id ?? ''}`);

async function restAll(isMeant: boolean): Promise<void> {
  if (!isMeant) return;
  for (const { id } of machines()) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
  await world.clock.sleep(60_000);
}

/** After the first update so many reads show what was, or no machine. */
function lagging(body: unknown, times: number): void {
  let isArmed = false;
  world.simulator.world.onRequest = ({ request }) => {
    if (isArmed || request.template !== 'POST /apps/{app}/machines/{machine}') return;
    isArmed = true;
    const fault = body === undefined ? { status: 404, body: { error: 'machine not found' } } : { status: 200, body };
    world.simulator.world.faults.add({ template: 'GET /apps/{app}/machines/{machine}', times, fault });
  };
}

/** The first update from now on does not stay: the machine gets what it had, or another config. */
function revertOnce(what: (before: MachineConfig) => MachineConfig | 'anew' | 'same'): void {
  const { simulator } = world;
  let done = false;
  let before: Pick<Machine, 'config' | 'imageRef' | 'instanceId'> | undefined;
  simulator.world.onRequest = ({ phase, request }) => {
    if (done || request.template !== 'POST /apps/{app}/machines/{machine}') return;
    const machine = simulator.world.apps.get('shop')?.machines.get(request.path.split('/').at(-1) ?? '');
    if (machine === undefined) throw new Error(`no machine in ${request.path}`);
    if (phase === 'before') {
      const { imageRef, instanceId } = machine;
      before = { config: structuredClone(machine.config), imageRef, instanceId };
      return;
    }
    if (before === undefined) return;
    done = true;
    const was = before;
    simulator.world.after(500, () => {
      const said = what(was.config);
      machine.config = typeof said === 'string' ? was.config : said;
      machine.imageRef = was.imageRef;
      machine.instanceId = said === 'same' ? was.instanceId : simulator.world.drawUlid(machine.app, 'version');
    });
  };
}
