/** For every row of the tables on fly.toml: what FlyCD leaves on Fly is what `fly deploy` leaves there. */
import { afterEach, expect, test } from 'vitest';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { isObject } from '../../../src/model/base/json.ts';
import { tables } from '../../flyconfig/tables/all.ts';
import type { Row } from '../../flyconfig/tables/row.ts';
import { arena, type Arena, type Files } from '../arena.ts';
import { image, machinesOf } from './comparable.ts';

const worlds: Arena[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function world(): Promise<Arena> {
  const opened = await arena();
  worlds.push(opened);
  return opened;
}

interface Case {
  readonly app: string;
  readonly row: Row;
  readonly groups: NonNullable<Row['groups']>;
}

/** Rows of an app's machines: by hand they are given as the row says them, not as FlyCD maps them. */
function casesOf(rows: readonly Row[]): readonly Case[] {
  return rows.flatMap((row, index) => {
    if (row.isRefusedByFly === true) return [];
    const groups = row.groups ?? (row.machine === undefined ? undefined : { app: row.machine });
    return groups === undefined ? [] : [{ app: `row-${index}`, row, groups }];
  });
}

function filesOf(cases: readonly Case[]): Files {
  const files = cases.flatMap(({ app, row }) => [
    [`${app}/fly.json`, JSON.stringify(row.input)],
    [`${app}/app.yaml`, `app: ${app}\nprimary_region: arn\nfly_config: fly.json\nbuild: { image: "${image}" }\n`],
    ...Object.entries(row.files ?? {}).map(([path, text]) => [`${app}/${path}`, text]),
  ]);
  return { 'flycd.yaml': 'fleet: rows\n', ...Object.fromEntries(files) };
}

/** flyctl gives a job a standby, which would do its work twice: FlyCD knows better, on purpose. */
function hasJob({ groups }: Case): boolean {
  return Object.values(groups).some(({ schedule, auto_destroy: isOnce }) => (schedule ?? '') !== '' || isOnce === true);
}

/** As flyctl puts it in before it asks Fly: the image of the machine, where a container names its own. */
function withImage(config: MachineConfig): MachineConfig {
  const containers = config['containers'];
  if (!Array.isArray(containers)) return config;
  const named = containers.map((one: unknown) => (isObject(one) && one['image'] === '.' ? { ...one, image } : one));
  return { ...config, containers: named };
}

function initialSizes({ row }: Case): Readonly<Record<string, number>> {
  const volumes = Object.entries(row.volumes ?? { app: row.volume ?? {} });
  return Object.fromEntries(
    volumes.flatMap(([group, { initialSizeGb }]) => (initialSizeGb === undefined ? [] : [[group, initialSizeGb]])),
  );
}

async function deployByHand(place: Arena, one: Case): Promise<void> {
  const { app, row, groups } = one;
  await place.asPerson('POST', '/apps', { app_name: app, org_slug: 'personal' });
  const outcome = await place.simulator.flyctl.deploy(app, {
    image,
    configs: Object.fromEntries(Object.entries(groups).map(([name, config]) => [name, withImage(config)])),
    primaryRegion: 'arn',
    highAvailability: !hasJob(one),
    initialSizesGb: initialSizes(one),
  });
  expect({ [row.says]: outcome }).toEqual({ [row.says]: { ok: true } });
}

interface Planned {
  readonly apps: readonly {
    readonly steps: readonly { readonly kind: string }[];
    readonly bookkeeping?: readonly { readonly kind: string }[];
  }[];
}

const taken = tables.map(([name, rows]) => ({ name, cases: casesOf(rows) })).filter(({ cases }) => cases.length > 0);

test.each(taken)(
  '$name: sync leaves the machines that fly deploy leaves, and changes none of those',
  async ({ cases }) => {
    const ours = await world();
    ours.write(filesOf(cases));
    const { code, stdout: said, stderr } = await ours.flycd(['sync', '--once']);
    expect(code, said + stderr).toBe(0);
    const theirs = await world();
    for (const one of cases) await deployByHand(theirs, one);
    for (const { app, row } of cases) {
      expect({ [row.says]: await machinesOf(ours, app) }).toEqual({ [row.says]: await machinesOf(theirs, app) });
    }

    theirs.write(filesOf(cases));
    const before = await Promise.all(cases.map(({ app }) => machinesOf(theirs, app)));
    const { apps } = JSON.parse((await theirs.flycd(['diff', '--output', 'json'])).stdout) as Planned;
    const written = apps.flatMap(({ steps, bookkeeping = [] }) => [...steps, ...bookkeeping]);
    expect(written.length).toBeGreaterThan(cases.length);
    // Snapshots are settings of volumes, which the deploy by hand leaves at Fly's own.
    expect(written.filter(({ kind }) => !['app.adopt', 'machine.label', 'volume.configure'].includes(kind))).toEqual(
      [],
    );
    const settings = apps.filter(({ steps }) => steps.length > 0);
    expect(settings.filter(({ steps }) => !steps.some(({ kind }) => kind === 'volume.configure'))).toEqual([]);
    await theirs.flycd(['sync', '--once']);
    expect(await Promise.all(cases.map(({ app }) => machinesOf(theirs, app)))).toEqual(before);
  },
);
