import { originId } from '../../../model/stamps/origin.ts';
import { validationJson, validationMarkdown, validationText, type Validation } from '../../../render/validation.ts';
import { validationAnnotations } from '../../../render/annotations.ts';
import { composed } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation, type OutputForm } from '../../shell/invocation.ts';
import { redacted } from '../../shell/redaction.ts';
import { chooser } from '../../shell/selection.ts';
import { hasErrors } from '../../shell/verdict.ts';

export interface ValidateOptions extends Omit<CommonOptions, 'output'> {
  /** github: annotations of a pull request. */
  readonly output: OutputForm | 'github';
}

/** Every problem of the config at once. Needs no token and asks no registry. */
export function validate(
  invocation: Invocation,
  config: string | undefined,
  options: ValidateOptions,
): Promise<ExitCode> {
  return composed(invocation, config, options, async (composition) => {
    const { fleet } = await composition.load({ offline: true });
    const isChosen = chooser(fleet, options.app);
    const validation: Validation = {
      fleet: fleet.name,
      origin: originId(fleet.origin),
      revision: fleet.revision,
      root: fleet.root,
      apps: fleet.apps.filter((app) => isChosen(app.name)).map(({ name, file }) => ({ app: name, file })),
      invalid: fleet.invalid.filter((app) => isChosen(app.name)).map(({ name, file }) => ({ app: name, file })),
      problems: fleet.problems.filter((problem) => isChosen(problem.app)),
    };
    const { output } = options;
    if (output === 'github') {
      const { io, redactor } = invocation;
      io.stdout.write(redactor.redact(validationAnnotations(redacted(redactor, validation))));
    } else {
      const forms = { text: validationText, json: validationJson, markdown: validationMarkdown };
      answer(invocation, output, validation, forms);
    }
    return hasErrors(validation.problems) || validation.invalid.length > 0 ? exitCodes.invalid : exitCodes.done;
  });
}
