import type { FlyWriter } from '../../src/fly/api.ts';
import { createFlyWriter } from '../../src/fly/client.ts';
import { createTransport } from '../../src/fly/http/transport.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { Redactor } from '../../src/model/base/secret-value.ts';

export interface Call {
  readonly method: string;
  readonly path: string;
  /** '': none. */
  readonly body: string;
}

/** Speaks to a Fly that answers each call as a test says; for what Fly does over time there is the simulator. */
export function flyAnswering(clock: Clock, answer: (call: Call) => Response | Promise<Response>): FlyWriter {
  const transport = createTransport({
    baseUrl: 'http://127.0.0.1:1',
    webBaseUrl: 'http://127.0.0.1:1',
    token: 'a-token',
    fetch: async (...asked) => {
      const request = new Request(...asked);
      const { method, url } = request;
      return answer({ method, path: new URL(url).pathname, body: await request.text() });
    },
    clock,
    log: silentLog,
    userAgent: 'test',
    redactor: new Redactor(),
    random: () => 0.5,
  });
  return createFlyWriter(transport);
}
