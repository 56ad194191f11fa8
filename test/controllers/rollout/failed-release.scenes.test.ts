import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, prepared, type Arena, type ArenaOptions } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

interface Shop {
  readonly image?: string;
  readonly greeting?: string;
  readonly count?: number;
  readonly onFailure?: 'rollback' | 'stop';
  readonly command?: string;
  readonly pinned?: boolean;
}

function shop({ image = 'shop:1', greeting = 'hello', count = 3, onFailure, command, pinned = true }: Shop = {}) {
  const digest = pinned ? `@sha256:${hash('sha256', image)}` : '';
  return {
    'flycd.yaml': 'fleet: failures\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/library/${image}${digest}
env:
  GREETING: ${greeting}
deploy:
  wait_timeout: 60s
${command === undefined ? '' : `  release_command: ${command}\n`}http_service:
  internal_port: 8080
  checks:
    - path: /health
      interval: 5s
      timeout: 2s
machines:
  count: ${count}
${onFailure === undefined ? '' : `sync:\n  on_failure: ${onFailure}\n`}`,
  };
}

async function opened(options: ArenaOptions, ...commits: readonly Shop[]): Promise<void> {
  world = await arena(options);
  for (const commit of commits) {
    world.write(shop(commit));
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
  }
}

async function flycd(...argv: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

const machines = () => world.simulator.world.snapshot().find((app) => app.name === 'shop')?.machines ?? [];
const images = () => machines().map(({ config }) => /library\/([^@]+)/.exec(config.image ?? '')?.[1]);
const greetings = () => machines().map(({ config }) => config.env?.['GREETING']);
const versions = () => machines().map(({ version }) => version);
const stamps = (key: string): readonly (string | undefined)[] => [
  ...new Set(machines().map(({ metadata }) => metadata[key])),
];

describe('a release that completes', () => {
  test('is stamped on every machine alike: commit, config version, digest', async () => {
    await opened({ repository: true }, {});
    const [good, ...others] = stamps('flycd_good');
    expect(others).toEqual([]);
    expect(good).toMatch(/^[0-9a-f]{40}:[0-9a-f]{32}:sha256:[0-9a-f]{64}:[0-9a-f]{32}:\d+$/);
    expect(good).toContain(hash('sha256', 'shop:1'));
    expect((await flycd('diff')).code).toBe(0);
  });

  test('is stamped also where something waits that reaches no machine', async () => {
    const of = (image: string, ips: string) => ({
      ...shop(),
      'shop/app.yaml': `${shop({ image })['shop/app.yaml']}network: { ips: [${ips}] }\nsync: { prune: [addresses], max_deletes: 0 }\n`,
    });
    world = await prepared([of('shop:1', '{ v: v6 }, { v: v4 }')], of('shop:2', '{ v: v6 }'));
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(4);
    expect(world.simulator.world.apps.get('shop')?.addresses.size, said).toBe(2);
    expect(stamps('flycd_good')).toEqual([expect.stringContaining(hash('sha256', 'shop:2'))]);
  });

  test('keeps its commit while later ones change no version', async () => {
    await opened({ repository: true }, {});
    const before = stamps('flycd_good');
    world.write(shop({ count: 4 }));
    expect((await flycd('sync', '--once')).code).toBe(0);
    expect(stamps('flycd_good')).toEqual(before);
  });
});

test.each([3000, 5000, 8000, 30_000])(
  'a release that fails goes back at once where lists lag by %i ms',
  async (listMs) => {
    await opened({}, { onFailure: 'rollback' });
    await world.clock.sleep(600_000);
    world.simulator.world.lag.set({ listMs });
    world.write(shop({ image: 'crash-loop:2', onFailure: 'rollback' }));
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(1);
    expect(images(), said).toEqual(['shop:1', 'shop:1', 'shop:1']);
  },
);

describe.each([
  ['a git repository', true],
  ['a plain folder', false],
])('a release that fails, with the config in %s', (_what, repository) => {
  test('goes back, image and config together, is held, and not tried again with an empty database', async () => {
    await opened({ repository }, { greeting: 'hello' });
    world.write(shop({ image: 'failing-check:2', greeting: 'goodbye' }));
    const failed = await flycd('sync', '--once');
    expect(failed.code, failed.said).toBe(1);
    expect(images()).toEqual(['shop:1', 'shop:1', 'shop:1']);
    expect(greetings()).toEqual(['hello', 'hello', 'hello']);
    expect(stamps('flycd_failed')).toEqual([expect.stringContaining(hash('sha256', 'failing-check:2'))]);
    const after = versions();
    world.forget();
    const held = await flycd('sync', '--once');
    expect(held.code, held.said).toBe(4);
    expect(held.said).toContain('held');
    expect(versions()).toEqual(after);
  });

  test('is tried when git changes it, and the mended version becomes the good one', async () => {
    await opened({ repository }, {});
    world.write(shop({ image: 'failing-check:2' }));
    expect((await flycd('sync', '--once')).code).toBe(1);
    world.write(shop({ image: 'shop:3' }));
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
    expect(images()).toEqual(['shop:3', 'shop:3', 'shop:3']);
    expect(stamps('flycd_good')).toEqual([expect.stringContaining(hash('sha256', 'shop:3'))]);
  });
});

describe('an image whose process ends by itself with code 0', () => {
  const without = (section: RegExp, image: string) => {
    const files = shop({ image });
    return { ...files, 'shop/app.yaml': files['shop/app.yaml'].replace(section, '') };
  };

  test.each([
    ['with checks', / {4}nothing/],
    ['without checks', / {2}checks:\n( {4}.*\n)*/],
  ])('fails the release of an app that serves, %s: one machine saw it', async (_what, section) => {
    world = await arena({ repository: true });
    world.write(without(section, 'shop:1'));
    expect((await flycd('sync', '--once')).code).toBe(0);
    const down = new Set<string>();
    world.simulator.world.onStateChange = ({ id, state }) => void (state === 'stopped' && down.add(id));
    world.write(without(section, 'one-shot:2'));
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(1);
    expect(said).toContain('it exited with code 0 and stays stopped');
    expect(images()).toEqual(['shop:1', 'shop:1', 'shop:1']);
    expect(down.size).toBe(1);
    expect((await flycd('sync', '--once')).code).toBe(4);
  });

  test('is what a job does that serves nobody', async () => {
    world = await arena({});
    const section = /http_service:\n( {2}.*\n)*/;
    world.write(without(section, 'shop:1'));
    expect((await flycd('sync', '--once')).code).toBe(0);
    world.write(without(section, 'one-shot:2'));
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
    expect(images()).toEqual(['one-shot:2', 'one-shot:2', 'one-shot:2']);
  });
});

test('a tag that no registry resolves is not tried again either', async () => {
  await opened({}, { pinned: false });
  world.write(shop({ image: 'failing-check:2', pinned: false }));
  expect((await flycd('sync', '--once')).code).toBe(1);
  expect(images()).toEqual(['shop:1', 'shop:1', 'shop:1']);
  const after = versions();
  expect((await flycd('sync', '--once')).code).toBe(4);
  expect(versions()).toEqual(after);
});

test('drift is healed towards the good version while the failed one is held', async () => {
  await opened({ repository: true }, {});
  world.write(shop({ image: 'failing-check:2' }));
  expect((await flycd('sync', '--once')).code).toBe(1);
  const [first] = machines();
  if (first === undefined) throw new Error('no machine');
  const config = { ...first.config, env: { ...first.config.env, GREETING: 'by hand' } };
  await world.asPerson('POST', `/apps/shop/machines/${first.id}`, { config });
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(4);
  expect(greetings()).toEqual(['hello', 'hello', 'hello']);
  expect(images()).toEqual(['shop:1', 'shop:1', 'shop:1']);
});

test('what no version covers follows git while a version is held: one more machine, of the good version', async () => {
  await opened({ repository: true }, {});
  world.write(shop({ image: 'failing-check:2' }));
  expect((await flycd('sync', '--once')).code).toBe(1);
  world.write(shop({ image: 'failing-check:2', count: 4 }));
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(4);
  expect(images()).toEqual(['shop:1', 'shop:1', 'shop:1', 'shop:1']);
});

test('on_failure: stop leaves what stands, holds it, and waits for nothing', async () => {
  await opened({}, { onFailure: 'stop' });
  world.write(shop({ image: 'failing-check:2', onFailure: 'stop' }));
  expect((await flycd('sync', '--once')).code).toBe(1);
  expect(images()).toEqual(['failing-check:2', 'shop:1', 'shop:1']);
  const after = versions();
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(4);
  expect(said).toContain('sync.on_failure: stop');
  expect(versions()).toEqual(after);
});

test('a first release that fails has nothing to go back to, says so and is held', async () => {
  await opened({});
  world.write(shop({ image: 'failing-check:1' }));
  expect((await flycd('sync', '--once')).code).toBe(1);
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(4);
  expect(said).toContain('no version to go back to');
});

test('going back never runs the release command, also on an app of one machine', async () => {
  await opened({ repository: true }, { command: 'migrate', count: 1 });
  const ran = () => world.simulator.world.apps.get('shop')?.machines.size ?? 0;
  const before = ran();
  world.write(shop({ image: 'crash-loop:2', command: 'migrate', count: 1 }));
  expect((await flycd('sync', '--once')).code).toBe(1);
  expect(images()).toEqual(['shop:1']);
  expect(ran() - before).toBeLessThanOrEqual(1);
  expect((await flycd('sync', '--once')).code).toBe(4);
  expect(ran() - before).toBeLessThanOrEqual(1);
});

test('a secret that machines do not bear is no failed release: nothing is held', async () => {
  const secret = (value: string) => ({
    ...shop(),
    'shop/app.yaml': `${shop()['shop/app.yaml']}secrets:\n  - { name: PASSWORD, type: raw, raw: ${value} }\n`,
  });
  world = await arena();
  world.write(secret('correct'));
  expect((await flycd('sync', '--once')).code).toBe(0);
  world.write(secret('other'));
  expect((await flycd('sync', '--once')).code).toBe(0);
  expect(stamps('flycd_failed')).toEqual([undefined]);
});

test('git at the commit of the good version says what it was, and no machine is asked', async () => {
  await opened({ repository: true }, {});
  world.write(shop({ image: 'failing-check:2' }));
  const asked = new Set<string>();
  world.simulator.world.onRequest = ({ request }) => void asked.add(request.template);
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(1);
  expect(images()).toEqual(['shop:1', 'shop:1', 'shop:1']);
  expect([...asked].filter((template) => template.endsWith('/versions'))).toEqual([]);
});

test('where neither git nor the machines remember it, going back is refused with the reason', async () => {
  await opened({}, {});
  for (const machine of world.simulator.world.apps.get('shop')?.machines.values() ?? []) machine.versions.length = 0;
  world.write(shop({ image: 'failing-check:2' }));
  expect((await flycd('sync', '--once')).code).toBe(1);
  const { code, said } = await flycd('diff');
  expect(code, said).toBe(4);
  expect(said).toContain('it cannot be given back: content:');
  expect(said).toContain('the config has no git history; no machine remembers it');
  expect(images()).toEqual(['failing-check:2', 'shop:1', 'shop:1']);
});
