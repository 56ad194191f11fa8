/** What `machine` of app.yaml says is exact; what it does not say is the machine's own affair. */
import { afterEach, expect, test } from 'vitest';
import type { Machine, MachineConfig } from '../../../schemas/fly/machine.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const hourMs = 3_600_000;
const tree = (more: string, image = 'job') => ({
  'flycd.yaml': 'fleet: fields\n',
  'job/app.yaml': `app: job\nprimary_region: arn\nbuild: { image: "docker.io/library/${image}:1" }\n${more}`,
});

async function sync(): Promise<string> {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stdout + stderr).toBe(0);
  return stdout + stderr;
}

interface Planned {
  readonly notes: readonly string[];
  readonly steps: readonly {
    readonly kind: string;
    readonly because: string;
    readonly changes: readonly { readonly path: string; readonly from?: unknown; readonly to?: unknown }[];
    readonly machines?: readonly { readonly changes: readonly unknown[] }[];
  }[];
}

/** From a FlyCD that remembers nothing. */
async function diff(): Promise<Planned & { readonly code: number; readonly text: string }> {
  const { code, stdout, stderr } = await world.flycd(['diff', '--output', 'json'], 'another-state');
  const [app] = (JSON.parse(stdout) as { readonly apps: readonly Planned[] }).apps;
  if (app === undefined) throw new Error(stderr);
  return { code, ...app, text: stdout };
}

/** A person's look, in seconds that pass: Fly counts calls. */
async function machines(): Promise<readonly Machine[]> {
  await world.clock.sleep(3000);
  return (await world.asPerson('GET', '/apps/job/machines')) as readonly Machine[];
}
const configs = async () => (await machines()).map(({ config }) => config as MachineConfig);
const updates = () =>
  world.simulator.world.writes(({ template }) => template === 'POST /apps/{app}/machines/{machine}').length;

/** As `fly machine update` does it. */
async function byHand(change: (config: MachineConfig) => MachineConfig): Promise<void> {
  for (const machine of await machines()) {
    await world.clock.sleep(3000);
    await world.asPerson('POST', `/apps/job/machines/${machine.id}`, { config: change(machine.config ?? {}) });
  }
  await world.clock.sleep(60_000);
}

const everything = `machine:
  schedule: daily
  dns: { skip_registration: true, options: [{ name: ndots, value: 2 }] }
  rootfs: { persist: restart }
  init: { kernel_args: [quiet] }
  metadata: { team: shop }
`;

test('all of it is on the machine after one sync, and nothing is left to do', async () => {
  world = await arena();
  world.write(tree(everything));
  await sync();
  const [config] = await configs();
  expect(config).toMatchObject({
    schedule: 'daily',
    dns: { skip_registration: true, options: [{ name: 'ndots', value: '2' }] },
    rootfs: { persist: 'restart' },
    init: { kernel_args: ['quiet'] },
    metadata: { team: 'shop' },
  });
  expect((await diff()).code).toBe(0);
  const before = world.simulator.world.writes().length;
  await sync();
  expect(world.simulator.world.writes().length).toBe(before);
});

test('a job with a schedule is one machine, and rests until Fly starts it', async () => {
  world = await arena();
  world.write(tree('restart: [{ policy: never }]\nmachine: { schedule: hourly }\n', 'one-shot'));
  await sync();
  await world.clock.sleep(60_000);
  expect((await machines()).map(({ state }) => state)).toEqual(['stopped']);
  expect((await diff()).code).toBe(0);
  await sync();
  expect(world.simulator.world.writes(({ template }) => template.endsWith('/start'))).toEqual([]);
  await world.clock.sleep(hourMs);
  const [job] = await machines();
  expect(job?.events?.filter(({ type, source }) => type === 'start' && source === 'flyd')).not.toEqual([]);
  expect((await diff()).code).toBe(0);
});

test('what git does not name stays as people set it; what it names is put right', async () => {
  world = await arena();
  world.write(tree('machine: { dns: { skip_registration: true } }\n'));
  await sync();
  await byHand((config) => ({ ...config, schedule: 'weekly', dns: { skip_registration: false } }));
  const plan = await diff();
  expect(plan.text).toContain('dns');
  expect(plan.text).not.toContain('schedule');
  await sync();
  for (const config of await configs()) {
    expect(config).toMatchObject({ schedule: 'weekly', dns: { skip_registration: true } });
  }
  expect((await diff()).code).toBe(0);
});

test('a field that git no longer names goes as it came, and what others set stays', async () => {
  world = await arena();
  world.write(tree(everything));
  await sync();
  await byHand((config) => ({
    ...config,
    cache_drive: { size_mb: 512 },
    metadata: { ...config.metadata, owner: 'me' },
  }));
  await sync();
  world.write(tree('machine: { dns: { hostname: job } }\n'));
  const plan = await diff();
  expect(plan.text).toContain('"path": "schedule"');
  await sync();
  const [config] = await configs();
  expect(config).toMatchObject({ dns: { hostname: 'job' }, cache_drive: { size_mb: 512 }, metadata: { owner: 'me' } });
  for (const gone of ['schedule', 'rootfs']) expect(config?.[gone] ?? undefined).toBeUndefined();
  expect(config?.init ?? {}).not.toHaveProperty('kernel_args');
  expect(config?.metadata).not.toHaveProperty('team');
  expect(config?.dns).not.toHaveProperty('skip_registration');
  expect((await diff()).code).toBe(0);
});

test('a field named to be none takes away what somebody set by hand', async () => {
  world = await arena();
  world.write(tree(''));
  await sync();
  await byHand((config) => ({ ...config, schedule: 'weekly' }));
  await sync();
  expect((await configs()).map(({ schedule }) => schedule)).toContain('weekly');
  world.write(tree('machine: { schedule: none }\n'));
  await sync();
  expect((await configs()).filter(({ schedule }) => (schedule ?? '') !== '')).toEqual([]);
  expect((await diff()).code).toBe(0);
});

test('metadata is written and taken away without an update', async () => {
  world = await arena();
  world.write(tree('machine: { metadata: { team: shop, tier: one } }\n'));
  await sync();
  const before = updates();
  world.write(tree('machine: { metadata: { team: bakery } }\n'));
  expect((await diff()).steps.map(({ kind }) => kind)).toEqual(['machine.label', 'machine.label']);
  await sync();
  for (const { metadata } of await configs()) {
    expect(metadata).toMatchObject({ team: 'bakery' });
    expect(metadata).not.toHaveProperty('tier');
  }
  expect(updates()).toBe(before);
  expect((await diff()).code).toBe(0);
  for (const { id } of await machines()) {
    await world.clock.sleep(3000);
    await world.asPerson('POST', `/apps/job/machines/${id}/metadata/team`, { value: 'somebody' });
  }
  const drift = await diff();
  expect(drift.steps.map(({ because }) => because)).toContain(
    'changed on Fly since the last sync; metadata needs no restart',
  );
  await sync();
  expect((await configs()).map(({ metadata }) => metadata?.['team'])).toEqual(['bakery', 'bakery']);
  expect(updates()).toBe(before);
  expect((await diff()).code).toBe(0);
});

test('machines that stand in for others by name are made stopped, counted, and left stopped', async () => {
  world = await arena();
  world.write(tree('deploy_params: [--ha=false]\n'));
  await sync();
  const [first] = await machines();
  const groups = `processes: { app: "", spare: "" }\nmachine: { groups: { spare: { standbys: ["${first?.id}"] } } }\n`;
  world.write(tree(`deploy_params: [--ha=false]\n${groups}`));
  await sync();
  const spare = (await machines()).filter(({ config }) => config?.metadata?.['fly_process_group'] === 'spare');
  expect(spare.map(({ config, state }) => [config?.standbys, state])).toEqual([[[first?.id], 'stopped']]);
  expect((await diff()).code).toBe(0);
  await sync();
  expect((await diff()).code).toBe(0);
  // Named no longer: the group is one like any other again.
  world.write(tree(`deploy_params: [--ha=false]\nprocesses: { app: "", spare: "" }\n`));
  await sync();
  await sync();
  expect((await diff()).code).toBe(0);
  const running = (await machines()).filter(({ config }) => config?.metadata?.['fly_process_group'] === 'spare');
  expect(
    running.filter(({ config, state }) => (config?.standbys ?? []).length === 0 && state === 'started'),
  ).toHaveLength(1);
});
