/**
 * What has to be kept: all that an unread file governs stays as it is, and of two equal things a person never loses the one
 * that FlyCD made or that was there first; volumes go by nobody's hand but a person's.
 */
import { groupOf, type Address, type App, type Machine, type Volume } from '../../../simulator/world/records.ts';
import type { RequestRecord } from '../../../simulator/world/requests.ts';
import type { World } from '../../../simulator/world/world.ts';
import { firstCounts, type AppIdea, type FleetName } from '../world/fleet.ts';
import { isAlive } from './comparison.ts';

type Request = Readonly<RequestRecord>;

export interface Keeping {
  /** Apps that a file which cannot be read governs from now on; undefined: every one. */
  unread(apps: readonly string[] | undefined): void;
  /** Everything can be read again. */
  read(): void;
  /** A person made something: an address by its ip, a volume by its id. */
  madeByHand(thing: string): void;
  /** What FlyCD made is known to nobody any more but by its age. */
  forgotten(): void;
  asked(request: Request): void;
  answered(request: Request): void;
}

interface Keeper {
  readonly world: World;
  readonly fleetName: FleetName;
  readonly ideaOf: (app: string) => AppIdea | undefined;
  /** When each FlyCD that is at work has begun. */
  readonly atWork: ReadonlySet<{ readonly since: number }>;
  readonly say: (text: string) => void;
}

interface Governed {
  readonly since: number;
  readonly apps: readonly string[] | undefined;
}

const releaseAddress = 'DELETE /apps/{app}/ip_assignments/{ip}';
const deleteVolume = 'DELETE /apps/{app}/volumes/{volume}';
const deleteApp = 'DELETE /apps/{app}';

export function keeping({ world, fleetName, ideaOf, atWork, say }: Keeper): Keeping {
  let governed: Governed | undefined;
  const byHand = new Set<string>();
  /** Addresses and volumes that FlyCD made. */
  const ours = new Set<string>();
  /** What an app had before a request, by request. */
  const before = new Map<Request, ReadonlySet<string>>();
  let remembers = true;

  function checkUnread({ method, reads, path, app = '' }: Request): void {
    if (governed === undefined || method === 'GET' || reads === true || app === '') return;
    const { apps, since } = governed;
    if (apps !== undefined && !apps.includes(app)) return;
    // Somebody else's, or a hand's.
    if (ideaOf(app) === undefined && !isOf(fleetName, world.apps.get(app))) return;
    if ([...atWork].every((one) => one.since >= since)) say(`${app}: is unread, and somebody did ${method} ${path}`);
  }

  /** Of those that are equal stays what FlyCD made, else the oldest. */
  function checkAddress({ app: name = '', path }: Request): void {
    const app = world.apps.get(name);
    const gone = app?.addresses.get(decodeURIComponent(path.split('/').at(-1) ?? ''));
    if (app === undefined || gone === undefined) return;
    const listed: readonly string[] = ideaOf(name)?.ips ?? [];
    if (!listed.includes(gone.kind)) return;
    const equals = [...app.addresses.values()].filter(({ kind }) => kind === gone.kind);
    const made = equals.filter(({ ip }) => ours.has(ip));
    const isOldest = equals.every(({ createdAt }) => createdAt >= gone.createdAt);
    const isOnlyOurs = made.length === 1 && made[0] === gone && (remembers || isOldest);
    if (equals.length === 1) say(`${name}: ${gone.ip} goes, the only ${gone.kind} of an app that lists one`);
    else if (isOnlyOurs || (made.length === 0 && isOldest))
      say(`${name}: ${gone.ip} goes and an equal one made by hand stays`);
  }

  function checkGone({ template, app: name = '', path }: Request): void {
    if (template === deleteVolume) say(`${name}: somebody did DELETE ${path}`);
    const volumes = template === deleteApp ? [...(world.apps.get(name)?.volumes.values() ?? [])] : [];
    if (volumes.some(({ deletedAt }) => deletedAt === undefined)) say(`${name}: was destroyed with its volumes`);
  }

  /** A machine that FlyCD made mounts what FlyCD made before. */
  function checkMount(machine: Machine, free: ReadonlySet<string>): void {
    const mounted = machine.app.volumes.get(machine.config.mounts?.[0]?.volume ?? '');
    if (mounted === undefined || !byHand.has(mounted.id)) return;
    const [better, ...others] = [...machine.app.volumes.values()].filter(
      (volume) => ours.has(volume.id) && isFree(volume, free) && isBetter(volume, mounted),
    );
    if (better !== undefined && others.length >= besides(machine))
      say(`${machine.app.name}: ${machine.name} mounts ${mounted.id}, made by hand, and ${better.id} is free`);
  }

  /** It was before the request, and is. */
  function isFree({ id, attachedMachine }: Volume, before: ReadonlySet<string>): boolean {
    return before.has(id) && attachedMachine === undefined;
  }

  /**
   * Machines of its group that may be made side by side with it: each has a volume chosen for it before it is asked for, and
   * any of them may be asked for first.
   */
  function besides(machine: Machine): number {
    const idea = ideaOf(machine.app.name);
    const group = idea?.groups[groupOf(machine)];
    const members = [...machine.app.machines.values()].filter(
      (one) => isAlive(one) && groupOf(one) === groupOf(machine),
    );
    if (idea === undefined || group === undefined || isAlone(machine, idea, members)) return 0;
    const there = members.filter(({ region }) => region === machine.region).length;
    return Math.max(0, (firstCounts(idea, group)[machine.region] ?? 0) - there);
  }

  /** So is whichever is to tell what a tag means, and the first one that a pass makes, but under `immediate`. */
  function isAlone({ id, config }: Machine, { strategy }: AppIdea, members: readonly Machine[]): boolean {
    if (atWork.size === 0 || config.image?.includes('@') !== true) return true;
    const began = Math.min(...[...atWork].map(({ since }) => since));
    return strategy !== 'immediate' && members.every((one) => one.id === id || one.createdAt < began);
  }

  function isBetter(volume: Volume, mounted: Volume): boolean {
    const isEqual = volume.name === mounted.name && volume.region === mounted.region;
    const isThere = volume.deletedAt === undefined && !world.hostsDown.has(volume.host);
    return isEqual && isThere && (remembers || volume.createdAt < mounted.createdAt);
  }

  return {
    unread(apps) {
      governed = { since: world.now(), apps };
    },
    read() {
      governed = undefined;
    },
    madeByHand: (thing) => byHand.add(thing),
    forgotten() {
      remembers = false;
    },
    asked(request) {
      checkUnread(request);
      checkGone(request);
      if (request.template === releaseAddress) checkAddress(request);
      if (request.method === 'POST') before.set(request, thingsOf(world.apps.get(request.app ?? '')));
    },
    answered(request) {
      const there = before.get(request);
      before.delete(request);
      const app = world.apps.get(request.app ?? '');
      if (there === undefined || app === undefined) return;
      for (const thing of thingsOf(app)) if (!there.has(thing) && !byHand.has(thing)) ours.add(thing);
      const isLagging = (world.lag.settings.listMs ?? 0) > 0;
      if (request.template !== 'POST /apps/{app}/machines' || isLagging) return;
      for (const machine of app.machines.values()) if (!there.has(machine.id)) checkMount(machine, there);
    },
  };
}

/** Machines, addresses, and volumes that no machine mounts. */
function thingsOf(app: App | undefined): ReadonlySet<string> {
  if (app === undefined) return new Set();
  const free = [...app.volumes.values()].filter(({ attachedMachine }) => attachedMachine === undefined);
  const addresses: readonly Address[] = [...app.addresses.values()];
  return new Set([...app.machines.keys(), ...addresses.map(({ ip }) => ip), ...free.map(({ id }) => id)]);
}

function isOf(fleet: FleetName, app: App | undefined): boolean {
  return [...(app?.machines.values() ?? [])].some(({ config }) => config.metadata?.['flycd_fleet'] === fleet);
}
