import type { DesiredApp } from '../model/desired.ts';
import { Fault } from '../model/fault.ts';
import { configText, type ConfigForm } from '../render/config.ts';
import { problemsText } from '../render/problems.ts';
import { composed } from './composition.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import type { ConfigOptions, Invocation } from './invocation.ts';
import { hasColour } from './io.ts';
import { redacted } from './redaction.ts';
import { chooser } from './selection.ts';
import { hasErrors } from './verdict.ts';

export interface RenderOptions extends ConfigOptions {
  /** Globs of app names; empty = all. */
  readonly app: readonly string[];
  readonly as: ConfigForm;
}

/** What Fly would be given: one document, or with several apps YAML documents one after the other. */
export function render(invocation: Invocation, path: string | undefined, options: RenderOptions): Promise<ExitCode> {
  const { io, redactor } = invocation;
  return composed(invocation, path, options, async (composition) => {
    const { fleet } = await composition.load({ offline: true, nameless: 'app' });
    const isChosen = chooser(fleet, options.app);
    const problems = fleet.problems.filter((problem) => isChosen(problem.app));
    const apps = fleet.apps.filter((app) => isChosen(app.name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    io.stderr.write(redactor.redact(problemsText(problems, hasColour(io.stderr, io.env))));
    if (apps.length > 1 && options.as !== 'yaml') throw tooMany(apps, options.as);
    const texts = apps.map((app) => configText(redacted(redactor, app.fly), options.as));
    io.stdout.write(texts.join('---\n'));
    if (hasErrors(problems)) return exitCodes.invalid;
    if (apps.length === 0) throw new Fault({ kind: 'stalled', what: 'there is no app to render' });
    return exitCodes.done;
  });
}

function tooMany(apps: readonly DesiredApp[], form: ConfigForm): Fault {
  const what = `${apps.length} apps do not fit into one ${form} document`;
  return new Fault({ kind: 'stalled', what, next: `choose one with --app ${apps[0]?.name ?? ''}` });
}
