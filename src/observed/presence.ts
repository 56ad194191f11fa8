import type { FlyReader } from '../fly/api.ts';
import type { Clock } from '../model/base/clock.ts';
import type { AppPresence } from '../model/observed.ts';
import { read } from './reading.ts';

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
