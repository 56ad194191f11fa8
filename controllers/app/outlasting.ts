/** Whether an app that git no longer names is there still once something was said of it: somebody may have destroyed it. */
import { Fault } from '../../src/model/base/fault.ts';
import { shellWord } from '../../src/model/base/shell.ts';
import { appIdOf } from '../../src/observed/app.ts';
import { read } from '../../src/observed/reading.ts';
import type { SyncContext } from './types.ts';

/** Fly's answers of one moment differ from those of the next. */
export const presenceLookMs = 1000;
/** One that Fly does not show so often in a row is gone. */
const looksMax = 2;

interface Said {
  readonly app: string;
  /** Fly's id of the app that it was said of. */
  readonly appId: string | undefined;
}

/**
 * Says it. Throws what went wrong; a stalled Fault, with nothing remembered of what was said, where that is because the app is
 * gone: left in SQLite it would be said of the next app by the name.
 */
export async function sayOfOrphan(
  context: SyncContext,
  { say, ...said }: Said & { readonly say: () => Promise<void> },
): Promise<void> {
  const { store } = context;
  const { app } = said;
  try {
    await say();
  } catch (error) {
    if (!(await isGone(context, said))) throw error;
    // Whoever destroyed it, it went as if this FlyCD had.
    await store.applyEvent(app, { kind: 'destroying' });
    await store.applyEvent(app, { kind: 'destroyed' });
    throw over(app);
  }
}

/** A name that Fly shows to others only is another app's, as is one with another id. */
async function isGone({ clock, fly, signal }: SyncContext, { app, appId }: Said): Promise<boolean> {
  for (let looks = 1; ; looks += 1) {
    const presence = await read(fly.app(app));
    if (presence.status === 'unread') return false;
    const { value } = presence;
    if (value.state === 'present' && (appId === undefined || appIdOf(value.app) === appId)) return false;
    const machines = value.state === 'present' ? undefined : await read(fly.machines(app));
    if (machines?.status === 'read' && machines.value.length > 0) return false;
    if (looks === looksMax) return true;
    await clock.sleep(presenceLookMs, signal);
  }
}

export function over(app: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `no machine of this fleet is left in ${app}`,
    why: 'git no longer names it, and somebody has destroyed it since it was looked for, or taken it over',
    next: `nothing was said of it; fly status --app ${shellWord(app)} shows whether it is there`,
    where: app,
  });
}
