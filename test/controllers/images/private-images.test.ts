/** Images of a registry that gives them to nobody without credentials: Fly's machines could not pull them. */
import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../arena.ts';

let world: Arena;
/** The simulator's registry, which wants a token, as somebody's own: Fly's goes by its usual name here. */
let host: string;

beforeEach(async () => {
  world = await arena({ env: { FLY_REGISTRY_HOST: 'registry.fly.io' } });
  host = new URL(world.simulator.url).host;
});
afterEach(() => world.close());

interface Shop {
  readonly image: string;
  readonly color?: string;
  readonly more?: string;
}

const digest = (text: string): string => `sha256:${hash('sha256', text)}`;
const open = `docker.io/acme/shop:1@${digest('open')}`;
const tagged = (): string => `${host}/acme:1`;
const pinned = (): string => `${host}/acme:1@${digest('private')}`;

function shop({ image, color = 'red', more = '' }: Shop): Files {
  return {
    'flycd.yaml': 'fleet: private\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: ${image}
env:
  COLOR: ${color}
secrets:
  - { name: PASSWORD, type: raw, raw: correct }
machines:
  count: 2
${more}`,
  };
}

async function flycd(...argv: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

const machines = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop')?.machines ?? [];
const writes = () => world.simulator.world.writes().map(({ template }) => template);
const asked = () => world.simulator.world.requests.filter(({ path }) => path.startsWith('/v2/'));

async function synced(files: Files): Promise<void> {
  world.write(files);
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(0);
}

describe('held before anything is made', () => {
  test.each([
    ['by tag', tagged],
    ['by digest', pinned],
  ])('a new app, its image named %s', async (_what, image) => {
    world.write(shop({ image: image() }));
    for (const words of [['diff'], ['sync', '--once']]) {
      const { code, said } = await flycd(...words);
      expect(code, said).toBe(4);
      expect(said).toContain(`Fly cannot pull ${image()}: ${host} answers 401 to whoever asks with`);
      expect(said).toContain('registry.fly.io/shop');
    }
    expect(writes()).toEqual([]);
    expect((await flycd('status')).said).toMatch(/shop +blocked/);
  });

  test('an app that runs goes on with the image that it has', async () => {
    await synced(shop({ image: open }));
    const versions = machines().map(({ version }) => version);
    world.write(shop({ image: pinned(), color: 'blue' }));
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(4);
    expect(machines().map(({ version }) => version)).toEqual(versions);
  });

  test('the image of a container, and that of a release command', async () => {
    const containers = `machine_config: '{"containers":[{"name":"app","image":"."},{"name":"side","image":"${pinned()}"}]}'\n`;
    world.write(shop({ image: open, more: containers }));
    const inside = await flycd('sync', '--once');
    expect(inside.code, inside.said).toBe(4);
    expect(inside.said).toContain(`Fly cannot pull ${pinned()}`);
    world.write(shop({ image: pinned(), more: 'deploy:\n  release_command: migrate\n' }));
    expect((await flycd('sync', '--once')).code).toBe(4);
    expect(writes()).toEqual([]);
  });

  test('until a person insists, or git names another', async () => {
    world.write(shop({ image: pinned() }));
    expect((await flycd('sync', '--once')).code).toBe(4);
    expect((await flycd('sync', '--once', '--now')).code).toBe(0);
    expect(machines().map(({ config }) => config.image)).toEqual([pinned(), pinned()]);
    await synced(shop({ image: open }));
  });
});

describe('nothing is held', () => {
  test('a registry that cannot be reached', async () => {
    await synced(shop({ image: open }));
    expect(machines()).toHaveLength(2);
  });

  test('machines carry the reference already, whoever gave it to them: the registry is not asked', async () => {
    world.write(shop({ image: pinned() }));
    expect((await flycd('sync', '--once', '--now')).code).toBe(0);
    const before = asked().length;
    await synced(shop({ image: pinned(), color: 'blue' }));
    await synced(shop({ image: pinned(), color: 'blue', more: 'metrics:\n  port: 9091\n  path: /metrics\n' }));
    expect(asked()).toHaveLength(before);
    expect(machines().map(({ config }) => config.env?.['COLOR'])).toEqual(['blue', 'blue']);
  });

  test("Fly's own registry: machines pull from there with credentials of their own", async () => {
    await synced(shop({ image: `registry.fly.io/shop:1@${digest('own')}` }));
    expect(machines()).toHaveLength(2);
  });

  test('an app in sync: its registry is not asked', async () => {
    await synced(shop({ image: open }));
    const before = asked().length;
    await synced(shop({ image: open }));
    expect(asked()).toHaveLength(before);
  });
});
