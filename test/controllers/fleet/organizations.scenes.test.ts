import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { moveApp } from '../../../simulator/api/apps.ts';
import { defaultPolicy } from '../../../src/model/base/policy.ts';
import { desiredApp } from '../../plan/builders.ts';
import { arena, type Arena } from '../arena.ts';
import { testStore } from '../../record/stores.ts';
import { fleetOf, reconcilerOf } from '../reconcilers.ts';

let world: Arena;
afterEach(() => world.close());
beforeEach(async () => {
  world = await arena({ env: { FLY_API_TOKEN: 'both' } });
  for (const slug of ['second', 'third']) world.simulator.world.addOrganization(slug);
  reach('personal', 'second');
  const { token } = world.simulator;
  world.simulator.world.grantToken(token, { organizations: ['personal', 'second'] });
});

const reach = (...organizations: string[]): unknown => world.simulator.world.grantToken('both', { organizations });
const reachMany = (): void => {
  const many = Array.from({ length: 8 }, (_, index) => `customer${index}`);
  for (const slug of many) world.simulator.world.addOrganization(slug);
  reach('personal', 'second', ...many);
};
/** From now on no organization but personal, which is first, shows its machines. */
const silence = (): unknown =>
  world.simulator.world.faults.add({ template: 'GET /orgs/{org}/machines', fault: '503', nth: 2, times: 99 });
const app = (name: string, more = ''): string =>
  `app: ${name}\nprimary_region: arn\nbuild:\n  image: docker.io/library/caddy:2.10.2\n${more}`;
const write = (name: string, more = ''): void => world.write({ [`${name}/app.yaml`]: app(name, more) });
const remove = (name: string): void => rmSync(join(world.folder, name), { recursive: true });
const names = (): readonly string[] => world.simulator.world.snapshot().map(({ name }) => name);

/** `a` in personal, `s` in second. */
async function inTwo(settings = 'fleet: acme\n', org = 'org: second\n'): Promise<void> {
  world.write({ 'flycd.yaml': settings });
  write('a', 'org: personal\n');
  write('s', org);
  const { code, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stderr).toBe(0);
}

function move(name: string, slug: string): void {
  const { apps, organizations } = world.simulator.world;
  const [one, target] = [apps.get(name), organizations.get(slug)];
  if (one === undefined || target === undefined) throw new Error('nothing to move');
  moveApp(one, target);
}

/** Organizations whose machines were listed, in order, by this command. */
async function listedBy(argv: readonly string[], state?: string): Promise<readonly string[]> {
  const { requests } = world.simulator.world;
  const before = requests.length;
  await world.flycd(argv, state);
  return requests.slice(before).flatMap(({ path }) => /\/orgs\/(\w+)\/machines/.exec(path)?.[1] ?? []);
}

describe('an app in another organization than git says', () => {
  const because = 'git says organization personal, but the app is in second';

  test.each([['diff'], ['sync', '--once'], ['why', 's'], ['adopt', 's'], ['sync', '--once', '--now', '--accept']])(
    'is held by %s %s',
    async (...argv) => {
      await inTwo();
      write('s', 'org: personal\nenv: {A: b}\n');
      const versions = JSON.stringify(world.simulator.world.snapshot().find(({ name }) => name === 's')?.machines);
      const { code, stdout } = await world.flycd(argv);
      expect(stdout).toContain(because);
      expect(stdout).toContain('fly apps move s --org personal');
      expect(stdout).toContain('org: second');
      expect(code).toBe(4);
      const after = JSON.stringify(world.simulator.world.snapshot().find(({ name }) => name === 's')?.machines);
      expect(after).toBe(versions);
    },
  );

  test('is held also where a project or a flag says so', async () => {
    await inTwo();
    world.write({
      'project.yaml': 'project: p\nsource: {type: local, path: .}\ncommon:\n  app_overrides: {org: personal}\n',
    });
    expect((await world.flycd(['diff'])).stdout).toContain(because);
    remove('project.yaml');
    write('s', 'deploy_params: [--org, personal]\n');
    expect((await world.flycd(['diff'])).stdout).toContain(because);
  });

  test.each([
    ['somebody moved it', (): void => move('s', 'personal')],
    ['git says where it is', (): void => write('s', 'org: second\n')],
  ])('is synced once %s', async (_how, act) => {
    await inTwo();
    write('s', 'org: personal\n');
    expect((await world.flycd(['diff'])).code).toBe(4);
    act();
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
  });

  test('is not held where git names none: it stays where it is', async () => {
    await inTwo();
    write('s');
    for (const argv of [['diff'], ['sync', '--once']]) {
      const { code, stdout } = await world.flycd(argv);
      expect(code, stdout).toBe(0);
    }
    expect(world.simulator.world.apps.get('s')?.organization.slug).toBe('second');
  });

  test('is not held where personal may be another name of it, which is said', async () => {
    await inTwo();
    reach('second');
    remove('a');
    write('s', 'org: personal\n');
    const { code, stdout } = await world.flycd(['diff']);
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('git says personal, Fly says second: FlyCD treats them as one organization');
  });

  test('is held where neither is personal, without asking what the token reaches', async () => {
    await inTwo();
    write('s', 'org: third\n');
    const before = world.simulator.world.requests.length;
    const { code, stdout } = await world.flycd(['diff', '--app', 's']);
    expect(code).toBe(4);
    expect(stdout).toContain('git says organization third, but the app is in second');
    const asked = world.simulator.world.requests.slice(before).filter(({ path }) => path.includes('tokens'));
    expect(asked).toEqual([]);
  });
});

describe('apps that git no longer names', () => {
  test('are found in an organization of which git names none any more', async () => {
    await inTwo();
    remove('s');
    for (const argv of [['diff'], ['why', 's'], ['diff', '--app', 's']]) {
      const { code, stdout, stderr } = await world.flycd(argv);
      expect(code, stderr).toBe(0);
      expect(stdout).toMatch(/\bs\b.*orphaned/);
    }
    expect((await world.flycd(['sync', '--once'])).stdout).toMatch(/s +no-change +orphaned/);
    expect((await world.flycd(['status'])).stdout).toMatch(/^s +orphaned/m);
    expect((await world.flycd(['why', 's'])).stdout).toMatch(/machines? of this fleet run on/);
    expect(await listedBy(['diff'])).toEqual(['personal', 'second']);
  });

  test('are missed in an organization where the fleet had apps and that the token does not reach', async () => {
    await inTwo('fleet: acme\nsync: {prune: [app]}\n');
    remove('s');
    reach('personal');
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(1);
    expect(stdout).toContain('organization second: warning');
    expect((await world.flycd(['status'])).stdout).toMatch(/^s +synced/m);
  });

  test('are found where the only apps left are invalid', async () => {
    await inTwo();
    remove('s');
    write('a', 'machines: {cuont: 1}\n');
    expect((await world.flycd(['diff'])).stdout).toMatch(/\bs +orphaned/);
    expect(await listedBy(['diff'])).toEqual(['personal', 'second']);
  });

  test('are found where their last run says that they were invalid, and of no organization', async () => {
    await inTwo();
    write('s', 'machines: {cuont: 1}\n');
    await world.flycd(['sync', '--once']);
    remove('s');
    expect((await world.flycd(['diff'])).stdout).toMatch(/\bs +orphaned/);
  });

  test('are found by a FlyCD with an empty database, in what the token reaches', async () => {
    await inTwo();
    remove('s');
    expect((await world.flycd(['diff'], 'empty')).stdout).toMatch(/\bs +orphaned/);
    expect(await listedBy(['diff'], 'empty')).toEqual(['personal', 'second']);
    // It remembers from then on.
    await world.flycd(['sync', '--once'], 'empty');
    expect(await listedBy(['diff'], 'empty')).toEqual(['personal', 'second']);
  });

  test('are not sought in all of many organizations', async () => {
    await inTwo();
    reachMany();
    expect(await listedBy(['diff'], 'empty')).toEqual(['personal', 'second']);
    remove('s');
    expect(await listedBy(['diff'], 'empty')).toEqual(['personal']);
  });

  test('are not missed in one that only the token knows and that does not answer', async () => {
    await inTwo('fleet: acme\nsync: {prune: [app]}\n');
    remove('s');
    silence();
    const { code, stdout } = await world.flycd(['diff'], 'empty');
    expect(code, stdout).toBe(0);
    expect(stdout).not.toContain('organization second');
  });

  test('are destroyed where the fleet prunes, and told of no more', async () => {
    await inTwo('fleet: acme\nsync: {prune: [app]}\n');
    remove('s');
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/s +deleted/);
    expect(names()).toEqual(['a']);
    expect((await world.flycd(['status'])).stdout).not.toMatch(/^s /m);
    expect(await listedBy(['diff'])).toEqual(['personal']);
  });

  test('are not destroyed where nothing but the token leads to them: a fleet of the same name may have them', async () => {
    await inTwo('fleet: acme\nsync: {prune: [app]}\n');
    remove('s');
    for (const words of [[], [], ['--accept'], ['--accept-only', 's']]) {
      const { stdout } = await world.flycd(['sync', '--once', ...words], 'empty');
      expect(stdout).toContain('another fleet may also be named');
      expect(names()).toContain('s');
    }
    const { signal } = new AbortController();
    const store = testStore({ clock: world.clock });
    const fleet = fleetOf({ apps: [], policy: { ...defaultPolicy, prune: ['app'] } });
    const it = { url: world.simulator.url, token: 'both', fetch, clock: world.clock, store };
    const keeper = reconcilerOf({ wanted: () => fleet, ...it }, { configRepo: undefined, reporter: undefined });
    expect((await keeper.refresh(signal)).apps).toEqual(['a', 's']);
    await keeper.reconcile('s', 'timer', signal);
    await keeper.refresh(signal);
    await keeper.reconcile('s', 'timer', signal);
    expect(names()).toContain('s');
  });

  test('are sought where apps without an organization in git are on Fly', async () => {
    await inTwo();
    write('t', 'org: second\n');
    await world.flycd(['sync', '--once']);
    // Another FlyCD, to which the token says nothing of second.
    write('s');
    remove('t');
    reachMany();
    expect((await world.flycd(['diff'], 'empty')).stdout).toMatch(/\bt +orphaned/);
    expect(await listedBy(['diff'], 'empty')).toEqual(['personal', 'second']);
  });
});

describe('an organization where apps of git’s are seen', () => {
  const prunes = 'fleet: acme\nsync: {prune: [app]}\n';

  /** `s`, of which git names no organization, and the orphan `t` are in second. */
  async function beside(settings = prunes): Promise<void> {
    await inTwo(settings);
    write('t', 'org: second\n');
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    write('s');
    remove('t');
  }

  test('is known, though the token reaches it: what is found there is the fleet’s', async () => {
    await beside();
    const { code, stdout } = await world.flycd(['sync', '--once'], 'empty');
    expect(stdout).not.toContain('only because the token reaches');
    expect(code, stdout).toBe(0);
    expect(names()).toEqual(['a', 's']);
  });

  test('is known to the loop at its first look', async () => {
    await beside();
    const { signal } = new AbortController();
    const store = testStore({ clock: world.clock });
    const apps = ['a', 's'].map((name) => desiredApp({ name, org: undefined, file: `${name}/app.yaml` }));
    const it = { url: world.simulator.url, token: 'both', fetch, clock: world.clock, store };
    const wanted = () => fleetOf({ apps });
    const keeper = reconcilerOf({ wanted, ...it }, { configRepo: undefined, reporter: undefined });
    expect((await keeper.refresh(signal)).apps).toEqual(['a', 's', 't']);
    await keeper.reconcile('t', 'timer', signal);
    expect(await store.latestRuns()).toMatchObject([{ app: 't', plan: { org: 'second' } }]);
  });

  test('is missed where its list fails', async () => {
    await beside();
    silence();
    const { code, stdout } = await world.flycd(['diff'], 'empty');
    expect(stdout).toContain('organization second: warning');
    expect(code).toBe(1);
  });

  test('is known by what the database tells of them where they cannot be looked at', async () => {
    await beside('fleet: acme\n');
    await world.flycd(['sync', '--once', '--app', 's'], 'empty');
    world.simulator.world.faults.add({ template: 'GET /apps/{app}', app: 's', fault: '503', times: 99 });
    expect(await listedBy(['diff'], 'empty')).toEqual(['personal', 'second']);
  });

  test('is not known by an app that is another fleet’s', async () => {
    await beside();
    const [machine] = world.simulator.world.apps.get('s')?.machines.keys() ?? [];
    await world.asPerson('POST', `/apps/s/machines/${machine}/metadata/flycd_fleet`, { value: 'other' });
    for (let pass = 0; pass < 2; pass += 1) {
      await world.flycd(['sync', '--once', '--accept'], 'empty');
      expect(names()).toContain('t');
    }
    expect((await world.flycd(['sync', '--once'], 'empty')).stdout).toContain('only because the token reaches');
  });
});

describe('an app without a machine where nothing but the token leads', () => {
  /** `s` and `t` in second; a database that knows `s` as invalid, of no organization. */
  async function unmanned(): Promise<void> {
    await inTwo('fleet: acme\nsync: {prune: [app]}\n');
    write('t', 'org: second\n');
    await world.flycd(['sync', '--once']);
    remove('t');
    write('s', 'machines: {cuont: 1}\n');
    await world.flycd(['sync', '--once', '--app', 's'], 'empty');
    remove('s');
    const ids = [...(world.simulator.world.apps.get('s')?.machines.keys() ?? [])];
    for (const id of ids) await world.asPerson('DELETE', `/apps/s/machines/${id}?force=true`);
  }

  test('makes its organization no known one', async () => {
    await unmanned();
    for (let pass = 0; pass < 3; pass += 1) await world.flycd(['sync', '--once', '--accept'], 'empty');
    expect((await world.flycd(['status'], 'empty')).stdout).toMatch(/^s +orphaned/m);
    expect(names()).toContain('t');
  });

  test('is not concluded to have none where that did not answer', async () => {
    await unmanned();
    silence();
    await world.flycd(['sync', '--once'], 'empty');
    expect((await world.flycd(['status'], 'empty')).stdout).toMatch(/^s +invalid/m);
  });
});

describe('what the token reaches is asked for once', () => {
  /** Two apps of which `personal` may be another name of their organization; `s` waits for `t`. */
  async function doubtful(): Promise<void> {
    await inTwo();
    remove('a');
    write('t', 'org: second\n');
    await world.flycd(['sync', '--once']);
    reach('second');
  }
  const asked = (): number => world.simulator.world.requests.filter(({ path }) => path.includes('tokens')).length;

  test('in a pass, also for apps that are looked at again', async () => {
    await doubtful();
    write('s', 'org: personal\nenv: {A: b}\ndepends_on: [t]\n');
    write('t', 'org: personal\nenv: {A: b}\n');
    const before = asked();
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
    expect(asked() - before).toBeLessThanOrEqual(1);
  });

  test('in all passes that follow a refresh of the loop', async () => {
    await doubtful();
    const { signal } = new AbortController();
    const apps = ['s', 't'].map((name) => desiredApp({ name, org: 'personal', file: `${name}/app.yaml` }));
    const it = { url: world.simulator.url, token: 'both', fetch, clock: world.clock };
    const wanted = () => fleetOf({ apps });
    const keeper = reconcilerOf({ wanted, ...it }, { configRepo: undefined, reporter: undefined });
    const before = asked();
    await keeper.refresh(signal);
    for (const { name } of apps) await keeper.reconcile(name, 'timer', signal);
    expect(asked() - before).toBe(1);
    // It may reach others by now.
    await keeper.refresh(signal);
    for (const { name } of apps) await keeper.reconcile(name, 'timer', signal);
    expect(asked() - before).toBe(2);
  });
});

test('the loop holds an app of another organization, and finds the last one of an organization', async () => {
  await inTwo();
  const { signal } = new AbortController();
  const store = testStore({ clock: world.clock });
  const shop = (name: string, org: string) => desiredApp({ name, org, file: `${name}/app.yaml` });
  let apps = [shop('a', 'personal'), shop('s', 'personal')];
  const it = { url: world.simulator.url, token: 'both', fetch, clock: world.clock, store };
  const keeper = reconcilerOf(
    { wanted: () => fleetOf({ apps }), ...it },
    { configRepo: undefined, reporter: undefined },
  );
  await keeper.refresh(signal);
  await keeper.reconcile('s', 'timer', signal);
  expect(await store.latestRuns()).toMatchObject([
    { app: 's', status: 'blocked', plan: { holds: [{ reason: 'owner' }] } },
  ]);
  apps = apps.slice(0, 1);
  expect((await keeper.refresh(signal)).apps).toEqual(['a', 's']);
});
