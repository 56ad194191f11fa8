import type { Machine, MachineConfig } from '../../schemas/fly/machine.ts';
import { standbyEnv } from '../../src/flyconfig/live/overlay.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { SlotMachine, MachineChange, MachineUpdate } from '../../src/model/plan.ts';
import { formatSlot, parseSlot } from '../../src/model/stamps/slot.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isOwn, type FleetOwner } from '../../src/model/stamps/owner.ts';
import { readIfPossible } from '../../src/observed/reading.ts';
import { isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { isCutOff } from '../../src/plan/classify/standbys.ts';
import { hasSucceeded } from '../../src/plan/classify/superseded.ts';
import type { AppPass } from '../pass/app-pass.ts';

/**
 * A standby's config with the id of the machine it stands in for, which the planner may not know yet: it is made by the
 * same plan. Other steps come back as they are. Throws a transient Fault when no machine has that slot.
 */
export async function withStandby<S extends MachineChange>(pass: AppPass, step: S): Promise<S> {
  const { standsInFor } = step;
  if (standsInFor === undefined) return step;
  const id = standsInFor.machineId ?? (await machineOf(pass, standsInFor));
  const config: MachineConfig = { ...step.config, standbys: [id], env: { ...step.config.env, [standbyEnv]: id } };
  return { ...step, config };
}

async function machineOf({ app, fleet, services: { fly } }: AppPass, { slot }: SlotMachine): Promise<string> {
  const wanted = formatSlot(slot);
  const found = (await fly.machines(app.name)).find((machine) => {
    const metadata = machine.config?.metadata ?? {};
    const stamped = parseSlot(metadata[stampKeys.slot]);
    const isThere = !isGone(machine) && isOwn(metadata, fleet);
    return isThere && stamped !== undefined && formatSlot(stamped) === wanted;
  });
  if (found !== undefined) return found.id;
  throw new Fault({
    kind: 'transient',
    what: `no machine has the slot ${wanted}`,
    why: 'it was to be made first, and a standby needs its id',
    next: 'FlyCD plans again from what it sees',
    where: `${app.name}/${wanted}`,
  });
}

/** Of a pass, what tells of the machines that a standby stands in for. */
interface Covering extends Pick<AppPass, 'replaced'> {
  readonly app: Pick<AppPass['app'], 'name'>;
  readonly fleet: FleetOwner;
  readonly basis: Pick<AppPass['basis'], 'machines'>;
  readonly services: { readonly fly: Pick<AppPass['services']['fly'], 'machine'> };
}

/** What the machines are like that a standby stands in for; undefined: it does for nobody, or Fly does not say of all of them. */
type Covered = 'cut off' | 'up' | 'down' | undefined;

/** Asks by id: the host of one may have failed, or come back, since the plan was made, and a list tells late of it. */
async function coveredBy(pass: Covering, { standbys }: Pick<MachineConfig, 'standbys'>): Promise<Covered> {
  const { app, services } = pass;
  const ids = (standbys ?? []).filter((id) => !isReplaced(pass, id));
  const machines = await allEnded(ids.map((id) => readIfPossible(services.fly.machine(app.name, id))));
  const seen = machines.flatMap((one) => (one.status === 'read' ? [one.value] : []));
  if (seen.some((machine) => machine !== undefined && isCutOff(machine))) return 'cut off';
  if ((standbys ?? []).length === 0 || seen.length < machines.length) return undefined;
  return seen.some((machine) => machine?.state === 'started') ? 'up' : 'down';
}

/** Another one does the work of that one, and was seen healthy. */
function isReplaced({ basis, fleet, replaced }: Covering, id: string): boolean {
  const succeeds = (machine: Machine): boolean =>
    isOwn(metadataOf(machine), fleet) && hasSucceeded(metadataOf(machine), id);
  return replaced.has(id) || (basis.machines ?? []).some(succeeds);
}

/** Whether the host of a machine that one with this config stands in for does not answer. undefined: nobody can tell. */
export async function isStandbyNeeded(
  pass: Covering,
  config: Pick<MachineConfig, 'standbys'>,
): Promise<boolean | undefined> {
  const covered = await coveredBy(pass, config);
  return covered === undefined ? undefined : covered === 'cut off';
}

/**
 * Whether the update of a standby leaves it down, where it `rests` by now. Fly starts and stops it as its machine's host fails
 * and comes back, but for one that failed, and one that is pointed at another machine: nobody tells Fly that this one is well.
 */
export async function staysDown(
  pass: Covering,
  { config, skipLaunch, standsInFor }: Pick<MachineUpdate, 'config' | 'skipLaunch' | 'standsInFor'>,
  { rests, hasFailed }: { readonly rests: boolean; readonly hasFailed: boolean },
): Promise<boolean> {
  const isPlanned = skipLaunch && rests;
  if (standsInFor === undefined && (isPlanned ? !hasFailed : !rests)) return isPlanned;
  const covered = await coveredBy(pass, config);
  if (covered === undefined) return isPlanned;
  return rests ? covered !== 'cut off' : covered === 'up';
}
