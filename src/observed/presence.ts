/** Whether an app, or a machine, is there: what Fly does not show for a moment is there in the next one. */
import type { Machine } from '../../schemas/fly/machine.ts';
import type { FlyReader } from '../fly/api.ts';
import { orUndefined } from '../fly/http/absence.ts';
import type { Clock } from '../model/base/clock.ts';
import { allEnded } from '../model/base/ending.ts';
import { Fault } from '../model/base/fault.ts';
import { shellWord } from '../model/base/shell.ts';
import type { AppPresence } from '../model/observed.ts';
import { isGone } from '../plan/classify/machine-state.ts';
import { read, readIfPossible } from './reading.ts';

/** Fly's answers of one moment differ from those of the next. */
const lookAgainMs = 1000;
/** One that Fly does not show so often in a row is gone. */
const looksMax = 2;

interface Looking {
  readonly fly: FlyReader;
  readonly clock: Pick<Clock, 'sleep'>;
  /** Ends the pause between two looks. */
  readonly signal?: AbortSignal | undefined;
}

interface Shown {
  readonly presence: AppPresence;
  /** Of one that Fly does not show: it lists machines of it all the same. */
  readonly isListed: boolean;
}

/** Whether an app is there: one that Fly does not show is looked for twice, and by its machines as well. */
export async function shownApp({ fly, clock, signal }: Looking, app: string): Promise<Shown> {
  let isListed = false;
  for (let looks = 1; ; looks += 1) {
    const presence = await fly.app(app);
    if (presence.state === 'present') return { presence, isListed: false };
    isListed ||= await listsMachines(fly, app);
    if (looks === looksMax) return { presence, isListed };
    await clock.sleep(lookAgainMs, signal);
  }
}

/** Of an app that is not there, or is another organization's, Fly lists none: the call fails. */
async function listsMachines(fly: FlyReader, app: string): Promise<boolean> {
  const listed = await read(fly.machines(app));
  return listed.status === 'read' && listed.value.length > 0;
}

/**
 * Those of these machines, of which a look by their ids has just shown nothing, that are gone: a look a moment later does not show
 * them either, nor does the list. What cannot be read is not gone.
 */
export async function goneAmong(
  { fly, clock, signal }: Looking,
  app: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  await clock.sleep(lookAgainMs, signal);
  // Of an app that is gone Fly lists none: that call fails.
  const [listed, answers] = await allEnded([
    readIfPossible(orUndefined(fly.machines(app))),
    allEnded(ids.map((id) => readIfPossible(fly.machine(app, id)))),
  ]);
  if (listed.status === 'unread') return new Set();
  const there = new Set(listed.value?.filter((machine) => !isGone(machine)).map(({ id }) => id));
  const isUnshown = (at: number): boolean => {
    const answer = answers[at];
    return answer?.status === 'read' && (answer.value === undefined || isGone(answer.value));
  };
  return new Set(ids.filter((id, at) => isUnshown(at) && !there.has(id)));
}

/**
 * The machine by its id. undefined: it is gone. Throws a transient Fault where Fly does not show it, and does not show that it is
 * gone.
 */
export async function shownMachine(looking: Looking, app: string, id: string): Promise<Machine | undefined> {
  const { fly } = looking;
  const machine = await fly.machine(app, id);
  if (machine !== undefined || (await goneAmong(looking, app, [id])).has(id)) return machine;
  const again = await fly.machine(app, id);
  if (again === undefined) throw new Unshown(app, id);
  return again;
}

/** Lists lag by seconds: one that was destroyed a moment ago is listed for longer than it is shown. */
export class Unshown extends Fault {
  constructor(app: string, id: string) {
    super({
      kind: 'transient',
      what: `Fly does not show machine ${id} at this moment, and nothing shows that it is gone`,
      next: `FlyCD looks again with its next pass; if it stays so, see what Fly says of it: fly machine status ${shellWord(id)} -a ${shellWord(app)}`,
      where: `${app} ${id}`,
    });
  }
}

/** What a first look does not find a second one may, a moment later. undefined: neither does. */
export async function foundInTwo<T>(
  { clock, signal }: Pick<Looking, 'clock' | 'signal'>,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const found = await look();
  if (found !== undefined) return found;
  await clock.sleep(lookAgainMs, signal);
  return look();
}

/** All machines of an app that is there. One of which Fly lists none is asked for them once more, a moment later. */
export async function listedMachines({ fly, clock, signal }: Looking, app: string): Promise<readonly Machine[]> {
  const list = async (): Promise<readonly Machine[] | undefined> => {
    const machines = await fly.machines(app);
    return machines.some((machine) => !isGone(machine)) ? machines : undefined;
  };
  return (await foundInTwo({ clock, signal }, list)) ?? [];
}
