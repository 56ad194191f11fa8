/** A tiny pure model of Fly under an apply that always succeeds: enough to ask whether a plan, once done, is done. */
import type { IpAssignment, Volume } from '../../schemas/fly/app.ts';
import type { Machine, MachineConfig } from '../../schemas/fly/machine.ts';
import { parseImage, pinned } from '../../src/flyconfig/sections/image.ts';
import { readHash } from '../../src/flyconfig/live/version.ts';
import type { Intent } from '../../src/model/stamps/calls-stamp.ts';
import type { Memory } from '../../src/model/standing/memory.ts';
import type { ObservedApp } from '../../src/model/observed.ts';
import type { MachineCreate, MachineUpdate, ReleaseStep, Step } from '../../src/model/plan.ts';
import type { StampedEvidence } from '../../src/model/stamps/secrets-stamp.ts';
import { formatRead } from '../../src/model/stamps/stamps.ts';
import { formatSlot } from '../../src/model/stamps/slot.ts';
import { flyctlKeys, stampKeys } from '../../src/model/stamps/keys.ts';
import { beforeGrowth } from '../../src/plan/kinds/volume-growth.ts';
import { commandStamp } from '../../src/plan/target/release-command.ts';
import { knownEvidence, secretsStampText } from '../../src/plan/kinds/secret-evidence.ts';
import { createsOf } from '../../src/plan/steps/select.ts';
import { isGone, isHostOk } from '../../src/plan/classify/machine-state.ts';
import { digest, fleet, owner, ulidAt } from './builders.ts';

export interface State {
  readonly present: boolean;
  /** true: the app had a machine once; Fly calls it pending until then. */
  readonly released: boolean;
  readonly machines: readonly Machine[];
  readonly volumes: readonly Volume[];
  readonly secrets: Readonly<Record<string, { readonly digest: string; readonly at: number }>>;
  readonly addresses: readonly IpAssignment[];
  readonly memory: Memory;
  readonly clock: number;
}

export function observe(state: State): ObservedApp {
  const status = state.released || state.machines.length > 0 ? 'deployed' : 'pending';
  const secrets = Object.entries(state.secrets).map(([name, { digest: hash, at }]) => {
    return { name, digest: hash, updated_at: new Date(at).toISOString() };
  });
  return {
    name: 'shop',
    askedAt: { now: state.clock, monotonic: state.clock },
    flyAheadMs: 0,
    app: {
      status: 'read',
      value: state.present ? { state: 'present', app: { name: 'shop', status } } : { state: 'absent' },
    },
    machines: { status: 'read', value: state.machines },
    volumes: { status: 'read', value: state.volumes },
    secrets: { status: 'read', value: secrets },
    addresses: { status: 'read', value: state.addresses },
  };
}

export function applyAll(state: State, steps: readonly Step[]): State {
  const applied = steps.reduce(applyStep, learning(state));
  // All creates succeeded: a group's first machines are there.
  const isFirst = (step: Step): boolean =>
    step.kind === 'release'
      ? step.machines.some(isFirst)
      : step.kind === 'machine.create' && step.config.metadata?.[stampKeys.first] !== undefined;
  const ended = steps.some(isFirst) ? applied.machines.reduce(forgetFirst, applied) : applied;
  const done = createsOf(steps).reduce(nameRegions, ended);
  return steps.length === 0 ? done : { ...done, memory: { ...done.memory, known: true, defaultAddressesGiven: true } };
}

/** What stamps tell of secrets and SQLite does not know is kept before anything is done: a stamp may go with its machine. */
function learning(state: State): State {
  const { memory } = state;
  const { learnt } = knownEvidence({ observed: observe(state), memory, fleet: owner });
  const evidence = Object.fromEntries(learnt.map(({ name, ...known }) => [name, known]));
  return { ...state, memory: { ...memory, evidence: { ...memory.evidence, ...evidence } } };
}

export function applyStep(before: State, step: Step): State {
  const released = before.released || before.machines.length > 0;
  const state = { ...before, released, clock: before.clock + 1000 };
  switch (step.kind) {
    case 'app.create':
      return { ...state, present: true };
    case 'address.allocate': {
      const { type, region, network } = step.request;
      const ip = `${type.endsWith('v4') ? '10.0.0.' : type === 'private_v6' ? 'fdaa::' : '2a09::'}${state.clock}`;
      const address = {
        ip,
        shared: type === 'shared_v4',
        region: region ?? 'global',
        network: network === undefined ? null : { name: network },
      };
      return { ...state, addresses: [...state.addresses, address] };
    }
    case 'address.release':
      return { ...state, addresses: state.addresses.filter((address) => address.ip !== step.address) };
    case 'secret.set': {
      const mark = state.memory.currentMarks[step.name];
      if (mark === undefined) throw new Error(`${step.name} has no value`);
      const hash = `digest of ${mark}`;
      const evidence = { ...state.memory.evidence, [step.name]: { mark, keyId: state.memory.keyId, digest: hash } };
      const secrets = { ...state.secrets, [step.name]: { digest: hash, at: state.clock } };
      return stampAll({ ...state, secrets, memory: { ...state.memory, evidence } }, step.name);
    }
    case 'secret.unset': {
      const { [step.name]: _gone, ...secrets } = state.secrets;
      const { [step.name]: _forgotten, ...evidence } = state.memory.evidence;
      return stampAll({ ...state, secrets, memory: { ...state.memory, evidence } }, step.name);
    }
    case 'volume.create': {
      const { name, region, size_gb } = step.request;
      const made = { id: `vol_${state.clock}`, name, region, size_gb, state: 'created', attached_machine_id: null };
      return { ...state, volumes: [...state.volumes, made] };
    }
    case 'volume.extend':
      return withVolume(withIntent(state, step.volumeId), step.volumeId, { size_gb: step.sizeGb });
    case 'volume.configure':
      return withVolume(state, step.volumeId, {
        snapshot_retention: step.snapshotRetentionDays ?? null,
        auto_backup_enabled: step.scheduledSnapshots ?? null,
      });
    case 'machine.label':
      return withMachine(state, step.machineId, (machine) => {
        return patched(machine, { ...step.metadata, [stampKeys.secrets]: secretsStampText(stampedIn(state)) ?? null });
      });
    case 'machine.create':
      return create(state, step);
    case 'machine.update':
      return update(state, step);
    case 'release':
      return afterCommand(step).reduce<State>(applyStep, state);
    case 'machine.start':
      return withMachine(state, step.machineId, (machine) => {
        const type = machine.state === 'suspended' ? 'resume' : 'start';
        const event = { type, source: 'user', status: 'starting', timestamp: state.clock };
        return { ...machine, state: 'started', events: [event, ...(machine.events ?? [])] };
      });
    case 'machine.restart':
      return withMachine(state, step.machineId, (machine) => {
        const event = { type: 'start', source: 'flyd', status: 'started', timestamp: state.clock };
        return { ...machine, events: [event, ...(machine.events ?? [])] };
      });
    case 'machine.destroy': {
      const volumes = state.volumes.map((one) =>
        one.attached_machine_id === step.machineId ? { ...one, attached_machine_id: null } : one,
      );
      return { ...state, volumes, machines: state.machines.filter((machine) => machine.id !== step.machineId) };
    }
    default:
      return state;
  }
}

function stampedIn(state: State): readonly StampedEvidence[] {
  return knownEvidence({ observed: observe(state), memory: state.memory, fleet: owner }).stamped ?? [];
}

/** After a secret was set or unset: what others knew of it is dropped, and every machine within reach says the same. */
function stampAll(state: State, changed: string): State {
  const stamped = stampedIn(state).filter(({ name, keyId }) => name !== changed || keyId === state.memory.keyId);
  const patch = { [stampKeys.secrets]: secretsStampText(stamped) ?? null };
  const reachable = state.machines.filter(
    (machine) => isHostOk(machine) && machine.config?.metadata?.[stampKeys.fleet] === fleet,
  );
  return reachable.reduce<State>((all, { id }) => withMachine(all, id, (machine) => patched(machine, patch)), state);
}

/** What was made in a region that git names newly is whole: the group's other machines say so, too. */
function nameRegions(state: State, { group, config }: MachineCreate): State {
  const named = config.metadata?.[stampKeys.regions];
  if (named === undefined) return state;
  return state.machines.reduce<State>((all, { id, config: live }) => {
    const said = live?.metadata?.[stampKeys.regions];
    const isOlder = live?.metadata?.['fly_process_group'] === group && said !== undefined && said.length < named.length;
    return isOlder ? withMachine(all, id, (machine) => patched(machine, { [stampKeys.regions]: named })) : all;
  }, state);
}

function forgetFirst(state: State, { id }: Machine): State {
  return withMachine(state, id, (machine) => patched(machine, { [stampKeys.first]: null }));
}

function withVolume(state: State, id: string, changes: Partial<Volume>): State {
  return { ...state, volumes: state.volumes.map((one) => (one.id === id ? { ...one, ...changes } : one)) };
}

/** Fly always asks for a restart here. */
function withIntent(state: State, volumeId: string): State {
  const volume = state.volumes.find((one) => one.id === volumeId);
  const machine = state.machines.find((one) => one.id === volume?.attached_machine_id);
  if (volume === undefined || machine === undefined) return state;
  const { intents } = state.memory;
  const intent: Intent = {
    id: intents.length + 1,
    kind: 'volume.extend',
    target: volumeId,
    createdAt: state.clock,
    before: beforeGrowth(volume, machine, state.clock),
  };
  return { ...state, memory: { ...state.memory, intents: [...intents, intent] } };
}

function withMachine(state: State, id: string, change: (machine: Machine) => Machine): State {
  return { ...state, machines: state.machines.map((machine) => (machine.id === id ? change(machine) : machine)) };
}

export function patched(machine: Machine, patch: Readonly<Record<string, string | null>>): Machine {
  if (machine.config === null) return machine;
  const metadata = { ...machine.config?.metadata };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete metadata[key];
    else metadata[key] = value;
  }
  return { ...machine, config: { ...machine.config, metadata } };
}

/** Fly's own way: a new version, the image resolved; then the read-back that apply stamps. */
function written(state: State, machine: Machine, config: MachineConfig): Machine {
  const image = /@(sha256:[0-9a-f]{64})$/.exec(config.image ?? '')?.[1] ?? digest;
  const settled = { ...machine, config, instance_id: ulidAt(state.clock), image_ref: { digest: image } };
  const patch: Record<string, string | null> = {
    [stampKeys.read]: formatRead(readHash(config)),
    [stampKeys.machine]: machine.id,
    [stampKeys.kept]: null,
    [stampKeys.secrets]: secretsStampText(stampedIn(state)) ?? null,
    [stampKeys.release]: config.metadata?.[flyctlKeys.releaseId] ?? null,
  };
  return patched(settled, patch);
}

function create(state: State, step: MachineCreate): State {
  const id = `new-${state.clock}`;
  const slot = formatSlot(step.slot);
  if (
    state.machines.some(
      (machine) =>
        machine.state !== 'destroying' &&
        !(step.replaces ?? []).includes(machine.id) &&
        machine.config?.metadata?.[stampKeys.slot] === slot &&
        machine.config.metadata[stampKeys.machine] === machine.id,
    )
  ) {
    throw new Error(`slot ${slot} is taken`);
  }
  const free =
    step.mount &&
    state.volumes.find(
      (one) => one.name === step.mount?.volume && one.region === step.slot.region && one.attached_machine_id === null,
    );
  if (step.mount !== undefined && free === undefined) throw new Error(`no volume for ${step.target}`);
  const mounts =
    free === undefined ? {} : { mounts: (step.config.mounts ?? []).map((mount) => ({ ...mount, volume: free.id })) };
  const config = { ...step.config, ...mounts, ...standing(state, step) };
  const bare: Machine = {
    id,
    name: slot,
    state: step.skipLaunch ? 'stopped' : 'started',
    region: step.slot.region,
    created_at: new Date(state.clock).toISOString(),
    events: [],
  };
  const volumes = state.volumes.map((one) => (one.id === free?.id ? { ...one, attached_machine_id: id } : one));
  return { ...state, volumes, machines: [...state.machines, written(state, bare, config)] };
}

/** A standby gets the id of the machine whose place it takes. */
function standing(
  state: State,
  { standsInFor, target }: MachineCreate | MachineUpdate,
): Pick<MachineConfig, 'standbys'> {
  if (standsInFor === undefined) return {};
  const slot = formatSlot(standsInFor.slot);
  const there = state.machines.filter((machine) => !isGone(machine));
  const made = there.find((machine) => machine.config?.metadata?.[stampKeys.slot] === slot);
  const id = standsInFor.machineId ?? made?.id;
  if (id === undefined) throw new Error(`${target} stands in for nobody`);
  return { standbys: [id] };
}

function update(state: State, step: MachineUpdate): State {
  return withMachine(state, step.machineId, (machine) => {
    if (machine.instance_id !== step.currentVersion) throw new Error(`${step.target} moved`);
    const config = { ...step.config, ...standing(state, step) };
    return { ...written(state, machine, config), state: step.skipLaunch ? 'stopped' : 'started', events: [] };
  });
}

/** Its machines say which command has run before them. */
function afterCommand({ command, machines }: ReleaseStep): readonly (MachineCreate | MachineUpdate)[] {
  if (command === undefined) return machines;
  const image = command.config.image ?? '';
  const ran = parseImage(image).digest === undefined ? pinned(image, digest) : image;
  const stamp = { [stampKeys.command]: commandStamp(ran, command.version) };
  return machines.map((step) => {
    const config = { ...step.config, metadata: { ...step.config.metadata, ...stamp } };
    return step.kind === 'machine.create' ? { ...step, config } : { ...step, config };
  });
}
