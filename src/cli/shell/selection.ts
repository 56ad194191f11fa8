import { selectApps, unknownApp } from '../../../controllers/fleet/asked-for.ts';
import type { DesiredApp, DesiredFleet } from '../../model/desired.ts';
import { Fault } from '../../model/base/fault.ts';

/**
 * Whether an app is among those --app names. What belongs to no known app always is: it may hide the one that is meant.
 * Throws a stalled Fault where a glob fits nothing: a slip of the pen must not look like success.
 */
export function chooser(fleet: DesiredFleet, globs: readonly string[]): (app: string | undefined) => boolean {
  const names = [...fleet.apps.map((app) => app.name), ...fleet.invalid.flatMap((app) => app.name ?? [])];
  const named = names.map((name) => ({ name }));
  for (const glob of globs) {
    if (selectApps(named, [glob]).length === 0 && fleet.whole) throw unknownApp(glob, names);
  }
  const chosen = new Set(selectApps(named, globs).map((app) => app.name));
  return (app) => app === undefined || globs.length === 0 || chosen.has(app);
}

/** The app of that name, else all apps of the project of that name. Throws a stalled Fault where there is none. */
export function appsCalled(fleet: DesiredFleet, name: string): readonly DesiredApp[] {
  const app = fleet.apps.find((one) => one.name === name);
  if (app !== undefined) return [app];
  const members = fleet.apps.filter((one) => one.projects.includes(name));
  if (members.length > 0) return members;
  const invalid = fleet.invalid.find((one) => one.name === name);
  if (invalid === undefined) throw unknownApp(name, [...fleet.apps.map((one) => one.name), ...projectsOf(fleet)]);
  throw new Fault({
    kind: 'stalled',
    what: `the file of ${name} cannot be used`,
    next: '`flycd validate` says why; until then nothing of the app is touched',
    where: invalid.file,
  });
}

function projectsOf({ apps }: DesiredFleet): readonly string[] {
  return [...new Set(apps.flatMap((app) => app.projects))];
}
