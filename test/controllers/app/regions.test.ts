import { afterEach, describe, expect, test } from 'vitest';
import { arena, prepared, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

interface Shop {
  readonly region?: string;
  readonly extra?: readonly string[];
  readonly color?: string;
  readonly more?: string;
}

function shop({ region = 'arn', extra = [], color = 'red', more = '' }: Shop = {}): Files {
  return {
    'flycd.yaml': 'fleet: places\n',
    'shop/app.yaml': `app: shop
primary_region: ${region}
extra_regions: [${extra.join(', ')}]
build:
  image: docker.io/acme/shop:1@sha256:${'5'.repeat(64)}
env:
  COLOR: ${color}
machines:
  count: 1
${more}`,
  };
}

async function flycd(...argv: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

const writes = () => world.simulator.world.writes().map(({ template }) => template);
const app = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop');

/** One of the simulator's regions, as Fly shows it once it is retired. */
const retire = (region: string): void => void world.simulator.world.retiredRegions.add(region);

describe('a region that Fly does not have is an error before anything is made', () => {
  test.each([
    ['no region at all', { region: 'moon' }, 'Fly has no region called "moon"', 'fly platform regions lists them'],
    ['a slip', { region: 'anr' }, 'Fly has no region called "anr"', 'did you mean arn?'],
    ['one of several', { extra: ['sin', 'anr'] }, 'Fly has no region called "anr"', 'did you mean arn?'],
    ['retired: Boston is near New York', { region: 'bos' }, 'Fly has retired the region bos', 'ewr'],
    ['retired: Hong Kong', { region: 'hkg' }, 'Fly has retired the region hkg', 'sin'],
    ['retired: Warsaw', { region: 'waw' }, 'Fly has retired the region waw', 'arn'],
    [
      'an alias, where no slot could be told',
      { region: 'eu' },
      'Fly has no region called "eu"',
      'fly platform regions',
    ],
  ])('%s', async (_what, written, what, next) => {
    world = await prepared([], shop(written));
    for (const words of [['diff'], ['sync', '--once']]) {
      const { code, said } = await flycd(...words);
      expect(code, said).toBe(1);
      expect(said).toContain(what);
      expect(said).toContain(next);
      expect(said).toContain('shop/app.yaml');
    }
    expect(writes()).toEqual([]);
  });

  test('retired since this FlyCD was made: Fly says so', async () => {
    world = await prepared([], shop({ region: 'bom' }));
    retire('bom');
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(1);
    expect(said).toContain('Fly has retired the region bom');
    expect(said).toContain('sin (Singapore, Singapore) is the nearest');
    expect(writes()).toEqual([]);
  });

  test('opened since: Fly has it, and a warning of what is known here is no error', async () => {
    world = await prepared([], shop({ region: 'ory' }));
    world.simulator.world.openedRegions.add('ory');
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
    expect(app()?.machines.map(({ region }) => region)).toEqual(['ory']);
  });

  test('where Fly does not say which it has, its own answer decides', async () => {
    world = await prepared([], shop());
    world.simulator.world.faults.add({ template: 'GET /platform/regions', fault: '500', times: 100 });
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
  });

  test.each([
    [
      'volume',
      {
        more: 'volumes:\n  - name: data\n    size_gb: 1\n    count: 1\nmounts:\n  - source: data\n    destination: /data\n',
      },
    ],
    ['address', { more: 'network:\n  ips:\n    - v: v6\n      region: bos\n', region: 'arn' }],
    ['release command', { more: 'deploy:\n  release_command: migrate\n' }],
  ])('also for a %s', async (_what, written) => {
    world = await prepared([], shop({ region: 'bos', ...written }));
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(1);
    expect(said).toContain('Fly has retired the region bos');
    expect(writes()).toEqual([]);
  });
});

describe('what is there already', () => {
  test('runs on in a retired region, and is changed there', async () => {
    world = await prepared([shop({ region: 'bom' })], shop({ region: 'bom', color: 'blue' }));
    retire('bom');
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
    expect(app()?.machines.map(({ config }) => config.env?.['COLOR'])).toEqual(['blue']);
  });

  test('is not asked for where nothing is made: an app in sync costs no call more', async () => {
    world = await prepared([shop()], {});
    const from = world.simulator.world.requests.length;
    expect((await flycd('sync', '--once')).code).toBe(0);
    const asked = world.simulator.world.requests.slice(from).map(({ template }) => template);
    expect(asked).not.toContain('GET /platform/regions');
  });

  test('is asked for once for many apps', async () => {
    const names = ['one', 'two', 'three', 'four'];
    const text = shop()['shop/app.yaml'] ?? '';
    world = await arena();
    world.write({
      'flycd.yaml': 'fleet: places\n',
      ...Object.fromEntries(names.map((name) => [`${name}/app.yaml`, text.replace('app: shop', `app: ${name}`)])),
    });
    expect((await flycd('sync', '--once')).code).toBe(0);
    const asked = world.simulator.world.requests.filter(({ template }) => template === 'GET /platform/regions');
    expect(asked.length).toBeLessThanOrEqual(1);
  });
});

describe('a source that cannot be read', () => {
  const built = (source: string): Files => ({
    'flycd.yaml': 'fleet: places\n',
    'shop/app.yaml': `app: shop\nprimary_region: arn\nsource:\n${source}\nvolumes:\n  - name: data\n    size_gb: 1\nnetwork:\n  ips:\n    - v: v6\n`,
  });

  test.each([
    ['a repository that is not there', '  type: git\n  repo: http://127.0.0.1:1/nobody/nothing.git'],
    ['a folder that is not there', '  type: local\n  path: nowhere'],
  ])('%s: no app is made for it', async (_what, source) => {
    world = await prepared([], built(source));
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).not.toBe(0);
    expect(writes()).toEqual([]);
    expect(app()).toBeUndefined();
  });
});

test.each([
  ['words', { error: 'could not reserve resource for machine: insufficient memory', status: 'insufficient_capacity' }],
  ['a code alone', { error: 'no capacity for this machine size right now', status: 'insufficient_capacity' }],
])('a region without room keeps none of the others, said by %s', async (_what, body) => {
  world = await prepared([], shop({ extra: ['fra'] }));
  world.simulator.world.faults.add({ template: 'POST /apps/{app}/machines', fault: { status: 422, body } });
  await flycd('sync', '--once');
  expect(app()?.machines).toHaveLength(1);
});
