import { planPass, plainPass } from '../../../../controllers/fleet/plan.ts';
import { planJson, planMarkdown, planText } from '../../../render/plan.ts';
import { composed } from '../../composition/composition.ts';
import type { ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation } from '../../shell/invocation.ts';
import { chooser } from '../../shell/selection.ts';
import { exitOfPlan } from '../../shell/verdict.ts';

/** The plan, and nothing done: holds no client that can write and opens the database for reading. */
export function diff(invocation: Invocation, config: string | undefined, options: CommonOptions): Promise<ExitCode> {
  return composed(invocation, config, options, async (composition) => {
    // First of all: without a token nothing else is worth the while.
    const fly = await composition.reader();
    const { fleet } = await composition.load({ offline: false });
    // An app that git no longer names is known to Fly alone.
    if (!fleet.named) chooser(fleet, options.app);
    const context = {
      clock: invocation.io.clock,
      log: invocation.log,
      fly,
      store: await composition.storeReader(fleet),
      evidence: await composition.evidence('read'),
      sight: (await composition.images()).sight,
      flyOrg: composition.flyOrg,
      concurrency: composition.concurrency,
      orphans: fleet.named,
    };
    const plan = await planPass(context, fleet, { ...plainPass, apps: options.app });
    answer(invocation, options.output, plan, { text: planText, json: planJson, markdown: planMarkdown });
    return exitOfPlan(plan);
  });
}
