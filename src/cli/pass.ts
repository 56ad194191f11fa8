import { syncPass, type PassOptions } from '../controllers/pass.ts';
import type { OnProgress } from '../model/progress.ts';
import { progressText } from '../render/progress.ts';
import { syncJson, syncMarkdown, syncText } from '../render/sync.ts';
import { composed } from './composition.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { answer, type CommonOptions, type Invocation } from './invocation.ts';
import { hasColour } from './io.ts';
import { chooser } from './selection.ts';
import { exitOfSync } from './verdict.ts';

/** A pass over all apps that insists on nothing. */
export const plainPass: PassOptions = {
  apps: [],
  accept: false,
  adopt: false,
  force: false,
  now: false,
  abortEarly: false,
};

/** One pass by command: progress to stderr as it happens, what became of each app to stdout at the end. */
export function onePass(
  invocation: Invocation,
  config: string | undefined,
  options: CommonOptions,
  pass: PassOptions,
): Promise<ExitCode> {
  const { io, log } = invocation;
  return composed(invocation, config, options, async (composition) => {
    // First of all: without a token nothing else is worth the while.
    const fly = await composition.writer();
    const { fleet, isRoot } = await composition.load({ offline: false });
    chooser(fleet, pass.apps);
    const store = await composition.store(fleet.name, 'write');
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
      orphans: isRoot && pass.apps.length === 0,
      onProgress: createProgress(invocation),
      actor: composition.actor,
      instance: composition.instance,
      signal: io.signal,
    };
    const done = await syncPass(context, fleet, pass, 'command');
    answer(invocation, options.output, done, { text: syncText, json: syncJson, markdown: syncMarkdown });
    return io.signal.aborted ? exitCodes.interrupted : exitOfSync(done.plan, done.runs);
  });
}

export function createProgress({ io, redactor }: Invocation): OnProgress {
  const colour = hasColour(io.stderr, io.env);
  return (progress) => {
    const text = progressText(progress, colour);
    if (text !== '') io.stderr.write(redactor.redact(text));
  };
}
