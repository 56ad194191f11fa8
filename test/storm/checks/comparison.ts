/** What git says against what Fly has, read without FlyCD's own eyes. */
import type { AppSnapshot, MachineSnapshot } from '../../../simulator/world/snapshot.ts';
import { countsOf, type AppIdea, type GroupIdea } from '../world/fleet.ts';

export interface Difference {
  readonly text: string;
  /** What a plan calls that which differs: any of these, or what lies under it. */
  readonly about: readonly string[];
  /** true: it is there, and git lets it go. */
  readonly isSurplus?: boolean;
}

export function differences(idea: AppIdea, app: AppSnapshot): readonly Difference[] {
  const named = Object.entries(idea.groups).flatMap(([name, group]) => groupDifferences(idea, app, { name, group }));
  const unnamed = app.machines
    .filter((machine) => machine.metadata['flycd_fleet'] !== undefined)
    .filter((machine) => !Object.hasOwn(idea.groups, groupOf(machine)))
    .map((machine) => ({
      text: `${app.name}: ${machine.name} is of group ${groupOf(machine)}, which git does not name`,
      about: [`${app.name}/${groupOf(machine)}`],
    }));
  const isSecret = idea.secret === undefined || app.secrets['PASSWORD'] === idea.secret;
  const secret = { text: `${app.name}: PASSWORD is not the one git names`, about: [`${app.name}/PASSWORD`] };
  const missing = (idea.ips ?? [])
    .filter((kind) => app.addresses.every((address) => address.kind !== kind))
    .map((kind) => ({ text: `${app.name}: no ${kind} address`, about: [`${app.name}/${kind}`] }));
  return [...named, ...unnamed, ...(isSecret ? [] : [secret]), ...missing, ...unpruned(idea, app)];
}

/** What git no longer names and its policy lets FlyCD remove. */
function unpruned(idea: AppIdea, app: AppSnapshot): readonly Difference[] {
  const { prune = [], ips } = idea;
  const listed: ReadonlySet<string> = new Set(ips ?? []);
  const addresses = app.addresses
    .filter(({ kind }) => prune.includes('addresses') && ips !== undefined && !listed.has(kind))
    .map(({ kind, ip }) => ({
      text: `${app.name}: ${kind} ${ip} is not listed`,
      about: [`${app.name}/${ip}`],
      isSurplus: true,
    }));
  const isLeft = prune.includes('secrets') && idea.secret === undefined && app.secrets['PASSWORD'] !== undefined;
  const secret = {
    text: `${app.name}: git does not name PASSWORD`,
    about: [`${app.name}/PASSWORD`],
    isSurplus: true,
  };
  return [...addresses, ...(isLeft ? [secret] : [])];
}

export function groupOf({ metadata }: Pick<MachineSnapshot, 'metadata'>): string {
  return metadata['fly_process_group'] ?? '';
}

export function isAlive({ state }: { readonly state: string }): boolean {
  return state !== 'destroyed' && state !== 'destroying';
}

/** As FlyCD names machines; what flyctl makes gets another name. */
export const ownName = /-\d+-g\d+$/;

/** A copy made by hand carries its original's stamps until FlyCD has given it its own. */
export function isItself({ id, metadata }: Pick<MachineSnapshot, 'id' | 'metadata'>): boolean {
  return (metadata['flycd_machine'] ?? id) === id;
}

/** Of flyctl, beside the machines that git wants: gone once it is healthy, and left there where it is not. */
export function isCanary({ metadata }: MachineSnapshot): boolean {
  return metadata['fly_canary'] !== undefined;
}

function groupDifferences(
  idea: AppIdea,
  app: AppSnapshot,
  { name, group }: { readonly name: string; readonly group: GroupIdea },
): readonly Difference[] {
  const members = app.machines.filter((machine) => groupOf(machine) === name);
  const machines = members.filter((machine) => !isCanary(machine));
  const found: Difference[] = members.filter(isCanary).map((machine) => ({
    text: `${app.name}: ${machine.name} is a canary that somebody left`,
    about: [`${app.name}/${machine.id}`],
  }));
  // A standby stands in for one of them, and is none of them.
  const counted = machines.filter(({ config }) => (config.standbys ?? []).length === 0);
  const whole = `${app.name}/${name}`;
  const counts = countsOf(idea, group);
  if (counts === undefined && counted.length === 0) found.push({ text: `${whole}: no machines`, about: [whole] });
  const regions = counts === undefined ? [] : [...new Set([...Object.keys(counts), ...machines.map((m) => m.region)])];
  for (const region of regions) {
    const there = counted.filter((machine) => machine.region === region).length;
    const wanted = counts?.[region] ?? 0;
    const text = `${whole}: ${there} machines, git wants ${wanted} in ${region}`;
    if (there !== wanted) found.push({ text, about: [`${whole}/${region}`] });
  }
  for (const machine of machines) {
    const slot = machine.metadata['flycd_slot'];
    // One that somebody made is told of by its id.
    const about = [
      slot === undefined || !isItself(machine) ? whole : `${app.name}/${slot}`,
      `${app.name}/${machine.id}`,
    ];
    for (const what of machineDifferences(idea, group, machine)) {
      found.push({ text: `${app.name}: ${machine.name} ${what}`, about });
    }
    const runs = machine.secrets['PASSWORD'];
    if (machine.state === 'started' && idea.secret !== undefined && runs !== idea.secret) {
      // A value that Fly has and FlyCD leaves there reaches machines with their next update: a hold speaks of the secret.
      const left = runs === app.secrets['PASSWORD'] ? [`${app.name}/PASSWORD`] : [];
      const text = `${app.name}: ${machine.name} runs with another PASSWORD than git names`;
      found.push({ text, about: [...about, ...left] });
    }
    const size = app.volumes.find(({ attachedMachine }) => attachedMachine === machine.id)?.sizeGb ?? 0;
    if (group.volumeGb === undefined || size >= group.volumeGb) continue;
    const text = `${app.name}: ${machine.name} has a volume of ${size} GB, git wants ${group.volumeGb}`;
    found.push({ text, about: [...about, `${app.name}/${name}_data`] });
  }
  return found;
}

function machineDifferences(idea: AppIdea, group: GroupIdea, machine: MachineSnapshot): readonly string[] {
  const { config, state } = machine;
  const found: string[] = [];
  const [image = ''] = (config.image ?? '').split('@');
  if (image !== idea.image) found.push(`runs ${image}, git wants ${idea.image}`);
  for (const [name, value] of Object.entries(idea.env)) {
    if (config.env?.[name] !== value) found.push(`has ${name}=${config.env?.[name]}, git wants ${value}`);
  }
  if ((config.schedule ?? undefined) !== group.schedule)
    found.push(`has schedule ${config.schedule}, git wants ${group.schedule}`);
  const { memory_mb: memory } = config.guest ?? {};
  if (idea.memoryMb !== undefined && memory !== idea.memoryMb)
    found.push(`has ${memory} MB, git wants ${idea.memoryMb}`);
  if ((config.mounts ?? []).length > 0 !== (group.volumeGb !== undefined))
    found.push(group.volumeGb === undefined ? 'has a volume' : 'has no volume');
  if ((config.services ?? []).length > 0 !== group.serves) found.push(group.serves ? 'serves nothing' : 'serves');
  const standsBy = (config.standbys ?? []).length > 0;
  const mayRest = group.rests || group.schedule !== undefined;
  if (state !== (standsBy ? 'stopped' : 'started') && !mayRest) found.push(`is ${state}`);
  return found;
}
