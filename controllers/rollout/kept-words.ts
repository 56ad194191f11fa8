import type { Machine } from '../../schemas/fly/machine.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { toFault } from '../../src/model/base/fault.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { readStanding } from '../../src/model/standing/standing-text.ts';
import type { StandingKey, StandingTexts } from '../../src/model/standing/standing.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { standingMachines } from '../../src/plan/target/rollout-state.ts';
import type { StandingContext } from './rollout-state.ts';

/** An update that was on its way when a word was written has reached its machine by the first look, a slow one by the second. */
const looksAfterMs = [2000, 3000] as const;

/**
 * After a person's word was written: an update that was on its way writes all metadata anew, and who sent it cannot see what
 * it has written over where the machine is the only one. So whoever said the word looks once more at machines that somebody
 * has leased, which takes five seconds at most, and puts it back. It fails nothing: a later word counts in any case.
 */
export async function keepWords(
  context: Omit<StandingContext, 'store'> & { readonly clock: Clock },
  app: string,
  texts: StandingTexts,
): Promise<void> {
  const { clock, fly, fleet, log } = context;
  try {
    let leased = standingMachines(await fly.machines(app), fleet).filter(mayBeUpdated);
    for (const pauseMs of looksAfterMs) {
      if (leased.length === 0) return;
      await clock.sleep(pauseMs);
      const seen = await allEnded(leased.map(({ id }) => fly.machine(app, id)));
      for (const live of seen) if (live !== undefined) await putBack(context, app, { live, texts });
      const before = new Map(leased.map(({ id, instance_id: version }) => [id, version]));
      leased = seen.flatMap((live) =>
        live !== undefined && mayBeUpdated(live) && live.instance_id === before.get(live.id) ? [live] : [],
      );
    }
  } catch (error) {
    log.warn({ app, error: toFault(error, 'a word').message }, 'nobody looked whether an update wrote over a word');
  }
}

/** Somebody is at work on it. One that has yet to be seen healthy has had its update. */
function mayBeUpdated(machine: Machine): boolean {
  return machine.lease != null && isHostOk(machine) && metadataOf(machine)[stampKeys.unproven] === undefined;
}

/** A newer word stays. */
async function putBack(
  { fly }: Pick<StandingContext, 'fly'>,
  app: string,
  { live, texts }: { readonly live: Machine; readonly texts: StandingTexts },
): Promise<void> {
  const there = metadataOf(live);
  const newest = readStanding([there, texts]).texts;
  const lost = (Object.keys(texts) as StandingKey[]).filter(
    (key) => newest[key] === texts[key] && there[key] !== texts[key],
  );
  if (lost.length === 0) return;
  await fly.patchMetadata(app, live.id, Object.fromEntries(lost.map((key) => [key, texts[key] ?? null])));
}
