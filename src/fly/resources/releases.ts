import type { z } from 'zod';
import { ReleaseList, ReleaseMade } from '../../../schemas/fly/release.ts';
import { momentOf, msSince, type Moment } from '../../model/base/moment.ts';
import type { FlyReader, FlyWriter } from '../api.ts';
import { FlyError } from '../http/error.ts';
import type { Call } from '../http/call.ts';
import type { Transport } from '../http/transport.ts';

/** One that is in progress is among the newest few: each of them is somebody's deployment. */
const releasesMost = 10;
/** A pass that changes an app waits no longer than this to know whether somebody deploys it. */
const releasesPatienceMs = 5_000;
/** Machines wait for a record's id: it is of use to people, and they are served by the machines. */
const createPatienceMs = 3_000;
/** After a call that found nobody there, all others fail at once for so long: a hundred apps do not wait one by one. */
const silenceMs = 60_000;

type ReleaseCalls = Pick<FlyReader, 'releases'> & Pick<FlyWriter, 'createRelease' | 'updateRelease'>;

/** Reads and writes share what is known of the interface being down. */
export function releaseCalls(transport: Transport): ReleaseCalls {
  const { clock } = transport;
  let silence: { readonly error: FlyError; readonly at: Moment } | undefined;

  async function unlessSilent<T>(call: () => Promise<T>): Promise<T> {
    if (silence !== undefined && msSince(clock, silence.at) < silenceMs) throw silence.error;
    try {
      const answer = await call();
      silence = undefined;
      return answer;
    } catch (error) {
      if (error instanceof FlyError && error.kind === 'transient' && error.status !== 429)
        silence = { error, at: momentOf(clock) };
      throw error;
    }
  }
  const ask = <T>(call: Call, answer: z.ZodType<T>): Promise<T> => unlessSilent(() => transport.ask(call, answer));

  return {
    async releases(app) {
      const call: Call = {
        surface: 'web',
        method: 'GET',
        route: '/apps/{app}/releases',
        path: { app },
        query: [['limit', String(releasesMost)]],
        purpose: 'list the releases',
        effect: 'read',
        patienceMs: releasesPatienceMs,
      };
      return (await ask(call, ReleaseList)).releases;
    },
    async createRelease(app, { definition, image, strategy }) {
      const call: Call = {
        surface: 'web',
        method: 'POST',
        route: '/releases',
        path: {},
        body: { app_name: app, definition, image, strategy: strategy.toUpperCase() },
        purpose: 'take note of a release',
        effect: 'once',
        brief: true,
        patienceMs: createPatienceMs,
      };
      const { release } = await ask(call, ReleaseMade);
      return { id: release.id, number: release.version };
    },
    async updateRelease(app, id, status) {
      const call: Call = {
        surface: 'web',
        method: 'PATCH',
        route: '/releases/{release}',
        path: { release: id, app },
        body: { status },
        purpose: `take note that a release is ${status}`,
        effect: 'repeatable',
        brief: true,
        patienceMs: releasesPatienceMs,
      };
      await unlessSilent(() => transport.tell(call));
    },
  };
}
