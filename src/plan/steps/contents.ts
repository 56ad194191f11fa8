/** All that goes with an app that is destroyed: listed in the step, a part of the plan's id, and no more than that goes. */
import type { FieldChange, Step } from '../../model/plan.ts';
import type { OrphanedApp, Reading } from '../../model/observed.ts';
import { byText } from '../../model/base/text.ts';

/** How what is listed of a kind begins that could not be read. */
const unread = 'could not be read';

/** What could not be read is said, for it goes as well. */
export function contentsOf({ machines, contents }: OrphanedApp): readonly FieldChange[] {
  const gone = (path: string, from: string): FieldChange => ({ path, from, to: undefined });
  const read = <T>(kind: string, reading: Reading<readonly T[]> | undefined, said: (item: T) => FieldChange) => {
    if (reading?.status === 'read') return reading.value.map(said);
    return [gone(kind, reading === undefined ? 'not asked for' : `${unread}: ${reading.reason}`)];
  };
  return [
    ...machines.map(({ id, name }) => gone(`machines[${id}]`, name)),
    ...read('volumes', contents?.volumes, (volume) =>
      gone(`volumes[${volume.id}]`, `${volume.name}, ${volume.size_gb} GB`),
    ),
    ...read('addresses', contents?.addresses, ({ ip }) => gone('addresses', ip)),
    ...read('certificates', contents?.certificates, ({ hostname }) => gone('certificates', hostname)),
    ...read('secrets', contents?.secrets, ({ name }) => gone('secrets', name)),
  ].toSorted((a, b) => byText(a.path, b.path));
}

/** As listed, but for why something could not be read: Fly says that another way each time. */
export function lastingContents(changes: readonly FieldChange[]): readonly FieldChange[] {
  return changes.map((change) => (isUnread(change) ? { ...change, from: unread } : change));
}

/** What would go with it now, and was not in it before. */
export function cameInto(now: OrphanedApp, before: OrphanedApp): readonly FieldChange[] {
  return unlisted({ changes: contentsOf(now) }, [{ changes: contentsOf(before) }]);
}

type Listing = Pick<Step, 'changes'>;

/** What is listed in a step and was not in any of those before it. */
export function unlisted(step: Listing, before: readonly Listing[]): readonly FieldChange[] {
  const listed = before.flatMap((one) => lastingContents(one.changes));
  return step.changes.filter((change) => {
    const [{ path, from } = change] = lastingContents([change]);
    return !listed.some((one) => one.path === path && one.from === from);
  });
}

function isUnread({ from }: FieldChange): boolean {
  return typeof from === 'string' && from.startsWith(`${unread}: `);
}
