import type { FlyWriter } from '../../src/fly/api.ts';
import { createFlyWriter } from '../../src/fly/client.ts';
import { createTransport } from '../../src/fly/http/transport.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { Redactor } from '../../src/model/base/secret-value.ts';
import type { Stage } from './transcript.ts';

/** Somebody who changes things on Fly behind FlyCD's back. */
export function handOn({ simulator, clock }: Stage): FlyWriter {
  return createFlyWriter(
    createTransport({
      baseUrl: simulator.url,
      webBaseUrl: simulator.url,
      token: simulator.token,
      fetch,
      clock,
      log: silentLog,
      userAgent: 'somebody',
      redactor: new Redactor(),
      random: () => 0.5,
    }),
  );
}

/** The first machine of an app by name: stories do not depend on the order of a list. */
export async function firstMachine(fly: FlyWriter, app: string) {
  const machines = await fly.machines(app);
  const machine = machines.toSorted((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1))[0];
  if (machine === undefined) throw new Error(`${app} has no machine`);
  return machine;
}
