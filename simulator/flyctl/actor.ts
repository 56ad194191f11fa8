/**
 * Somebody with flyctl: what is done by hand to the same apps, in flyctl's order, with its leases and waits, on the
 * clock. Not in the log of requests, untouched by faults and limits.
 */
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { isObject } from '../wire/body.ts';
import { pauseApp, resumeApp } from '../api/apps.ts';
import {
  appNamed,
  HandError,
  handsOf,
  launchMachines,
  machineNamed,
  pathOf,
  wordsOf,
  type Hands,
} from './api-client.ts';
import { leased } from './leases.ts';
import { change, deploy, makeVolume, released, type HandDeploy } from './deploy.ts';
import { make, settled } from './launch.ts';
import { groupOf, type App, type Machine } from '../world/records.ts';
import type { World } from '../world/world.ts';

/** Never rejects: a command that fails says so, as on a terminal. */
type HandOutcome = { readonly ok: true } | { readonly ok: false; readonly error: string };

export interface FlyctlActor {
  /** `fly deploy` */
  deploy(app: string, wanted: HandDeploy): Promise<HandOutcome>;
  /** `fly scale count`: of one group (default: that of the first machine), all in `region` (default: where it is). */
  scaleCount(app: string, wanted: ScaleCount): Promise<HandOutcome>;
  /** `fly scale memory`, of one group or all. */
  scaleMemory(app: string, wanted: { readonly memoryMb: number; readonly group?: string }): Promise<HandOutcome>;
  /** `fly machine clone`: metadata and all, with a volume of its own where it has one. */
  clone(app: string, wanted: Named & { readonly region?: string; readonly name?: string }): Promise<HandOutcome>;
  /** `fly machine update`: `config` is laid over the live one. */
  update(app: string, wanted: Named & { readonly config: MachineConfig }): Promise<HandOutcome>;
  /** `fly secrets set` and `unset` (null); staged ones wait for the next start. */
  setSecrets(app: string, wanted: SetSecrets): Promise<HandOutcome>;
  /** `fly ips release` */
  releaseAddress(app: string, wanted: { readonly ip: string }): Promise<HandOutcome>;
  /** `fly ips allocate-v6` and its like, by Fly's type: v6, v4, shared_v4. */
  allocateAddress(app: string, wanted: { readonly type: string }): Promise<HandOutcome>;
  /** `fly volumes create` */
  createVolume(app: string, wanted: NewVolume): Promise<HandOutcome>;
  /** `fly apps suspend`: flyctl has refused it since 2022, and changes nothing. */
  suspendApp(app: string, wanted?: undefined): Promise<HandOutcome>;
  /** The same by Fly's GraphQL, as flyctl did before: what runs is stopped. */
  pauseApp(app: string, wanted?: undefined): Promise<HandOutcome>;
  /** `fly apps resume` */
  resumeApp(app: string, wanted?: undefined): Promise<HandOutcome>;
  /** `fly machine destroy --force` */
  destroy(app: string, wanted: Named): Promise<HandOutcome>;
  /** Every command since the start, oldest first. */
  readonly commands: readonly HandCommand[];
}

interface Named {
  /** Name or id. */
  readonly machine: string;
}
interface NewVolume {
  readonly name: string;
  readonly region: string;
  readonly sizeGb: number;
}
interface ScaleCount {
  readonly count: number;
  readonly group?: string;
  readonly region?: string;
}
interface SetSecrets {
  readonly values: Readonly<Record<string, string | null>>;
  readonly stage?: boolean;
}
interface HandCommand {
  readonly command: string;
  readonly app: string;
  /** undefined: still at it. */
  outcome: HandOutcome | undefined;
}

const scaleLeaseSeconds = 120;

export function flyctlActor(world: World): FlyctlActor {
  let hands: Hands | undefined;
  const commands: HandCommand[] = [];

  function playing<T>(command: string, play: (hands: Hands, app: App, wanted: T) => Promise<void>) {
    return async (name: string, wanted: T): Promise<HandOutcome> => {
      const entry: HandCommand = { command, app: name, outcome: undefined };
      commands.push(entry);
      try {
        hands ??= handsOf(world);
        await play(hands, appNamed(world, name), wanted);
        entry.outcome = { ok: true };
      } catch (error) {
        entry.outcome = { ok: false, error: wordsOf(error) };
      }
      return entry.outcome;
    };
  }

  return {
    commands,
    deploy: playing('deploy', deploy),
    scaleCount: playing('scale count', scaleCount),
    scaleMemory: playing('scale memory', scaleMemory),
    clone: playing('machine clone', async (hands, app, wanted: Parameters<FlyctlActor['clone']>[1]) => {
      await copy(hands, machineNamed(app, wanted.machine), wanted);
    }),
    update: playing('machine update', updateMachine),
    setSecrets: playing('secrets set', setSecrets),
    releaseAddress: playing('ips release', async (hands, app, { ip }: { readonly ip: string }) => {
      await hands.ask('DELETE', `/apps/${app.name}/ip_assignments/${encodeURIComponent(ip)}`);
    }),
    allocateAddress: playing('ips allocate', async (hands, app, { type }: { readonly type: string }) => {
      await hands.ask('POST', `/apps/${app.name}/ip_assignments`, { type });
    }),
    createVolume: playing('volumes create', async (hands, app, { sizeGb, ...wanted }: NewVolume) => {
      await makeVolume(hands, app, { ...wanted, size_gb: sizeGb });
    }),
    suspendApp: playing('apps suspend', () =>
      Promise.reject(new HandError('this command is deprecated: fly scale count 0 stops an app for a while')),
    ),
    pauseApp: playing('apps suspend', async (hands, app) => Promise.resolve(pauseApp(hands.world, app))),
    resumeApp: playing('apps resume', async (hands, app) => Promise.resolve(resumeApp(hands.world, app))),
    destroy: playing('machine destroy', async (hands, app, { machine }: Named) => {
      await hands.ask('DELETE', `${pathOf(machineNamed(app, machine))}?force=true`);
    }),
  };
}

/** The first machine of the group is the pattern; the youngest go first. */
async function scaleCount(hands: Hands, app: App, { count, region, ...wanted }: ScaleCount): Promise<void> {
  const all = launchMachines(app);
  const group = wanted.group ?? groupOf(all[0] ?? raise(`app ${app.name} has no machines to scale`));
  const members = all.filter(
    (machine) => groupOf(machine) === group && (region === undefined || machine.region === region),
  );
  const pattern = members[0] ?? all.find((machine) => groupOf(machine) === group) ?? raise(`no machines in ${group}`);
  const surplus = members.toSorted((a, b) => b.sequence - a.sequence).slice(0, Math.max(0, members.length - count));
  await leased(hands, members, scaleLeaseSeconds, async (nonces) => {
    for (let made = members.length; made < count; made++) {
      await copy(hands, pattern, { region: region ?? pattern.region });
    }
    for (const machine of surplus) {
      await hands.ask('DELETE', `${pathOf(machine)}?force=true`, undefined, nonces.get(machine.id));
    }
  });
}

function raise(words: string): never {
  throw new Error(words);
}

async function copy(
  hands: Hands,
  pattern: Machine,
  { region = pattern.region, name }: { readonly region?: string; readonly name?: string },
): Promise<Machine> {
  const { app } = pattern;
  const { standbys: _cleared, mounts, ...config } = pattern.config;
  const [mount] = mounts ?? [];
  const volume =
    mount === undefined
      ? undefined
      : await makeVolume(hands, app, { name: mount.name ?? '', region, size_gb: mount.size_gb ?? 1 });
  const copied: MachineConfig =
    volume === undefined ? config : { ...config, mounts: [{ ...mount, volume: volume.id }] };
  const made = await make(hands, app, { region, config: copied, ...(name === undefined ? {} : { name }) });
  await settled(hands, made);
  return made;
}

async function scaleMemory(
  hands: Hands,
  app: App,
  { memoryMb, group }: { readonly memoryMb: number; readonly group?: string },
): Promise<void> {
  const members = launchMachines(app).filter((machine) => group === undefined || groupOf(machine) === group);
  await leased(hands, members, scaleLeaseSeconds, async (nonces) => {
    for (const machine of members) {
      const config = { ...machine.config, guest: { ...machine.config.guest, memory_mb: memoryMb } };
      await change(hands, machine, { config, nonce: nonces.get(machine.id), waits: true });
    }
  });
}

async function updateMachine(
  hands: Hands,
  app: App,
  wanted: Named & { readonly config: MachineConfig },
): Promise<void> {
  const machine = machineNamed(app, wanted.machine);
  await leased(hands, [machine], scaleLeaseSeconds, async (nonces) => {
    const live = machine.config;
    const { env, metadata, ...rest } = wanted.config;
    const config: MachineConfig = {
      ...live,
      ...rest,
      env: { ...live.env, ...env },
      metadata: { ...live.metadata, ...metadata },
    };
    await change(hands, machine, { config, nonce: nonces.get(machine.id), waits: true });
  });
}

/** A release of its own that changes nothing but its stamp, so that every machine boots with the new values. */
async function setSecrets(hands: Hands, app: App, { values, stage = false }: SetSecrets): Promise<void> {
  const written = await hands.ask('POST', `/apps/${app.name}/secrets`, { values });
  const version = isObject(written) ? written['version'] : undefined;
  const members = launchMachines(app);
  if (stage || members.length === 0 || typeof version !== 'number') return;
  await released(hands, app, { machines: members }, async (stamp) => {
    await leased(hands, members, scaleLeaseSeconds, async (nonces) => {
      for (const machine of members) {
        const config = { ...machine.config, metadata: { ...machine.config.metadata, ...stamp } };
        const nonce = nonces.get(machine.id);
        await change(hands, machine, { config, nonce, waits: true, minSecretsVersion: version });
      }
    });
  });
}
