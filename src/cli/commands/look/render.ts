import type { DesiredApp, DesiredFleet } from '../../../model/desired.ts';
import { Fault } from '../../../model/base/fault.ts';
import { configText, explainText, type ConfigForm } from '../../../render/config.ts';
import { machinesText } from '../../../render/machines.ts';
import { problemsText } from '../../../render/problems.ts';
import { createPaint } from '../../../render/text/tone.ts';
import { composed } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import type { ConfigOptions, Invocation } from '../../shell/invocation.ts';
import { hasColour } from '../../shell/io.ts';
import { redacted } from '../../shell/redaction.ts';
import { chooser } from '../../shell/selection.ts';
import { hasErrors } from '../../shell/verdict.ts';
import { shellWord } from '../../../model/base/shell.ts';

export interface RenderOptions extends ConfigOptions {
  /** Globs of app names; empty = all. */
  readonly app: readonly string[];
  readonly as: ConfigForm;
  /** What the machines get, instead of the config they come from. */
  readonly machines?: boolean;
  /** Where each field comes from, instead of the config itself. */
  readonly explain?: boolean;
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
    io.stdout.write(answer({ invocation, fleet, apps, options }));
    if (hasErrors(problems)) return exitCodes.invalid;
    if (apps.length === 0) throw new Fault({ kind: 'stalled', what: 'there is no app to render' });
    return exitCodes.done;
  });
}

interface Rendering {
  readonly invocation: Invocation;
  readonly fleet: DesiredFleet;
  readonly apps: readonly DesiredApp[];
  readonly options: RenderOptions;
}

function answer({ invocation, fleet, apps, options }: Rendering): string {
  const { io, redactor } = invocation;
  if (options.explain === true) {
    const paint = createPaint(hasColour(io.stdout, io.env));
    const tables = apps.map(({ name }) => {
      const table = `${explainText(redacted(redactor, fleet.explain(name)), paint)}\n`;
      return apps.length > 1 ? `${name}\n${table}` : table;
    });
    return tables.join('\n');
  }
  const isOne = options.machines === true || options.as !== 'yaml';
  if (apps.length > 1 && isOne) throw tooMany(apps, options.machines === true ? 'json' : options.as);
  if (options.machines === true) return apps.map((app) => machinesText(redacted(redactor, app))).join('');
  return apps.map((app) => configText(redacted(redactor, app.fly), options.as)).join('---\n');
}

function tooMany(apps: readonly DesiredApp[], form: ConfigForm): Fault {
  const what = `${apps.length} apps do not fit into one ${form} document`;
  return new Fault({ kind: 'stalled', what, next: `choose one with --app ${shellWord(apps[0]?.name ?? '')}` });
}
