import { validationJson, validationMarkdown, validationText, type Validation } from '../render/problems.ts';
import { composed } from './composition.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { answer, type CommonOptions, type Invocation } from './invocation.ts';
import { chooser } from './selection.ts';
import { hasErrors } from './verdict.ts';

/** Every problem of the config at once. Needs no token and asks no registry. */
export function validate(
  invocation: Invocation,
  config: string | undefined,
  options: CommonOptions,
): Promise<ExitCode> {
  return composed(invocation, config, options, async (composition) => {
    const { fleet } = await composition.load({ offline: true });
    const isChosen = chooser(fleet, options.app);
    const validation: Validation = {
      fleet: fleet.name,
      revision: fleet.revision,
      apps: fleet.apps.filter((app) => isChosen(app.name)).map(({ name, file }) => ({ app: name, file })),
      invalid: fleet.invalid.filter((app) => isChosen(app.name)).map(({ name, file }) => ({ app: name, file })),
      problems: fleet.problems.filter((problem) => isChosen(problem.app)),
    };
    const forms = { text: validationText, json: validationJson, markdown: validationMarkdown };
    answer(invocation, options.output, validation, forms);
    return hasErrors(validation.problems) || validation.invalid.length > 0 ? exitCodes.invalid : exitCodes.done;
  });
}
