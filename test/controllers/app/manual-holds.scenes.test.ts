import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, type Arena, type ArenaOptions } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

interface Shop {
  readonly image?: string;
  readonly greeting?: string;
  readonly count?: number;
  readonly more?: string;
}

function shop({ image = 'shop:1', greeting = 'hello', count = 2, more = '' }: Shop = {}) {
  return {
    'flycd.yaml': 'fleet: holding\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/library/${image}@sha256:${hash('sha256', image)}
env:
  GREETING: ${greeting}
deploy:
  wait_timeout: 60s
http_service:
  internal_port: 8080
  checks:
    - path: /health
      interval: 5s
      timeout: 2s
machines:
  count: ${count}
${more}`,
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

const machines = () =>
  (world.simulator.world.snapshot().find((app) => app.name === 'shop')?.machines ?? []).filter(
    ({ state }) => state !== 'destroying' && state !== 'destroyed',
  );
const runs = () =>
  machines().map(({ config }) =>
    [/library\/([^@]+)/.exec(config.image ?? '')?.[1], config.env?.['GREETING']].join(' '),
  );

describe.each([
  ['a git repository', true],
  ['a plain folder', false],
])('rollback, with the config in %s', (_what, repository) => {
  test('restores image and config together and holds the app there; a push waits; resume lifts it', async () => {
    await opened({ repository }, { image: 'shop:1', greeting: 'one' }, { image: 'shop:2', greeting: 'two' });
    const back = await flycd('rollback', 'shop');
    expect(back.code, back.said).toBe(0);
    expect(runs()).toEqual(['shop:1 one', 'shop:1 one']);
    world.write(shop({ image: 'shop:3', greeting: 'three' }));
    const held = await flycd('sync', '--once');
    expect(held.code, held.said).toBe(4);
    expect(runs()).toEqual(['shop:1 one', 'shop:1 one']);
    const { said: status } = await flycd('status');
    expect(status).toMatch(/shop +held/);
    expect(status).toContain('what git says now waits');
    expect((await flycd('diff')).said).toContain('shop:3');
    expect((await flycd('resume', 'shop')).said).toContain('rolled back by alice');
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
    expect(runs()).toEqual(['shop:3 three', 'shop:3 three']);
    expect((await flycd('diff')).code).toBe(0);
  });

  test('is found by a FlyCD that has lost its database, and kept', async () => {
    await opened({ repository }, { greeting: 'one' }, { greeting: 'two' });
    expect((await flycd('rollback', 'shop')).code).toBe(0);
    world.forget();
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(4);
    expect(said).toContain('rolled back to');
    expect(runs()).toEqual(['shop:1 one', 'shop:1 one']);
  });

  test('works without a database, too: the machines know what was good before', async () => {
    await opened({ repository }, { greeting: 'one' }, { greeting: 'two' });
    world.forget();
    const { code, said } = await flycd('rollback', 'shop');
    expect(code, said).toBe(0);
    expect(runs()).toEqual(['shop:1 one', 'shop:1 one']);
  });
});

test('rollback --to a run goes to what that run left', async () => {
  await opened({ repository: true }, { greeting: 'one' }, { greeting: 'two' }, { greeting: 'three' });
  const { code, said } = await flycd('rollback', 'shop', '--to', '1');
  expect(code, said).toBe(0);
  expect(runs()).toEqual(['shop:1 one', 'shop:1 one']);
  const wrong = await flycd('rollback', 'shop', '--to', '99');
  expect(wrong.code).toBe(1);
  expect(wrong.said).toContain('run 99 left no version of shop that ran well');
});

test('while an app is held at a version drift is healed towards it, and counts follow git', async () => {
  await opened({ repository: true }, { greeting: 'one' }, { greeting: 'two' });
  expect((await flycd('rollback', 'shop')).code).toBe(0);
  const [first] = machines();
  const config = { ...first?.config, env: { ...first?.config.env, GREETING: 'by hand' } };
  await world.asPerson('POST', `/apps/shop/machines/${first?.id ?? ''}`, { config });
  world.write(shop({ greeting: 'two', count: 3 }));
  expect((await flycd('sync', '--once')).code).toBe(4);
  expect(runs()).toEqual(['shop:1 one', 'shop:1 one', 'shop:1 one']);
});

test('going back waits for no window', async () => {
  await opened({}, { greeting: 'one' }, { greeting: 'two' });
  const frozen = 'sync:\n  windows: [{ kind: deny, schedule: "0 0 * * *", duration: 24h }]\n';
  world.write(shop({ greeting: 'two', more: frozen }));
  const { code, said } = await flycd('rollback', 'shop');
  expect(code, said).toBe(0);
  expect(runs()).toEqual(['shop:1 one', 'shop:1 one']);
});

test('going back where not all could be read is an error, as it is for sync', async () => {
  await opened({}, { greeting: 'one' }, { greeting: 'two' });
  world.simulator.world.faults.add({ template: 'GET /apps/{app}/ip_assignments', fault: '503', times: 99 });
  const { code, said } = await flycd('rollback', 'shop');
  expect(said).toMatch(/shop +updated +pending/);
  expect(code, said).toBe(1);
  world.simulator.world.faults.clear();
  expect((await flycd('rollback', 'shop')).code).toBe(0);
  expect(runs()).toEqual(['shop:1 one', 'shop:1 one']);
});

test('nothing to go back to is said, with what to do', async () => {
  await opened({}, {});
  const { code, said } = await flycd('rollback', 'shop');
  expect(code).toBe(1);
  expect(said).toContain('there is no version of shop to go back to');
  expect(said).toContain('next:');
});

test('an app that is suspended is not rolled back', async () => {
  await opened({}, { greeting: 'one' }, { greeting: 'two' });
  expect((await flycd('suspend', 'shop', '--reason', 'an incident')).code).toBe(0);
  const { code, said } = await flycd('rollback', 'shop');
  expect(code).toBe(4);
  expect(said).toContain('shop is suspended');
  expect(runs()).toEqual(['shop:1 two', 'shop:1 two']);
});

describe('suspend', () => {
  test('is looked at and not touched, whatever git says and with whatever flag, until resumed', async () => {
    await opened({}, {});
    const told = await flycd('suspend', 'shop', '--reason', 'we move the database');
    expect(told.code, told.said).toBe(0);
    world.write(shop({ greeting: 'bye', count: 1, more: 'network: { ips: [{ v: v6 }, { v: v4 }] }\n' }));
    const before = world.simulator.world.writes().length;
    for (const flags of [[], ['--now'], ['--force'], ['--accept']]) {
      const { code, said } = await flycd('sync', '--once', ...flags);
      expect(code, said).toBe(4);
      expect(said).toContain('suspended by alice');
      expect(said).toContain('we move the database');
    }
    world.forget();
    expect((await flycd('sync', '--once')).said).toContain('suspended by alice');
    expect(world.simulator.world.writes().slice(before)).toEqual([]);
    const { said: status } = await flycd('status');
    expect(status).toMatch(/shop +suspended/);
    expect((await flycd('resume', 'shop')).code).toBe(0);
    expect((await flycd('sync', '--once')).code).toBe(0);
    expect(runs()).toEqual(['shop:1 bye']);
  });

  test('of an app without machines says who knows of it', async () => {
    await opened({});
    world.write(shop({}));
    const told = await flycd('suspend', 'shop', '--reason', 'not yet');
    expect(told.said).toContain('it has no machine to write that on');
    expect((await flycd('sync', '--once')).code).toBe(4);
    expect(machines()).toEqual([]);
    expect((await flycd('resume', 'shop')).code).toBe(0);
    expect((await flycd('sync', '--once')).code).toBe(0);
    const again = await flycd('suspend', 'shop', '--reason', 'lunch');
    expect(again.said).not.toContain('no machine');
  });

  test('for a time ends by itself', async () => {
    await opened({}, {});
    const until = new Date(world.clock.now() + 2 * 3_600_000).toISOString();
    expect((await flycd('suspend', 'shop', '--reason', 'lunch', '--for', '2h')).code).toBe(0);
    const { stdout } = await world.flycd(['history', '--output', 'json']);
    const { runs: told } = JSON.parse(stdout) as { readonly runs: readonly { readonly nextWakeAt: string | null }[] };
    expect(told.map(({ nextWakeAt }) => nextWakeAt?.slice(0, 16))).toEqual([until.slice(0, 16), undefined]);
    world.write(shop({ greeting: 'bye' }));
    expect((await flycd('sync', '--once')).code).toBe(4);
    await world.clock.sleep(2 * 3_600_000);
    expect((await flycd('sync', '--once')).code).toBe(0);
    expect(runs()).toEqual(['shop:1 bye', 'shop:1 bye']);
  });

  test('of a project is of all its apps, and of no others', async () => {
    world = await arena();
    const app = (name: string) => shop()['shop/app.yaml'].replace('app: shop', `app: ${name}`);
    world.write({
      'flycd.yaml': 'fleet: holding\n',
      'team/project.yaml': 'project: team\nsource: { type: local, path: apps }\n',
      'team/apps/one/app.yaml': app('one'),
      'team/apps/two/app.yaml': app('two'),
      'other/app.yaml': app('other'),
    });
    expect((await flycd('sync', '--once')).code).toBe(0);
    const { said } = await flycd('suspend', 'team', '--reason', 'a freeze');
    expect(said).toContain('one: suspended');
    expect(said).toContain('two: suspended');
    expect(said).not.toContain('other');
    const missing = await flycd('suspend', 'tem', '--reason', 'a freeze');
    expect(missing.code).toBe(1);
    expect(missing.said).toContain('no app is called tem');
  });

  test('keeps an app that git no longer names from being pruned', async () => {
    world = await arena();
    world.write({
      ...shop(),
      'flycd.yaml': 'fleet: holding\nsync: { prune: [app] }\n',
      'other/app.yaml': shop()['shop/app.yaml'].replace('app: shop', 'app: other'),
    });
    expect((await flycd('sync', '--once')).code).toBe(0);
    expect((await flycd('suspend', 'shop', '--reason', 'an audit')).code).toBe(0);
    world.remove('shop');
    const { said } = await flycd('sync', '--once', '--accept');
    expect(machines(), said).toHaveLength(2);
    expect((await flycd('diff')).said).toContain('suspended by alice');
  });

  test('of an app without machines is kept in the database', async () => {
    world = await arena();
    world.write(shop());
    expect((await flycd('suspend', 'shop', '--reason', 'not yet')).code).toBe(0);
    expect((await flycd('sync', '--once')).code).toBe(4);
    expect(world.simulator.world.snapshot()).toEqual([]);
  });

  test('by somebody else than the one who wanted it is told by name, in the history as well', async () => {
    await opened({}, {});
    await flycd('suspend', 'shop', '--reason', 'an incident');
    await flycd('resume', 'shop');
    const { said } = await flycd('history', '--config');
    expect(said).toMatch(/suspend +alice/);
    expect(said).toMatch(/resume +alice/);
  });
});

test('resume tries a version again that failed', async () => {
  await opened({}, {});
  world.write(shop({ image: 'failing-check:2' }));
  expect((await flycd('sync', '--once')).code).toBe(1);
  expect((await flycd('sync', '--once')).code).toBe(4);
  expect((await flycd('resume', 'shop')).said).toContain('a release that failed');
  expect((await flycd('sync', '--once')).code).toBe(1);
  expect((await flycd('sync', '--once')).code).toBe(4);
});

describe('a stamp with a time that is none keeps no app from its plan, and is lifted as any other', () => {
  test.each([
    ['at', '{"reason":"x","by":"mallory","at":1e20,"count":1}'],
    ['until', '{"reason":"x","by":"mallory","at":1,"until":1e20,"count":1}'],
    ['since ever', '{"reason":"x","by":"mallory","at":-1e20,"count":9007199254740991}'],
  ])('%s', async (_what, value) => {
    await opened({}, {});
    const [machine] = machines();
    await world.asPerson('POST', `/apps/shop/machines/${machine?.id}/metadata/flycd_app`, { value: 'shop' });
    await world.asPerson('POST', `/apps/shop/machines/${machine?.id}/metadata/flycd_suspend`, { value });
    world.write(shop({ greeting: 'goodbye' }));
    const held = await flycd('sync', '--once');
    expect(held.said).toContain('suspended by mallory');
    expect(held.code).toBe(4);
    expect((await flycd('status')).code).toBe(0);
    expect((await flycd('resume', 'shop')).code).toBe(0);
    expect((await flycd('sync', '--once')).code).toBe(0);
    expect(runs()).toEqual(['shop:1 goodbye', 'shop:1 goodbye']);
  });
});
