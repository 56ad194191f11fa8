/**
 * Lists that show the past. GET by id is always of now; while a list lags, every change of a machine or volume is kept
 * in a journal with its time, and the list reads the newest entry that is old enough.
 */
import type { Instant, Machine, Organization, Volume } from './records.ts';

interface LagSettings {
  /** How far lists of an app (machines, volumes, addresses) and of apps are behind. Milliseconds. */
  readonly listMs?: number;
  /** How far org-wide lists are behind. Milliseconds. */
  readonly organizationMs?: number;
  /** Items on a page of an org-wide list at most, whatever was asked for; undefined: as asked. */
  readonly pageMost?: number;
  /** Each page of an org-wide list is preceded by an empty one with a cursor. */
  readonly emptyPages?: boolean;
}

export interface Lag {
  readonly settings: LagSettings;
  /** Replaces all settings; {} = nothing lags. What exists is taken as seen by everyone. */
  set(settings: LagSettings): void;
  /** After each change. Costs nothing while nothing lags. */
  noteMachine(machine: Machine): void;
  noteVolume(volume: Volume): void;
  /** The machines as they were `ms` ago; those that are younger are not there yet. */
  machines(items: Iterable<Machine>, ms: number): Iterable<Machine>;
  volumes(items: Iterable<Volume>, ms: number): Iterable<Volume>;
}

interface Entry<T> {
  readonly at: Instant;
  readonly seen: T;
}

/** What lag needs of the world. */
interface Holder {
  readonly organizations: ReadonlyMap<string, Organization>;
  now(): Instant;
}

export function lagOf(world: Holder): Lag {
  let settings: LagSettings = {};
  let machines = new Map<string, Entry<Machine>[]>();
  let volumes = new Map<string, Entry<Volume>[]>();
  const longest = (): number => Math.max(settings.listMs ?? 0, settings.organizationMs ?? 0);

  function note<T extends { readonly id: string }>(journal: Map<string, Entry<T>[]>, item: T, copy: (item: T) => T) {
    if (longest() === 0) return;
    const now = world.now();
    const entries = journal.get(item.id) ?? [];
    entries.push({ at: now, seen: copy(item) });
    const known = entries.findLastIndex((entry) => entry.at <= now - longest());
    journal.set(item.id, known > 0 ? entries.slice(known) : entries);
  }

  function* past<T extends { readonly id: string }>(
    journal: ReadonlyMap<string, readonly Entry<T>[]>,
    items: Iterable<T>,
    ms: number,
  ) {
    const until = world.now() - ms;
    for (const item of items) {
      const entry = ms === 0 ? undefined : journal.get(item.id)?.findLast((entry) => entry.at <= until);
      if (ms === 0) yield item;
      else if (entry !== undefined) yield entry.seen;
    }
  }

  return {
    get settings() {
      return settings;
    },
    set(next) {
      settings = next;
      machines = new Map();
      volumes = new Map();
      if (longest() === 0) return;
      for (const organization of world.organizations.values()) {
        for (const machine of organization.machines.values())
          machines.set(machine.id, [{ at: -Infinity, seen: machineCopy(machine) }]);
        for (const volume of organization.volumes.values())
          volumes.set(volume.id, [{ at: -Infinity, seen: { ...volume } }]);
      }
    },
    noteMachine(machine) {
      note(machines, machine, machineCopy);
    },
    noteVolume(volume) {
      note(volumes, volume, (volume) => ({ ...volume }));
    },
    machines: (items, ms) => past(machines, items, ms),
    volumes: (items, ms) => past(volumes, items, ms),
  };
}

/** Fields are replaced, never changed in place, but for the config's top level and the events. */
function machineCopy(machine: Machine): Machine {
  return { ...machine, config: { ...machine.config }, events: [...machine.events] };
}
