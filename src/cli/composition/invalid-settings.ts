import type { Problem } from '../../model/base/problem.ts';

/** What stands in flycd.yaml is wrong: every problem at once. Apart from settings.ts, which costs a parser to import. */
export class InvalidSettings extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super('the settings are invalid');
    this.name = 'InvalidSettings';
    this.problems = problems;
  }
}
