import type { FlyReader } from '../fly/api.ts';
import { Fault } from '../model/base/fault.ts';

/**
 * The organization every user has; flyctl takes it as well when nothing else is said. A name that Fly gives everybody's
 * own: by another token the same organization may be called otherwise.
 */
export const personal = 'personal';

/** Asks at the first call, and again only where that failed. */
export function askedOnce<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask().catch((error: unknown) => {
      asked = undefined;
      throw error;
    });
    return asked;
  };
}

/**
 * The organization of apps that name none: FLY_ORG, else the only one the token reaches, else `personal` where it is
 * among them. Throws a stalled Fault when that does not decide it. Asks Fly only when FLY_ORG is not set.
 */
export async function resolveOrganization(
  fly: Pick<FlyReader, 'organizations'>,
  wanted: { readonly flyOrg: string | undefined },
): Promise<string> {
  const named = wanted.flyOrg?.trim() ?? '';
  if (named !== '') return named;
  const reached = await fly.organizations();
  const [first] = reached;
  if (first !== undefined && reached.length === 1) return first;
  if (reached.includes(personal)) return personal;
  throw new Fault({
    kind: 'stalled',
    what: 'It is not known which organization the apps belong to',
    why:
      reached.length === 0
        ? 'Fly names none that the token reaches'
        : `the token reaches ${reached.toSorted().join(', ')}`,
    next: 'Write `org: NAME` in app.yaml or in the defaults of project.yaml, or set FLY_ORG.',
  });
}
