/** Apps as the Go version left them on Fly: made by flyctl, with its versions in their env. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import type { Arena, Files } from '../controllers/arena.ts';

/** Go's hash of a folder, of these files by their paths from it. */
export function h1(files: Readonly<Record<string, string | Uint8Array>>): string {
  const lines = Object.entries(files)
    .map(([path, content]) => ({ path: Buffer.from(path), sum: createHash('sha256').update(content).digest('hex') }))
    .toSorted((a, b) => Buffer.compare(a.path, b.path))
    .map(({ path, sum }) => `${sum}  ${path.toString()}\n`);
  return `h1:${createHash('sha256').update(lines.join('')).digest('base64')}`;
}

/** What lies in a folder of the config. */
export function inFolder(files: Files, folder: string): Files {
  const inside = Object.entries(files).filter(([path]) => path.startsWith(`${folder}/`));
  return Object.fromEntries(inside.map(([path, text]) => [path.slice(folder.length + 1), text]));
}

export interface LeftApp {
  readonly name: string;
  readonly source: {
    readonly type: 'git' | 'local' | 'inline-docker-file';
    readonly path?: string;
    readonly repo?: string;
    readonly branch?: string;
    readonly tag?: string;
    readonly commit?: string;
  };
  readonly appVersion: string;
  readonly configVersion: string;
  /** Beside what it says of versions. */
  readonly config?: MachineConfig;
  /** Default: as flyctl names what it has built. */
  readonly image?: string;
  /** Machines in regions beside the first one's, as `fly scale count` made them. */
  readonly scaled?: Readonly<Record<string, number>>;
}

export const web: MachineConfig = {
  guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
  services: [{ protocol: 'tcp', internal_port: 8080, ports: [{ port: 80, handlers: ['http'] }] }],
};

/** As web, in app.yaml. */
export const webYaml = `primary_region: arn
deploy_params: [--ha=false]
services:
  - internal_port: 8080
    protocol: tcp
    ports: [{ port: 80, handlers: [http] }]
`;

export async function leftByV0(world: Arena, app: LeftApp): Promise<void> {
  const { name, source, config = web } = app;
  await world.asPerson('POST', '/apps', { app_name: name, org_slug: 'personal' });
  const env = {
    ...config.env,
    FLYCD_CONFIG_VERSION: app.configVersion,
    FLYCD_APP_VERSION: app.appVersion,
    FLYCD_APP_SOURCE_TYPE: source.type,
    FLYCD_APP_SOURCE_PATH: source.path ?? '',
    FLYCD_APP_SOURCE_REPO: source.repo ?? '',
    FLYCD_APP_SOURCE_REF_BRANCH: source.branch ?? '',
    FLYCD_APP_SOURCE_REF_COMMIT: source.commit ?? '',
    FLYCD_APP_SOURCE_REF_TAG: source.tag ?? '',
  };
  const image = app.image ?? `registry.fly.io/${name}:deployment-01HQ8ZJ0V5T3`;
  const { flyctl } = world.simulator;
  const how = { image, highAvailability: false, primaryRegion: 'arn' };
  expect(await flyctl.deploy(name, { ...how, configs: { app: { ...config, env } } })).toEqual({ ok: true });
  for (const [region, count] of Object.entries(app.scaled ?? {})) {
    expect(await flyctl.scaleCount(name, { count, region })).toEqual({ ok: true });
  }
}

/** What runs: a restart, another image or a new machine moves it. */
export function running({ simulator }: Arena, app?: string): readonly string[] {
  return [...simulator.world.apps]
    .filter(([name]) => app === undefined || name === app)
    .flatMap(([name, { machines }]) =>
      [...machines.values()]
        .filter(({ state }) => state !== 'destroyed' && state !== 'destroying')
        .map(({ id, region, instanceId, imageRef }) => `${name} ${region} ${id} ${instanceId} ${imageRef.digest}`),
    )
    .toSorted();
}

interface PlannedApp {
  readonly app: string;
  readonly steps: readonly { readonly kind: string; readonly target: string }[];
  readonly bookkeeping?: readonly { readonly kind: string }[];
  readonly holds: readonly { readonly reason: string; readonly because: string }[];
  readonly notes: readonly string[];
}

export async function planned(world: Arena): Promise<readonly PlannedApp[]> {
  const { stdout } = await world.flycd(['diff', '--output', 'json']);
  return (JSON.parse(stdout) as { readonly apps: readonly PlannedApp[] }).apps;
}

/**
 * Taken over by labels alone, which are no steps: the plan has nothing else, what runs stays as it is, nothing is built, and another pass
 * writes nothing.
 */
export async function expectTakenOver(world: Arena): Promise<void> {
  const before = running(world);
  const kinds = (await planned(world)).flatMap(({ app, steps, bookkeeping = [], holds }) => [
    ...steps.map(({ kind }) => `${app} step ${kind}`),
    ...bookkeeping.map(({ kind }) => `${app} ${kind}`),
    ...holds.map(({ reason, because }) => `${app} held ${reason}: ${because}`),
  ]);
  const apps = [...new Set(before.map((line) => line.split(' ')[0]))];
  expect([...new Set(kinds)]).toEqual(apps.flatMap((app) => [`${app} app.adopt`, `${app} machine.label`]));
  const { code, stdout } = await world.flycd(['diff']);
  expect(code, stdout).toBe(0);
  expect(stdout).toContain('adopted without a restart: ');
  await expectQuiet(world, before);
  const writes = world.simulator.world.writes().length;
  await expectQuiet(world, before);
  expect(world.simulator.world.writes()).toHaveLength(writes);
  expect((await world.flycd(['diff'])).code).toBe(0);
}

async function expectQuiet(world: Arena, before: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stderr + stdout).toBe(0);
  expect(running(world)).toEqual(before);
}

/** A sync after which the app runs something else. */
export async function expectRolled(world: Arena, app: string): Promise<void> {
  const before = running(world, app);
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stderr + stdout).toBe(0);
  expect(running(world, app).filter((line) => before.includes(line))).toEqual([]);
}
