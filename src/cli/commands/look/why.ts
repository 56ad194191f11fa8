import { plainPass, planWhole } from '../../../../controllers/fleet/plan.ts';
import { whyJson, whyMarkdown, whyText } from '../../../render/why.ts';
import { orphanPolicy } from '../../../plan/orphan.ts';
import { composed } from '../../composition/composition.ts';
import type { ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation } from '../../shell/invocation.ts';
import { chooser } from '../../shell/selection.ts';
import { exitOfPlan } from '../../shell/verdict.ts';

export type WhyOptions = Omit<CommonOptions, 'app'>;

/** What keeps one app from being as git says: asked of Fly now, with what its last runs left. Writes nothing. */
export function why(
  invocation: Invocation,
  app: string,
  config: string | undefined,
  options: WhyOptions,
): Promise<ExitCode> {
  return composed(invocation, config, options, async (composition) => {
    // First of all: without a token nothing else is worth the while.
    const fly = await composition.reader();
    const { fleet } = await composition.load({ offline: false });
    // An app that git no longer names is known to Fly alone.
    if (!fleet.named) chooser(fleet, [app]);
    const store = await composition.storeReader(fleet);
    const context = {
      clock: invocation.io.clock,
      log: invocation.log,
      fly,
      store,
      evidence: await composition.evidence('read'),
      sight: (await composition.images()).sight,
      flyOrg: composition.flyOrg,
      concurrency: composition.concurrency,
      orphans: fleet.named,
    };
    const { plan, orphans } = await planWhole(context, fleet, { ...plainPass, apps: [app] });
    const [run] = await store.runs({ app, all: true, limit: 1 });
    const named = fleet.apps.find(({ name }) => name === app);
    const policy = named?.policy ?? orphanPolicy(fleet, orphans.find(({ name }) => name === app)?.history);
    const value = { apps: plan.apps, run, isManual: !policy.auto, now: invocation.io.clock.now() };
    answer(invocation, options.output, value, { text: whyText, json: whyJson, markdown: whyMarkdown });
    return exitOfPlan(plan);
  });
}
