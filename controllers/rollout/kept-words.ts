/**
 * A person's word stays where it was written. Who destroys the app may not have seen it, and an update that was on its way writes
 * all metadata anew: whoever said the word looks until that is over.
 */
import type { Machine } from '../../schemas/fly/machine.ts';
import { orUndefined } from '../../src/fly/http/absence.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { isOwnLease } from '../../src/model/stamps/lease-holder.ts';
import type { FleetOwner } from '../../src/model/stamps/owner.ts';
import { readStanding } from '../../src/model/standing/standing-text.ts';
import type { StandingKey, StandingTexts } from '../../src/model/standing/standing.ts';
import { listedMachines } from '../../src/observed/presence.ts';
import { isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { standingMachines } from '../../src/plan/target/rollout-state.ts';
import { outlasts, Watch, type Inscription, type Keeping } from '../kinds/inscription.ts';
import type { Stamping } from './rollout-state.ts';

interface KeepingWords extends Keeping {
  readonly fleet: FleetOwner;
}

/**
 * Ends when no destroy and no update that was on its way can take the word away any more. What was written over is put back; a
 * later word counts in any case. Where nobody is at work that is one look at a few machines. Throws a Fault where the word stands on
 * none of them, and a transient one where somebody is at work all that time.
 */
export async function keepWords(
  context: KeepingWords,
  app: string,
  { texts, machines }: Omit<Stamping, 'appId'>,
): Promise<void> {
  const { clock, fleet } = context;
  const inscription: Inscription = {
    lostOn: (live) => Object.fromEntries(lostOn(live, texts).map((key) => [key, texts[key] ?? null])),
    looksFirst: ({ description }) => isOwnLease(description, fleet),
    onEach: false,
    words: { done: 'it is said', subject: `what was said of ${app}` },
  };
  const beganAt = clock.monotonic();
  const before = new Set<string>();
  for (let there = standingMachines(machines, fleet); ; there = await successors(context, app, before)) {
    for (const { id } of there) before.add(id);
    const watch = new Watch(context, app, inscription, there);
    if (await outlasts(context, app, { watch, there, beganAt })) return;
  }
}

/** A newer word stays. */
function lostOn(live: Machine, texts: StandingTexts): readonly StandingKey[] {
  const there = metadataOf(live);
  const newest = readStanding([there, texts]).texts;
  return (Object.keys(texts) as StandingKey[]).filter((key) => newest[key] === texts[key] && there[key] !== texts[key]);
}

/** Machines that have taken the place of these. Throws a Fault where there is none. */
async function successors(
  context: KeepingWords,
  app: string,
  before: ReadonlySet<string>,
): Promise<readonly Machine[]> {
  // Of an app that is gone Fly lists none: that call fails.
  const there = (await orUndefined(listedMachines(context, app))) ?? [];
  const others = standingMachines(there, context.fleet).filter((one) => isHostOk(one) && !before.has(one.id));
  if (others.length > 0) return others;
  throw new Fault({
    kind: 'transient',
    what: `what was said of ${app} stands on no machine of it`,
    why: 'those that carried it were destroyed at that moment',
    next: 'run the command again',
    where: app,
  });
}
