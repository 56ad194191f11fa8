import { seededChance, ulid, type Chance } from './chance.ts';
import { faultRules, type FaultRules } from './faults.ts';
import { lagOf, type Lag } from './lag.ts';
import { movableClock, type MovableClock, type SimulatorClock } from './clock.ts';
import { statePace, type Pace } from './pace.ts';
import type { App, Instant, LimitedToken, Machine, Organization, TokenGrant, Volume, Dns } from './records.ts';
import { isWrite, type RequestNotice, type RequestRecord } from './requests.ts';
import { registryStorage, type RegistryStorage } from './registry-storage.ts';
import { configRewrites, type Rewrites } from './rewrites.ts';
import { endStateOf, snapshotOf, type AppSnapshot } from './snapshot.ts';

/** A destroyed machine can be read by its id for this long. */
const destroyedKeptMs = 10 * 60_000;
/** A deleted volume stays pending_destroy for a day. */
const deletedVolumeKeptMs = 24 * 3600_000;

/**
 * Everything the simulated platform holds. A test in the same process reads it, sets faults on it and looks at what was
 * asked; nothing here waits.
 */
export class World {
  readonly clock: MovableClock;
  readonly chance: Chance;
  readonly organizations = new Map<string, Organization>();
  /** By name, of every organization. */
  readonly apps = new Map<string, App>();
  readonly tokens = new Map<string, TokenGrant>();
  /** By id: tokens made over the API, revoked ones too. */
  readonly limitedTokens = new Map<string, LimitedToken>();
  readonly requests: RequestRecord[] = [];
  readonly faults: FaultRules;
  readonly rewrites: Rewrites = configRewrites();
  /** Regions that do not answer org-wide lists: their machines and volumes are missing there. */
  readonly errorRegions = new Set<string>();
  /** Machines a region still takes; each create takes one, each machine destroyed gives one back. Not named: plenty. */
  readonly capacity = new Map<string, number>();
  /** Regions that take nothing new any more, beside those that are not there at all. */
  readonly retiredRegions = new Set<string>();
  /** Regions beyond those of the table that FlyCD and this simulator know. */
  readonly openedRegions = new Set<string>();
  /** Hosts that do not answer; hostDown and hostUp see to what runs there. */
  readonly hostsDown = new Set<string>();
  /** Hosts without room: nothing is placed there, and no machine on them grows. */
  readonly hostsFull = new Set<string>();
  /** Machines that take longer in a state, or never leave it. */
  readonly pace: Pace = statePace();
  /** Lists that show the past. */
  readonly lag: Lag;
  /** Images that were pushed here. */
  readonly registry: RegistryStorage = registryStorage();
  /** What the name servers of the world answer. */
  readonly dns: Dns = new Map();
  /** Machines whose services let them be stopped are, this long after they started; undefined: by call only. */
  idleAfterMs: number | undefined;
  /** Called before a request is carried out and after, before its answer is sent. Synchronous. */
  onRequest: ((notice: RequestNotice) => void) | undefined;
  /** Called after every change of a machine's state. Synchronous. */
  onStateChange: ((machine: Machine) => void) | undefined;
  #sequence = 0;
  readonly #appsMade = new Map<string, number>();
  readonly #timers = new Set<() => void>();
  readonly #followers: ((machine: Machine) => void)[] = [];

  constructor(clock: SimulatorClock, seed: number) {
    this.clock = movableClock(clock);
    this.chance = seededChance(seed);
    this.faults = faultRules(this.chance);
    this.lag = lagOf(this);
  }

  now(): Instant {
    return this.clock.now();
  }

  /** A timer of the platform's own; stopped with the simulator. */
  after(ms: number, callback: () => void): () => void {
    const cancel = (): void => {
      this.#timers.delete(cancel);
      stop();
    };
    const stop = this.clock.timer(ms, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
    return cancel;
  }

  stopTimers(): void {
    for (const cancel of this.#timers) cancel();
  }

  /** Calls back after each change of a machine's state, in the order in which followers came. */
  follow(callback: (machine: Machine) => void): void {
    this.#followers.push(callback);
  }

  /** To be called after each change of a machine's state. */
  entered(machine: Machine): void {
    this.lag.noteMachine(machine);
    for (const follow of this.#followers) follow(machine);
    this.onStateChange?.(machine);
  }

  /** The token answers 401 from then on (milliseconds since the epoch; default now). */
  expireToken(token: string, at: Instant = this.now()): void {
    const grant = this.tokens.get(token);
    if (grant !== undefined) grant.expiresAt = at;
  }

  /** Counts everything created, so that lists have an order. */
  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  addOrganization(slug: string): Organization {
    const known = this.organizations.get(slug);
    if (known !== undefined) return known;
    const organization: Organization = {
      slug,
      name: slug === 'personal' ? 'Personal' : slug,
      number: this.chance.below(['organization', slug], 1_000_000),
      apps: new Map(),
      machines: new Map(),
      volumes: new Map(),
    };
    this.organizations.set(slug, organization);
    return organization;
  }

  /** Makes a token valid; without `organizations` it reaches them all as they are now. */
  grantToken(token: string, rights: Partial<Omit<TokenGrant, 'id'>> = {}): TokenGrant {
    const id = this.chance.hex(['token', token], 12);
    const grant: TokenGrant = {
      id,
      organizations: rights.organizations ?? [...this.organizations.keys()],
      owner: rights.owner ?? `${id}@tokens.fly.io`,
      readOnly: rights.readOnly ?? false,
      app: rights.app,
      ...(rights.expiresAt === undefined ? {} : { expiresAt: rights.expiresAt }),
    };
    this.tokens.set(token, grant);
    return grant;
  }

  /** `digits` hexadecimal digits, the next of that operation in that app. */
  draw(app: App, operation: string, digits: number): string {
    return this.chance.hex([app.id, operation, counted(app.drawn, operation)], digits);
  }

  /** A ULID of now, or of `at`. */
  drawUlid(app: App, operation: string, at: Instant = this.now()): string {
    return ulid(at, this.draw(app, operation, 32));
  }

  /** The nth app of that name: one made again is another app, with other ids in it. */
  drawApp(name: string): { readonly id: string; readonly number: number } {
    const nth = counted(this.#appsMade, name);
    return {
      id: this.chance.hex(['app', name, nth], 16),
      number: this.chance.below(['app number', name, nth], 10_000_000),
    };
  }

  /** Also a destroyed one, for some minutes. */
  machine(app: App, id: string): Machine | undefined {
    const machine = app.machines.get(id);
    if (machine?.destroyedAt === undefined) return machine;
    return this.now() - machine.destroyedAt > destroyedKeptMs ? undefined : machine;
  }

  volume(app: App, id: string): Volume | undefined {
    const volume = app.volumes.get(id);
    return volume === undefined || this.isVolumeGone(volume) ? undefined : volume;
  }

  isVolumeGone(volume: Volume): boolean {
    return volume.deletedAt !== undefined && this.now() - volume.deletedAt > deletedVolumeKeptMs;
  }

  /** Requests that change something, oldest first; leases do not count. */
  writes(only: (request: Readonly<RequestRecord>) => boolean = () => true): readonly RequestRecord[] {
    return this.requests.filter((request) => isWrite(request) && only(request));
  }

  /** Plain JSON of what exists now, in a stable order. */
  snapshot(): readonly AppSnapshot[] {
    return snapshotOf(this);
  }

  /** The snapshot with ids and addresses replaced by names and without times: for comparing two worlds. */
  endState(): unknown {
    return endStateOf(this);
  }
}

/** Counts one more of `what`. */
function counted(counts: Map<string, number>, what: string): number {
  const count = (counts.get(what) ?? 0) + 1;
  counts.set(what, count);
  return count;
}
