import { selectApps, unknownApp } from '../../../controllers/fleet/asked-for.ts';
import type { DesiredFleet } from '../../model/desired.ts';

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
