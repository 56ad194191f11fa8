/** Whether an app is there of which something is said: Fly may not show it for a moment, and somebody may have destroyed it. */
import { Fault } from '../../src/model/base/fault.ts';
import { shellWord } from '../../src/model/base/shell.ts';
import type { AppPresence } from '../../src/model/observed.ts';
import { appIdOf } from '../../src/observed/app.ts';
import { shownApp } from '../../src/observed/presence.ts';
import { read } from '../../src/observed/reading.ts';
import type { SyncContext } from './types.ts';

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
async function isGone(context: SyncContext, { app, appId }: Said): Promise<boolean> {
  const presence = await read(shown(context, app));
  if (presence.status === 'unread') return false;
  const { value } = presence;
  return value.state !== 'present' || (appId !== undefined && appIdOf(value.app) !== appId);
}

/**
 * What is said of an app that Fly does not show would not reach its machines. Throws a transient Fault where Fly lists those all
 * the same, and a stalled one where it gives the name to others only.
 */
export async function presenceOf(
  context: Looking,
  app: string,
): Promise<Exclude<AppPresence, { readonly state: 'taken' }>> {
  const presence = await shown(context, app);
  if (presence.state === 'taken') throw taken(app);
  return presence;
}

type Looking = Pick<SyncContext, 'fly' | 'clock' | 'signal'>;

/** Throws a transient Fault where Fly does not show it, and lists its machines. */
async function shown(context: Looking, app: string): Promise<AppPresence> {
  const { presence, isListed } = await shownApp(context, app);
  if (isListed) throw unseen(app);
  return presence;
}

function unseen(app: string): Fault {
  return new Fault({
    kind: 'transient',
    what: `Fly does not show app ${app} at this moment, and lists its machines all the same`,
    next: 'nothing was said of it; run the command again',
    where: app,
  });
}

function taken(app: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `Fly does not show app ${app} to this token`,
    why: 'another organization has an app of that name, or the token does not reach it',
    next: `nothing was said of it; check the token (fly status --app ${shellWord(app)}), then run the command again`,
    where: app,
  });
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
