import { allEnded } from '../model/base/ending.ts';
import type { OrgMachine, Machine } from '../../schemas/fly/machine.ts';
import type { FlyReader } from '../fly/api.ts';
import type { Clock } from '../model/base/clock.ts';
import type { AppPresence, OrphanContents, OrphanedApp, Reading } from '../model/observed.ts';
import { isNamedOwn, otherOwner, type FleetOwner, type OtherOwner } from '../model/stamps/owner.ts';
import { isCopy } from '../model/stamps/slot.ts';
import { readStanding } from '../model/standing/standing-text.ts';
import { isGone, metadataOf } from '../plan/classify/machine-state.ts';
import { appIdOf } from './app.ts';
import { listedMachines, shownApp } from './presence.ts';
import { read } from './reading.ts';

export interface ObserveOrphansRequest {
  readonly fly: FlyReader;
  readonly clock: Pick<Clock, 'sleep'>;
  /** Slug of the organization that is searched. */
  readonly org: string;
  /** Only machines stamped with this fleet's name are looked at. */
  readonly fleet: FleetOwner;
  /** Names of all apps that git names, the invalid ones too. */
  readonly desired: ReadonlySet<string>;
}

export interface ObservedOrphans {
  /** By name. Each was confirmed by asking for the app and its machines. */
  readonly orphans: readonly OrphanedApp[];
  /** false: there may be more. */
  readonly complete: boolean;
  /** Why it is not complete. */
  readonly reason?: string;
}

interface ForeignApp {
  readonly state: 'foreign';
  /** As of an orphan. */
  readonly id: string | undefined;
  /** undefined: Fly shows the token nothing of it, or does not say. */
  readonly org: string | undefined;
  /** The first other fleet that machines of it carry. undefined: none, or nobody could look. */
  readonly owner: OtherOwner | undefined;
  /** Machines in it. */
  readonly machines: number;
}

/** An app by itself: an orphan, no longer on Fly, there with nothing in it that is the fleet's, or not to be told. */
export type SeenOrphan =
  | { readonly state: 'orphan'; readonly orphan: OrphanedApp }
  | { readonly state: 'gone' }
  | ForeignApp
  | { readonly state: 'unread'; readonly reason: string };

/**
 * Apps with machines stamped by this fleet that git does not name. The org-wide list lags, misses regions and names no
 * app's owner, so it only says where to look. Without a machine there is no stamp: such an app is not found.
 * Throws only when the token is refused.
 */
export async function observeOrphans({
  fly,
  clock,
  org,
  fleet,
  desired,
}: ObserveOrphansRequest): Promise<ObservedOrphans> {
  const listed = await read(fly.orgMachines(org));
  if (listed.status === 'unread') return { orphans: [], complete: false, reason: listed.reason };
  const { machines, errorRegions } = listed.value;
  const stamped = machines.filter((machine) => isOurs(machine.config, fleet) && !desired.has(machine.app_name));
  const names = [...new Set(stamped.map((machine) => machine.app_name))].toSorted();
  const asked = names.map((name) => confirm({ fly, clock, org, fleet }, name));
  const confirmed = await allEnded(asked);
  const orphans = confirmed.flatMap((seen) => (seen.state === 'orphan' ? [seen.orphan] : []));
  const reasons = confirmed.flatMap((seen) => (seen.state === 'unread' ? [seen.reason] : []));
  if (errorRegions.length > 0) {
    reasons.unshift(`Fly's list of ${org} lacks ${errorRegions.toSorted().join(', ')}`);
  }
  return reasons.length === 0 ? { orphans, complete: true } : { orphans, complete: false, reason: reasons.join('; ') };
}

type ObserveOrphanRequest = Pick<ObserveOrphansRequest, 'fly' | 'clock' | 'fleet'>;

type Known = Pick<OrphanedApp, 'name' | 'org'> & Partial<Pick<OrphanedApp, 'machines'>>;

/** Of an app that Fly does not show: one of its machines that is there is enough. */
const askedByIdMax = 3;

/**
 * One of them again, as it is now: its machines, which carry people's words, are asked for last, for an answer may take half a
 * minute. Throws only when the token is refused.
 */
export async function observeOrphan(request: ObserveOrphanRequest, known: Known): Promise<SeenOrphan> {
  const { name, org, machines = [] } = known;
  const asked = await ask(request, name);
  const seen = seenAs({ ...request, name, org }, asked.app, asked.machines);
  if (seen.state !== 'gone') return seen;
  return unlessThere(name, await answersOf(request, name, machines.slice(0, askedByIdMax).map(idOf)));
}

/**
 * The same, with its machines as each is by its id, for lists lag: those of `ids` beside the listed ones. What answers by its id
 * is there, whatever the list says, and what one of both shows and the other one does not is unread.
 */
export async function observeOrphanById(
  request: ObserveOrphanRequest,
  { name, org }: Known,
  ids: ReadonlySet<string>,
): Promise<SeenOrphan> {
  // Side by side, for a slow Fly has to show all of it within seconds.
  const [asked, known] = await allEnded([ask(request, name), answersOf(request, name, [...ids])]);
  const listed = asked.machines.status === 'read' ? asked.machines.value : [];
  const others = listed.map(idOf).filter((id) => !ids.has(id));
  const answers = [...known, ...(await answersOf(request, name, others))];
  const seen = seenAs({ ...request, name, org }, asked.app, united(asked.machines, answers));
  return seen.state === 'gone' ? unlessThere(name, answers) : seen;
}

interface Asked {
  readonly app: Reading<AppPresence>;
  readonly machines: Reading<readonly Machine[]>;
}

async function ask({ fly, clock }: ObserveOrphanRequest, name: string): Promise<Asked> {
  const shown = await read(shownApp({ fly, clock }, name));
  if (shown.status === 'unread') return { app: shown, machines: shown };
  const { presence, isListed } = shown.value;
  if (presence.state === 'present')
    return { app: { status: 'read', value: presence }, machines: await read(fly.machines(name)) };
  const app = isListed && presence.state === 'absent' ? contradicted : ({ status: 'read', value: presence } as const);
  return { app, machines: { status: 'read', value: [] } };
}

const contradicted = { status: 'unread', reason: 'Fly lists its machines, and shows no app' } as const;

/** What Fly says of one machine, asked for it by its id. */
interface ById {
  readonly id: string;
  readonly answer: Reading<Machine | undefined>;
}

const idOf = ({ id }: Pick<Machine, 'id'>): string => id;

function answersOf(
  { fly }: Pick<ObserveOrphanRequest, 'fly'>,
  app: string,
  ids: readonly string[],
): Promise<readonly ById[]> {
  return allEnded(ids.map(async (id) => ({ id, answer: await read(fly.machine(app, id)) })));
}

function unlessThere(name: string, answers: readonly ById[]): SeenOrphan {
  const there = answers.find(
    ({ answer }) => answer.status === 'read' && answer.value !== undefined && !isGone(answer.value),
  );
  if (there === undefined) return { state: 'gone' };
  return { state: 'unread', reason: `${name}: Fly shows its machine ${there.id}, and no app` };
}

/** What both say of each machine, with the newest of a person's words of either. Unread is never empty, and never gone. */
function united(list: Reading<readonly Machine[]>, answers: readonly ById[]): Reading<readonly Machine[]> {
  if (list.status === 'unread') return list;
  const listed = new Map(list.value.map((machine) => [machine.id, machine]));
  const there: Machine[] = [];
  for (const { id, answer } of answers) {
    if (answer.status === 'unread') return answer;
    const before = listed.get(id);
    if (answer.value !== undefined) there.push(before === undefined ? answer.value : withWords(answer.value, before));
    else if (before !== undefined && !isGone(before))
      return { status: 'unread', reason: `Fly lists machine ${id}, and shows none of that id` };
  }
  return { status: 'read', value: there };
}

/** One that shows no config stays so. */
function withWords(live: Machine, listed: Machine): Machine {
  const key = (live.config ?? undefined) === undefined ? 'incomplete_config' : 'config';
  const config = live[key] ?? undefined;
  if (config === undefined) return live;
  const { texts } = readStanding([metadataOf(live), metadataOf(listed)]);
  return { ...live, [key]: { ...config, metadata: { ...config.metadata, ...texts } } };
}

async function confirm(
  { fly, clock, org, fleet }: Pick<ObserveOrphansRequest, 'fly' | 'clock' | 'org' | 'fleet'>,
  name: string,
): Promise<SeenOrphan> {
  const asked = [read(fly.app(name)), read(listedMachines({ fly, clock }, name))] as const;
  const [app, machines] = await allEnded(asked);
  const seen = seenAs({ fly, name, org, fleet }, app, machines);
  if (seen.state !== 'gone') return seen;
  const again = await ask({ fly, clock, fleet }, name);
  // One that is on its way out is listed for longer than it is shown.
  return again.app === contradicted ? seen : seenAs({ fly, name, org, fleet }, again.app, again.machines);
}

function seenAs(
  { fly, name, org, fleet }: Pick<ObserveOrphansRequest, 'fly' | 'org' | 'fleet'> & { readonly name: string },
  app: Reading<AppPresence>,
  machines: Reading<readonly Machine[]>,
): SeenOrphan {
  if (app.status === 'unread') return { state: 'unread', reason: `${name}: ${app.reason}` };
  if (app.value.state === 'absent') return { state: 'gone' };
  // Nobody has seen what is in it: it may have moved on with all of its machines.
  if (app.value.state === 'taken') return { state: 'unread', reason: `${name}: the token no longer reaches it` };
  if (machines.status === 'unread') return { state: 'unread', reason: `${name}: ${machines.reason}` };
  const id = appIdOf(app.value.app);
  const there = machines.value.filter((machine) => !isGone(machine));
  // A machine on a host that does not answer shows no config: its stamp, and people's words, may be there all the same.
  const hidden = there.find((machine) => configOf(machine) === undefined);
  const unread = hidden === undefined ? undefined : `machine ${hidden.id} does not show its config`;
  if (there.some((machine) => isOurs(configOf(machine), fleet) && !isCopy(machine.id, configOf(machine)?.metadata)))
    return {
      state: 'orphan',
      orphan: { name, org, id, machines: there, unread, flyAheadMs: fly.aheadMs() },
    };
  if (unread === undefined) {
    const [owner] = there.flatMap((machine) => otherOwner(configOf(machine)?.metadata ?? {}, fleet) ?? []);
    return { state: 'foreign', id, org: app.value.app.organization?.slug, owner, machines: there.length };
  }
  return { state: 'unread', reason: `${name}: ${unread}` };
}

/** What would go with an app: each kind read, or unread with the reason. Throws only when the token is refused. */
export async function observeContents(fly: FlyReader, app: string): Promise<OrphanContents> {
  const [volumes, addresses, certificates, secrets] = await allEnded([
    read(fly.volumes(app)),
    read(fly.addresses(app)),
    read(fly.certificates(app)),
    read(fly.secrets(app)),
  ]);
  return { volumes, addresses, certificates, secrets };
}

/** An incomplete config still tells the stamp; it is never used for more. */
function configOf(machine: Machine) {
  return machine.config ?? machine.incomplete_config ?? undefined;
}

function isOurs(config: OrgMachine['config'], fleet: FleetOwner): boolean {
  return isNamedOwn(config?.metadata ?? {}, fleet);
}
