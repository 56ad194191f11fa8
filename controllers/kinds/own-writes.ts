import type { Machine } from '../../schemas/fly/machine.ts';
import type { FlyWriter } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { shownMachine } from '../../src/observed/presence.ts';
import { isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';

/** A client whose lists show what was done through it. */
export interface OwnWrites {
  readonly fly: FlyWriter;
  /** Ids of machines that were taken over from another owner: whoever does so adds them. */
  readonly adopted: Set<string>;
}

type Metadata = Readonly<Record<string, string | null>>;

/** A machine as this client has left it, or has seen it by its id since. */
interface Known {
  readonly app: string;
  readonly isGone: boolean;
  /** By this client. */
  readonly isDestroyed: boolean;
  /** undefined: nobody has seen which. */
  readonly version: string | undefined;
  /** Of the metadata that was patched, what stands there. null: nothing. */
  readonly patched: Metadata;
  /** Of this client. */
  readonly writes: number;
}

/** For one command, and gone with it: it holds no more than the ids of an app's machines, and of each the keys of our stamps. */
class KnownMachines {
  readonly #known = new Map<string, Known>();

  get(id: string): Known | undefined {
    return this.#known.get(id);
  }

  /** Ids of the app's machines that are not listed. */
  unlisted(app: string, listed: readonly Machine[], includeDeleted: boolean): readonly string[] {
    const there = new Set(listed.map(({ id }) => id));
    const known = [...this.#known].filter(([, its]) => its.app === app && (includeDeleted || !its.isGone));
    return known.map(([id]) => id).filter((id) => !there.has(id));
  }

  /** Notes what is seen, unless a write has ended meanwhile: then the answer may be of before. */
  async look(app: string, id: string, ask: () => Promise<Machine | undefined>): Promise<Machine | undefined> {
    const writes = this.#of(app, id).writes;
    const machine = await ask();
    const now = this.#of(app, id);
    if (machine !== undefined && now.writes === writes) this.#known.set(id, asSeen(now, machine));
    return machine;
  }

  gone(app: string, id: string): void {
    this.#known.set(id, { ...this.#of(app, id), isGone: true });
  }

  /** As Fly answered a create or an update. */
  wrote(app: string, machine: Machine): void {
    this.#write(app, machine.id, (known) => asSeen(known, machine));
  }

  /** A patch makes no version. Fly takes an empty value for none. */
  patched(app: string, id: string, metadata: Metadata): void {
    const stands = Object.entries(metadata).map(([key, value]) => [key, value === '' ? null : value]);
    this.#write(app, id, (known) => ({ ...known, patched: { ...known.patched, ...Object.fromEntries(stands) } }));
  }

  destroyed(app: string, id: string): void {
    this.#write(app, id, (known) => ({ ...known, isGone: true, isDestroyed: true }));
  }

  #write(app: string, id: string, change: (known: Known) => Known): void {
    const known = this.#of(app, id);
    this.#known.set(id, { ...change(known), writes: known.writes + 1 });
  }

  #of(app: string, id: string): Known {
    const unknown = { app, isGone: false, isDestroyed: false, version: undefined, patched: {}, writes: 0 };
    return this.#known.get(id) ?? unknown;
  }
}

function asSeen(known: Known, machine: Machine): Known {
  // Of one that goes Fly may show little.
  if (isGone(machine)) return { ...known, isGone: true };
  const metadata = metadataOf(machine);
  const patched = Object.fromEntries(Object.keys(known.patched).map((key) => [key, metadata[key] ?? null]));
  return { ...known, patched, version: machine.instance_id, isGone: false, isDestroyed: false };
}

/** What a list shows otherwise. undefined: nothing. One that shows a machine as going is newer: none comes back. */
function oldIn(listed: Machine, known: Known): 'presence' | 'version' | 'metadata' | undefined {
  if (isGone(listed)) return undefined;
  if (known.isDestroyed) return 'presence';
  if (known.version !== undefined && known.version !== listed.instance_id) return 'version';
  const metadata = metadataOf(listed);
  return Object.entries(known.patched).some(([key, value]) => (metadata[key] ?? null) !== value)
    ? 'metadata'
    : undefined;
}

const ownerKeys: readonly string[] = [stampKeys.fleet, stampKeys.origin];

/** Whose it is by what was patched. Nothing else of that counts any more: it may have run well, and does not now. */
function withOwner(listed: Machine, { patched }: Known): Machine {
  const owner = Object.entries(patched).filter(([key]) => ownerKeys.includes(key));
  const metadata: Record<string, string> = { ...metadataOf(listed) };
  for (const [key, value] of owner) {
    if (value === null) delete metadata[key];
    else metadata[key] = value;
  }
  return { ...listed, config: { ...listed.config, metadata } };
}

/**
 * Lists lag by seconds, and would show a command what it has changed as it was before: a version that failed would stay, one that
 * runs well not be remembered, and the earlier owner seem to have taken an app back. A machine that a list shows otherwise than
 * this client has left it or seen it by its id since, or does not show, is looked at by its id: so what somebody else has done to
 * it shows, too. Such a list fails with a transient Fault where Fly does not show a machine of another version, and does not show
 * that it is gone.
 */
export function readingOwnWrites({ fly, clock }: { readonly fly: FlyWriter; readonly clock: Clock }): OwnWrites {
  const known = new KnownMachines();
  const machine = (app: string, id: string) => known.look(app, id, () => fly.machine(app, id));
  const shown = async (app: string, id: string): Promise<Machine | undefined> => {
    const found = await known.look(app, id, () => shownMachine({ fly, clock }, app, id));
    if (found === undefined) known.gone(app, id);
    return found;
  };
  /** undefined: it is gone. */
  const asItIs = async (app: string, listed: Machine): Promise<Machine | undefined> => {
    const { id } = listed;
    const left = known.get(id);
    if (left === undefined) return listed;
    switch (oldIn(listed, left)) {
      case undefined:
        return listed;
      case 'version':
        return shown(app, id);
      // An older list that shows it says nothing against one look.
      case 'presence':
        return (await machine(app, id)) ?? { ...listed, state: 'destroyed' };
      case 'metadata': {
        const now = await machine(app, id);
        // That it went by somebody's hand the list will tell, and lists of what it leaves behind with it.
        return now !== undefined && !isGone(now) ? now : withOwner(listed, left);
      }
    }
  };
  const own: Partial<FlyWriter> = {
    machine,
    async machines(app, query = {}) {
      const listed = await fly.machines(app, query);
      const { includeDeleted = false } = query;
      const unlisted = known.unlisted(app, listed, includeDeleted);
      const all = await allEnded([
        ...listed.map((one) => asItIs(app, one)),
        ...unlisted.map((id) => (known.get(id)?.isGone === true ? machine(app, id) : shown(app, id))),
      ]);
      const there = all.filter((one) => one !== undefined);
      return includeDeleted ? there : there.filter(({ state }) => state !== 'destroyed');
    },
    async createMachine(app, ...asked) {
      const made = await fly.createMachine(app, ...asked);
      known.wrote(app, made);
      return made;
    },
    async updateMachine(app, ...asked) {
      const updated = await fly.updateMachine(app, ...asked);
      known.wrote(app, updated);
      return updated;
    },
    async patchMetadata(app, id, metadata) {
      await fly.patchMetadata(app, id, metadata);
      known.patched(app, id, metadata);
    },
    async destroyMachine(app, id, ...asked) {
      const isTaken = await fly.destroyMachine(app, id, ...asked);
      // That there is none may be true for a moment alone.
      if (isTaken) known.destroyed(app, id);
      return isTaken;
    },
  };
  return { adopted: new Set(), fly: { ...fly, ...own } };
}
