import { onTestFinished } from 'vitest';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../simulator/simulator.ts';
import type { World } from '../../simulator/world/world.ts';
import { IdleClock } from '../../src/model/base/clock.ts';

/** What came back: the body as parsed JSON, typed by the test that asked. */
export interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads into any answer; the assertion is the check
  readonly body: any;
  readonly headers: Headers;
}

export interface Platform {
  readonly clock: IdleClock;
  readonly simulator: Simulator;
  readonly world: World;
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>;
  /** Makes the app `shop` and a machine in it, and waits until it has started. */
  readonly machine: (body?: Readonly<Record<string, unknown>>, app?: string) => Promise<Answer['body']>;
  readonly app: (name?: string) => Promise<void>;
  /** GET of that machine. */
  readonly look: (id: string, app?: string) => Promise<Answer['body']>;
}

export const image = 'registry.fly.io/shop:v1';

/** A simulator on virtual time with a client that counts as busy while it asks. */
export async function platform(options: Partial<SimulatorOptions> = {}): Promise<Platform> {
  const clock = new IdleClock();
  const simulator = await startSimulator({ clock, rateLimits: false, ...options });
  onTestFinished(() => simulator.close());
  const call: Platform['call'] = (method, path, body, headers = {}) =>
    clock.busy(async () => {
      const url = /^\/(?:_simulator|v\d|graphql|api\/)/.test(path) ? path : `/v1${path}`;
      const response = await fetch(`${simulator.url}${url}`, {
        method,
        headers: { authorization: `Bearer ${simulator.token}`, ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const json = response.headers.get('content-type')?.startsWith('application/json') === true;
      return { status: response.status, body: json ? (JSON.parse(text) as unknown) : text, headers: response.headers };
    });
  const platform: Platform = {
    clock,
    simulator,
    world: simulator.world,
    call,
    async app(name = 'shop') {
      const made = await call('POST', '/apps', { name, org_slug: options.org ?? 'personal' });
      if (made.status !== 201) throw new Error(`app ${name}: ${JSON.stringify(made.body)}`);
    },
    async machine(body = {}, app = 'shop') {
      if (!simulator.world.apps.has(app)) await platform.app(app);
      const made = await call('POST', `/apps/${app}/machines`, { region: 'arn', config: { image }, ...body });
      if (made.status !== 200) throw new Error(`machine: ${made.status} ${JSON.stringify(made.body)}`);
      await clock.sleep(3000);
      return platform.look(made.body.id, app);
    },
    look: async (id, app = 'shop') => (await call('GET', `/apps/${app}/machines/${id}`)).body,
  };
  return platform;
}
