import { createDesiredLoader, type DesiredLoader, type LoadRequest } from '../../src/desired/load.ts';
import { systemClock } from '../../src/model/base/clock.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { placeOf, type Problem } from '../../src/model/base/problem.ts';
import { memoryMirrors, memoryTree, type MemoryFiles } from './memory-tree.ts';

export type LoadOptions = Partial<LoadRequest> & { readonly loader?: DesiredLoader };

export function load(files: MemoryFiles, options: LoadOptions = {}): Promise<DesiredFleet> {
  const { loader = createDesiredLoader({ clock: systemClock }), ...rest } = options;
  return loader.load({
    tree: memoryTree(files),
    path: '',
    mirrors: memoryMirrors(),
    environment: () => undefined,
    resolveImage: async () => undefined,
    ...rest,
  });
}

/** Loads one app.yaml by itself. */
export async function loadApp(text: string, options: LoadOptions = {}): Promise<DesiredApp> {
  const fleet = await load({ 'app.yaml': text }, options);
  const [app] = fleet.apps;
  if (app === undefined) throw new Error(`the app is invalid: ${said(fleet.problems).join('\n')}`);
  return app;
}

/** `file:line:column: path: message (hint)`, errors first in no particular order. */
export function said(problems: readonly Problem[]): readonly string[] {
  return problems.map((problem) => {
    const path = problem.path === '' ? '' : `${problem.path}: `;
    const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
    return `${placeOf(problem)}: ${problem.severity}: ${path}${problem.message}${hint}`;
  });
}

export function errorsOf(fleet: DesiredFleet): readonly string[] {
  return said(fleet.problems.filter(({ severity }) => severity === 'error'));
}

/** The smallest app there is. */
export function appYaml(name: string, more = ''): string {
  return `app: ${name}\nprimary_region: arn\nbuild:\n  image: nginx:1.27\n${more}`;
}
