/** A word that is said in the middle of a pass: nothing that the pass would do after it is done, and no update writes over it. */
import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, prepared, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

interface Parts {
  readonly image?: string;
  readonly count?: number;
  readonly more?: string;
}

function shop({ image = 'shop:1', count = 3, more = '' }: Parts = {}): Files {
  return {
    'flycd.yaml': 'fleet: rolls\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}@sha256:${hash('sha256', image)}
machines: { count: ${count} }
${more}`,
  };
}

const [updated, restarted, started] = ['', '/restart', '/start'].map(
  (action) => `POST /apps/{app}/machines/{machine}${action}`,
) as [string, string, string];

const there = () => [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
const suspensions = () => there().map(({ config }) => config.metadata?.['flycd_suspend'] ?? '');

/** These commits one after the other; a second after the first such request behind `armed`, a person suspends the app. */
async function saidAfter(
  request: RegExp,
  { inMs = 1000, state = 'b' }: { readonly inMs?: number; readonly state?: string } = {},
) {
  let isArmed = false;
  let saidAt = Infinity;
  let word: ReturnType<Arena['flycd']> | undefined;
  const say = (): void => {
    saidAt = world.clock.now();
    word = world.flycd(['suspend', 'shop', '--reason', 'incident'], state);
  };
  world = await arena({
    others: (url, method) => {
      if (!isArmed || !request.test(`${method} ${url.pathname}`)) return undefined;
      isArmed = false;
      if (inMs === 0) say();
      else world.clock.timer(inMs, say);
      return undefined;
    },
  });
  return {
    first: async (files: Files): Promise<void> => {
      world.write(files);
      expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    },
    sync: async (files: Files = {}) => {
      world.write(files);
      isArmed = true;
      const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
      await word;
      expect(saidAt, 'nothing was said').toBeLessThan(Infinity);
      return { code, said: stdout + stderr };
    },
    /** How many were sent once the word stood: it takes a person's command a second. */
    after: (template: string): number =>
      world.simulator.world.requests.filter((one) => one.template === template && one.at > saidAt + 1000).length,
  };
}

describe.each([
  ['by another FlyCD', 'b'],
  ['here', 'state'],
])('after the first machine, %s', (_where, state) => {
  const disk = (gb: number) =>
    shop({
      more: `mounts: [{ source: data, destination: /data, initial_size: ${gb}GB }]\nchecks: { up: { type: tcp, port: 8080, interval: 5s, timeout: 2s } }\n`,
    });

  test('no second one is restarted', async () => {
    const saying = await saidAfter(/POST .*\/restart$/, { state });
    await saying.first(disk(1));
    const { code, said } = await saying.sync(disk(2));
    expect(saying.after(restarted), said).toBe(0);
    expect(code, said).toBe(4);
  });

  test('no second one is updated', async () => {
    const saying = await saidAfter(/POST .*\/machines\/[0-9a-f]+$/, { state });
    await saying.first(shop());
    const { code, said } = await saying.sync(shop({ image: 'shop:2' }));
    expect(saying.after(updated), said).toBe(0);
    expect(suspensions().every((text) => text.includes('incident'))).toBe(true);
    expect(code, said).toBe(4);
  });

  test('no second one is started', async () => {
    const saying = await saidAfter(/POST .*\/start$/, { state });
    await saying.first(shop());
    for (const machine of there()) machine.state = 'stopped';
    const { code, said } = await saying.sync();
    expect(saying.after(started), said).toBe(0);
    expect(code, said).toBe(4);
  });

  test('nothing is taken away at the end', async () => {
    const rest = (ips: string, secret: string) =>
      `network: { ips: [${ips}] }\nsecrets: [{ name: ${secret}, type: raw, raw: x }]\nsync: { prune: [addresses, secrets] }\n`;
    const saying = await saidAfter(/POST .*\/machines\/[0-9a-f]+$/, { state });
    await saying.first(shop({ count: 1, more: rest('{ v: v6 }, { v: v4 }', 'OLD') }));
    const { code, said } = await saying.sync(shop({ count: 1, image: 'shop:2', more: rest('{ v: v6 }', 'NEW') }));
    const app = world.simulator.world.apps.get('shop');
    expect(app?.addresses.size, said).toBe(2);
    expect([...(app?.secrets.byName.keys() ?? [])].toSorted(), said).toEqual(['NEW', 'OLD']);
    expect(code, said).toBe(4);
  });
});

describe('an update writes over no word', () => {
  test('that was said while Fly was told of the release', async () => {
    const saying = await saidAfter(/POST .*\/releases$/, { inMs: 0 });
    await saying.first(shop({ count: 1 }));
    world.simulator.world.faults.add({ template: 'POST /api/v1/releases', fault: { latencyMs: 2500 } });
    const { code, said } = await saying.sync(shop({ count: 1, image: 'shop:2' }));
    expect(suspensions()[0], said).toContain('incident');
    expect(there()[0]?.config.image, said).toContain('shop:1');
    expect(code, said).toBe(4);
  });

  test('that was said while Fly took it: it is put back where this SQLite knows it', async () => {
    const saying = await saidAfter(/POST .*\/machines\/[0-9a-f]+$/, { inMs: 0, state: 'state' });
    await saying.first(shop({ count: 1 }));
    world.simulator.world.faults.add({ template: updated, fault: { latencyMs: 2500 } });
    const { said } = await saying.sync(shop({ count: 1, image: 'shop:2' }));
    expect(suspensions()[0], said).toContain('incident');
  });

  test('that was said while Fly took it, by another FlyCD: whoever said it puts it back', async () => {
    const saying = await saidAfter(/POST .*\/machines\/[0-9a-f]+$/, { inMs: 0 });
    await saying.first(shop({ count: 1 }));
    world.simulator.world.faults.add({ template: updated, fault: { latencyMs: 2500 } });
    const { said } = await saying.sync(shop({ count: 1, image: 'shop:2' }));
    expect(there()[0]?.config.image, said).toContain('shop:2');
    expect(suspensions()[0], said).toContain('incident');
  });

  test('that was said while Fly took it: it is put back where another machine has it', async () => {
    const saying = await saidAfter(/POST .*\/machines\/[0-9a-f]+$/, { inMs: 0 });
    await saying.first(shop({ count: 2 }));
    world.simulator.world.faults.add({ template: updated, fault: { latencyMs: 2500 } });
    const { said } = await saying.sync(shop({ count: 2, image: 'shop:2' }));
    expect(
      suspensions().every((text) => text.includes('incident')),
      said,
    ).toBe(true);
  });

  test('that was lifted before: nothing has to be put back, and no write is spent on it', async () => {
    world = await prepared([shop({ count: 1 }), shop({ count: 1, image: 'shop:2' })], {});
    const written = async (image: string): Promise<number> => {
      const before = world.simulator.world.writes().length;
      world.write(shop({ count: 1, image }));
      expect((await world.flycd(['sync', '--once'])).code).toBe(0);
      return world.simulator.world.writes().length - before;
    };
    const usual = await written('shop:3');
    for (const argv of [
      ['suspend', 'shop', '--reason', 'incident'],
      ['resume', 'shop'],
      ['sync', '--once'],
    ])
      expect((await world.flycd(argv)).code).toBe(0);
    expect(await written('shop:4')).toBe(usual);
  });
});

test('whoever said it of a machine that somebody else holds looks every two seconds, and is told of which', async () => {
  world = await prepared([shop({ count: 1 })], {});
  const [machine] = there();
  if (machine === undefined) throw new Error('no machine');
  machine.lease = { nonce: 'x', owner: 'bob', description: 'mine', expiresAt: world.clock.now() + 600_000 };
  const [first, at] = [world.simulator.world.requests.length, world.clock.now()];
  const { code, stderr } = await world.flycd(['suspend', 'shop', '--reason', 'incident']);
  expect(code, stderr).toBe(1);
  expect(stderr).toMatch(new RegExp(`where: +shop ${machine.id}\\b`));
  const looks = world.simulator.world.requests.slice(first).filter(({ template }) => template.endsWith('/{machine}'));
  expect(looks.length).toBeLessThan((world.clock.now() - at) / 2000 + 10);
});
