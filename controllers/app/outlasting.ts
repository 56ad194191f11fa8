/** Whether an app that git no longer names is there still once something was said of it: somebody may be destroying it. */
import { Fault } from '../../src/model/base/fault.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { shellWord } from '../../src/model/base/shell.ts';
import { appIdOf } from '../../src/observed/app.ts';
import { read } from '../../src/observed/reading.ts';
import { prunesApps } from '../../src/plan/guards/removal-order.ts';
import type { Suspension } from '../../src/model/standing/standing.ts';
import { standingMachines } from '../../src/plan/target/rollout-state.ts';
import type { SyncContext } from './types.ts';

/**
 * A destroy is sent at most 10 s after the look that did not see the word (`heldMsMax` in src/fly/http/last-question.ts), and
 * FlyCD gives up the call after a minute; what it sends then is behind a look that sees the word.
 */
const destroyLandsWithinMs = 70_000;
/** A destroy is rare, and Fly's answer to it takes seconds. */
const lookEveryMs = 5000;
/** Fly's answers of one moment differ from those of the next. */
export const presenceLookMs = 1000;

/**
 * Whether somebody may be destroying an app that git no longer names. Nobody sets out to destroy what is suspended, as long as that
 * stands: one that ends soon is over before what is said now is written everywhere, lists that lag included.
 */
export function mayBeGoing(fleet: DesiredFleet, suspension: Suspension | undefined, at: number): boolean {
  const stands = suspension !== undefined && (suspension.until ?? Infinity) > at + 2 * destroyLandsWithinMs;
  return prunesApps(fleet) && !stands;
}

interface Said {
  readonly app: string;
  /** Fly's id of the app that it was said of. */
  readonly appId: string | undefined;
  /** true: a destroy may have been on its way when it was said. */
  readonly mayGo: boolean;
}

type Seen = 'there' | 'emptied' | 'gone' | 'unread';

/**
 * Says it, and looks whether the app outlasts a destroy that was on its way and cannot be seen. Throws a stalled Fault, with
 * nothing remembered of what was said, where the app is gone, and a transient one where it has no machine left or nobody could see.
 */
export async function sayOfOrphan(
  context: SyncContext,
  fleet: DesiredFleet,
  { app, appId, mayGo, say }: Said & { readonly say: () => Promise<void> },
): Promise<void> {
  const { clock, onProgress, signal, store } = context;
  const [said] = await Promise.allSettled([say()]);
  const until = clock.monotonic() + (mayGo ? destroyLandsWithinMs : 0);
  if (mayGo) {
    const because = 'it is said, and what was sent before to destroy the app may still come';
    onProgress({ type: 'waiting', app, because, until: clock.now() + destroyLandsWithinMs });
  }
  for (let before: Seen = 'there'; ;) {
    const seen = await look(context, fleet, { app, appId });
    // Fly may not show an app for a moment.
    if (seen === 'gone' && before === 'gone') throw await forgotten(store, app);
    before = seen;
    if (seen === 'gone') {
      await clock.sleep(presenceLookMs, signal);
      continue;
    }
    const leftMs = until - clock.monotonic();
    // One that is emptied is about to go: whether what was said failed for that is not known before.
    const isOver = leftMs <= 0 || (said.status === 'rejected' && seen === 'there');
    if (isOver && said.status === 'rejected') throw said.reason;
    if (isOver && seen === 'there') return;
    if (isOver) throw unsure(app, seen === 'emptied');
    await clock.sleep(Math.min(lookEveryMs, leftMs), signal);
  }
}

/** The same app, with a machine that can carry the word. A name that Fly shows to others only is another app's. */
async function look(
  { fly }: Pick<SyncContext, 'fly'>,
  fleet: DesiredFleet,
  { app, appId }: Omit<Said, 'mayGo'>,
): Promise<Seen> {
  const presence = await read(fly.app(app));
  if (presence.status === 'unread') return 'unread';
  const machines = await read(fly.machines(app));
  if (presence.value.state !== 'present')
    return machines.status === 'read' && machines.value.length > 0 ? 'unread' : 'gone';
  if (appId !== undefined && appIdOf(presence.value.app) !== appId) return 'gone';
  if (machines.status === 'unread') return 'unread';
  return standingMachines(machines.value, fleet).length > 0 ? 'there' : 'emptied';
}

/** Left in SQLite it would be said of the next app by the name. Whoever destroyed it, it went as if this FlyCD had. */
async function forgotten(store: SyncContext['store'], app: string): Promise<Fault> {
  await store.applyEvent(app, { kind: 'destroying' });
  await store.applyEvent(app, { kind: 'destroyed' });
  return over(app);
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

function unsure(app: string, isEmptied: boolean): Fault {
  return new Fault({
    kind: 'transient',
    what: isEmptied
      ? `what was said of ${app} stands on no machine of it`
      : `whether ${app} is there still could not be seen`,
    why: 'git no longer names it, and somebody may be destroying it',
    next: 'run the command again',
    where: app,
  });
}
