import { syncPass, syncPlanned } from '../../../../controllers/fleet/sync.ts';
import type { PassOptions } from '../../../../controllers/fleet/plan.ts';
import type { SyncContext } from '../../../../controllers/app/types.ts';
import { forgetOldRuns, retentionOf } from '../../../loop/retention.ts';
import type { DesiredFleet } from '../../../model/desired.ts';
import type { Predecessor } from '../../../model/stamps/predecessor.ts';
import { appPlanJson } from '../../../render/plan.ts';
import { staleJson, staleMarkdown, staleText } from '../../../render/stale.ts';
import { syncJson, syncMarkdown, syncText } from '../../../render/sync.ts';
import { composed, type Composition } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation } from '../../shell/invocation.ts';
import { createProgress } from '../../shell/progress.ts';
import { confirming } from './insistence.ts';
import { planReference } from './plan-reference.ts';
import { chooser } from '../../shell/selection.ts';
import { exitOfPlan, exitOfSync } from '../../shell/verdict.ts';

/** Everything a command needs that writes to Fly, and the config it was given. */
export interface Opened {
  readonly context: SyncContext;
  readonly fleet: DesiredFleet;
}

/**
 * `globs`: apps that have to be there; `from`: whose place the fleet takes. Throws a stalled Fault without a token, or where a
 * glob fits nothing.
 */
export async function openSync(
  composition: Composition,
  globs: readonly string[],
  from?: Predecessor,
): Promise<Opened> {
  const { io, log } = composition;
  // First of all: without a token nothing else is worth the while.
  const fly = await composition.writer();
  const loaded = await composition.load({ offline: false });
  const fleet = { ...loaded.fleet, from };
  // An app that git no longer names is known to Fly alone, and sought in a fleet with a name.
  if (!fleet.named) chooser(fleet, globs);
  const store = await composition.store(fleet);
  await store.closeInterrupted();
  const images = await composition.images();
  const context = {
    clock: io.clock,
    log,
    fly,
    store,
    evidence: await composition.evidence('write'),
    sight: images.sight,
    builds: await images.builds(),
    flyOrg: composition.flyOrg,
    concurrency: composition.concurrency,
    orphans: true,
    onProgress: createProgress(composition),
    actor: composition.actor,
    instance: composition.instance,
    signal: io.signal,
  };
  return { context, fleet };
}

/** What flycd.yaml lets go of it. That it could not be is no reason to fail. */
async function forgetHistory({ settings }: Composition, { clock, store, log, signal }: SyncContext): Promise<void> {
  const retention = retentionOf(settings.written.history);
  await forgetOldRuns({ clock, store, retention }, signal).catch((error: unknown) => {
    if (!signal.aborted) log.warn({ error: String(error) }, 'old runs could not be forgotten');
  });
}

/** One pass by command: progress to stderr as it happens, what became of each app to stdout at the end. */
export function onePass(
  invocation: Invocation,
  config: string | undefined,
  options: CommonOptions,
  pass: PassOptions,
): Promise<ExitCode> {
  const { io } = invocation;
  return composed(invocation, config, options, async (composition) => {
    const { context, fleet } = await openSync(composition, pass.apps);
    const { plan, runs } = await syncPass({ ...context, confirm: confirming(invocation) }, fleet, pass, 'command');
    await forgetHistory(composition, context);
    if (runs === undefined) return exitCodes.blocked;
    answer(invocation, options.output, { plan, runs }, { text: syncText, json: syncJson, markdown: syncMarkdown });
    return io.signal.aborted ? exitCodes.interrupted : exitOfSync(plan, runs);
  });
}

/** One pass that does what the plan that `--plan` names says, or nothing. */
export async function plannedPass(
  invocation: Invocation,
  config: string | undefined,
  options: CommonOptions & { readonly plan: string },
  pass: PassOptions,
): Promise<ExitCode> {
  const { io } = invocation;
  const { id, written } = await planReference(io, options.plan);
  return composed(invocation, config, options, async (composition) => {
    const { context, fleet } = await openSync(composition, pass.apps);
    const asking = { ...context, confirm: confirming(invocation) };
    const { plan, runs, isDeclined } = await syncPlanned(asking, fleet, pass, id);
    if (isDeclined === true) return exitCodes.blocked;
    if (runs === undefined) {
      const called = await context.store.planCalled(id);
      const before = written?.apps ?? called?.runs.map((run) => appPlanJson(run.plan));
      const ofFleet = written !== undefined || called?.ofFleet === true;
      answer(
        invocation,
        options.output,
        { id, plan, before, ofFleet, runs: called?.runs ?? [] },
        { text: staleText, json: staleJson, markdown: staleMarkdown },
      );
      return exitOfPlan(plan);
    }
    answer(invocation, options.output, { plan, runs }, { text: syncText, json: syncJson, markdown: syncMarkdown });
    return io.signal.aborted ? exitCodes.interrupted : exitOfSync(plan, runs);
  });
}
