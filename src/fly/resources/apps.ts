import { App, AppList } from '../../../schemas/fly/app.ts';
import { isFleetWide, toFault } from '../../model/base/fault.ts';
import type { FlyReader, FlyWriter } from '../api.ts';
import { isStatus, unlessGone } from '../http/absence.ts';
import { FlyError } from '../http/error.ts';
import { deleteAppLimit } from '../http/rate-limit.ts';
import type { Call } from '../http/call.ts';
import type { Transport } from '../http/transport.ts';

/** An organization lists all its apps in one answer, without paging: some hundred bytes each. */
const appListBytesMax = 16 * 1024 * 1024;

/** A new app shows up after moments; Fly's facts give it a minute. */
const appearMs = 60_000;
const appearPauseMsMin = 100;
const appearPauseMsMax = 500;

const getApp = (name: string): Call => ({
  method: 'GET',
  route: '/apps/{app}',
  path: { app: name },
  purpose: 'read the app',
  effect: 'read',
});

export function appReads(transport: Transport): Pick<FlyReader, 'app' | 'apps'> {
  return {
    async app(name) {
      try {
        return { state: 'present', app: await transport.ask(getApp(name), App) };
      } catch (error) {
        if (isStatus(error, 404)) return { state: 'absent' };
        if (isStatus(error, 403)) return { state: 'taken' };
        throw error;
      }
    },
    async apps(org) {
      const call: Call = {
        method: 'GET',
        route: '/apps',
        path: {},
        query: [['org_slug', org]],
        purpose: `list the apps of ${org}`,
        effect: 'read',
        bytesMax: appListBytesMax,
      };
      return (await transport.ask(call, AppList)).apps;
    },
  };
}

export function appWrites(transport: Transport): Pick<FlyWriter, 'createApp' | 'deleteApp'> {
  return {
    async createApp({ name, org, network }, beforeSent) {
      await transport.tell({
        method: 'POST',
        route: '/apps',
        path: {},
        query: [['wait', 'true']],
        // Fly's documentation says app_name, its SDK sends name.
        body: { name, app_name: name, org_slug: org, ...(network === undefined ? {} : { network }) },
        purpose: `create the app ${name}`,
        effect: 'once',
        beforeSent,
      });
      return untilVisible(transport, name);
    },
    async deleteApp(name, beforeSent) {
      const call: Call = {
        method: 'DELETE',
        route: '/apps/{app}',
        path: { app: name },
        query: [['force', 'true']],
        purpose: 'delete the app',
        effect: 'repeatable',
        limit: { rate: deleteAppLimit, shared: true },
        beforeSent,
      };
      return unlessGone(transport.tell(call));
    },
  };
}

/** Right after a create Fly may answer 404 or 401 for the new app: both mean "not yet" here, and only here. */
async function untilVisible(transport: Transport, name: string): Promise<App> {
  const giveUpAt = transport.clock.monotonic() + appearMs;
  for (let pauseMs = appearPauseMsMin; ; pauseMs = Math.min(pauseMs * 2, appearPauseMsMax)) {
    try {
      return await transport.ask(getApp(name), App);
    } catch (error) {
      if (!isStatus(error, 404, 401) || isFleetWide(error)) throw error;
      if (transport.clock.monotonic() >= giveUpAt) throw notVisible(error, name);
    }
    await transport.clock.sleep(pauseMs);
  }
}

function notVisible(error: unknown, name: string): FlyError {
  const last = error instanceof FlyError ? error : undefined;
  return new FlyError({
    kind: 'transient',
    what: `The app ${name} was created, but Fly does not show it after ${appearMs / 1000} s`,
    why: toFault(error, '').why,
    next: 'FlyCD looks at the app again and plans anew.',
    where: `app ${name}`,
    status: last?.status,
    operation: 'POST /apps',
    requestId: last?.requestId,
    reply: last?.reply,
    outcome: 'unknown',
  });
}
