/** Secrets that two FlyCDs set at once, each with a database of its own. */
import type { RequestRecord } from '../../../simulator/world/requests.ts';
import type { World } from '../../../simulator/world/world.ts';

const setSecrets = 'POST /apps/{app}/secrets';

interface SetTwice {
  readonly world: World;
  /** The FlyCDs that are at work. */
  readonly atWork: ReadonlySet<unknown>;
  /** Restarts of that app are called for. */
  readonly disturbed: (app: string) => void;
}

interface Requests {
  asked(request: Readonly<RequestRecord>): void;
  answered(request: Readonly<RequestRecord>): void;
}

/** The second one's write changes no value, and makes the secret newer than the machines that have taken it up. */
export function setTwice({ world, atWork, disturbed }: SetTwice): Requests {
  const before = new Map<Readonly<RequestRecord>, string>();
  const valuesOf = (app = ''): string =>
    JSON.stringify([...(world.apps.get(app)?.secrets.byName.values() ?? [])].map(({ name, value }) => [name, value]));
  return {
    asked(request) {
      if (request.template === setSecrets) before.set(request, valuesOf(request.app));
    },
    answered(request) {
      const values = before.get(request);
      before.delete(request);
      if (values === undefined) return;
      const now = valuesOf(request.app);
      if (atWork.size > 1 && now === values) disturbed(request.app ?? '');
      // One that is under way still finds what this one has just set.
      for (const other of before.keys()) if (other.app === request.app) before.set(other, now);
    },
  };
}
