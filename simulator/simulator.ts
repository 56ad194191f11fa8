import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { actionRoutes } from './api/machine-actions.ts';
import { addressRoutes } from './api/addresses.ts';
import { appRoutes } from './api/apps.ts';
import { buildRoutes } from './web/builds.ts';
import type { Route } from './http/request-context.ts';
import { flyctlActor, type FlyctlActor } from './flyctl/actor.ts';
import { followIdleness } from './machines/autostop.ts';
import { followSchedules } from './machines/schedules.ts';
import { certificateRoutes } from './api/certificates.ts';
import { graphqlRoutes } from './graphql/route.ts';
import { logRoutes } from './web/logs.ts';
import { leaseRoutes } from './api/machine-leases.ts';
import { machineRoutes } from './api/machines.ts';
import { metadataRoutes } from './api/machine-metadata.ts';
import { processRoutes } from './api/machine-processes.ts';
import { organizationRoutes } from './api/organization-lists.ts';
import { webOrganizationRoutes } from './web/organizations.ts';
import { platformRoutes } from './api/platform.ts';
import { reception, type Reception } from './server/request-handler.ts';
import { registryRoutes } from './web/registry.ts';
import { releaseRoutes } from './web/releases.ts';
import { secretRoutes } from './api/secrets.ts';
import { tokenRoutes } from './api/tokens.ts';
import { volumeRoutes } from './api/volumes.ts';
import { waitRoutes } from './api/machine-wait.ts';
import { World } from './world/world.ts';
import type { SimulatorClock } from './world/clock.ts';

export type { SimulatorClock } from './world/clock.ts';

export interface SimulatorOptions {
  /** Everything that takes time takes it from here. Waits on behalf of a request are parked, the rest are timers. */
  readonly clock: SimulatorClock;
  /** 0 (default) takes a free one. */
  readonly port?: number | undefined;
  /** Slug of the organization that the token reaches. Default `personal`. */
  readonly org?: string | undefined;
  /** Without spaces. Default: made from the seed. */
  readonly token?: string | undefined;
  /** Milliseconds before each request under /v1 is carried out. Default 0. */
  readonly latencyMs?: number | undefined;
  /** Ids, names and addresses follow from it. Default 1. */
  readonly seed?: number | undefined;
  /**
   * Holds arrived requests until the client waits for nothing else, and serves them one by one, sorted by app, method,
   * path and body: a test that asks for several things at once reruns alike. Default false.
   */
  readonly orderly?: boolean | undefined;
  /** Fly's documented rate limits. Default true. */
  readonly rateLimits?: boolean | undefined;
}

export interface Simulator {
  /** http://127.0.0.1:<port> */
  readonly url: string;
  readonly token: string;
  /** What flyctl and FlyCD read to find it, and what keeps flyctl from speaking with anybody else. */
  readonly environment: Readonly<Record<string, string>>;
  readonly world: World;
  /** Somebody with flyctl. */
  readonly flyctl: FlyctlActor;
  /** Requests that have arrived and are not over: neither answered nor given up by whoever sent them. */
  underway(): number;
  /** Stops all timers and cuts all connections. */
  close(): Promise<void>;
}

const address = '127.0.0.1';

const routes: readonly Route[] = [
  ...appRoutes,
  ...machineRoutes,
  ...actionRoutes,
  ...waitRoutes,
  ...leaseRoutes,
  ...metadataRoutes,
  ...volumeRoutes,
  ...secretRoutes,
  ...addressRoutes,
  ...certificateRoutes,
  ...processRoutes,
  ...organizationRoutes,
  ...platformRoutes,
  ...tokenRoutes,
];

const webRoutes: readonly Route[] = [
  ...graphqlRoutes,
  ...releaseRoutes,
  ...webOrganizationRoutes,
  ...buildRoutes,
  ...logRoutes,
  ...registryRoutes,
];

/** Fly in a box: the Machines API over real HTTP on the loopback interface. Throws when the port is taken. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const world = new World(options.clock, options.seed ?? 1);
  world.follow(followSchedules(world));
  world.follow(followIdleness(world));
  const flyctl = flyctlActor(world);
  world.addOrganization(options.org ?? 'personal');
  const token = options.token ?? `fm2_simulator${world.chance.hex(['token'], 24)}`;
  world.grantToken(token, { owner: 'simulator@tokens.fly.io' });
  const desk = reception({
    world,
    flyctl,
    routes,
    webRoutes,
    latencyMs: options.latencyMs ?? 0,
    rateLimits: options.rateLimits ?? true,
    orderly: options.orderly ?? false,
  });
  const server = serverOf(desk);
  const port = await listening(server, options.port ?? 0);
  const url = `http://${address}:${port}`;
  world.registry.hosts.add(`${address}:${port}`);
  return {
    url,
    token,
    environment: {
      FLY_API_TOKEN: token,
      FLY_FLAPS_BASE_URL: url,
      FLY_API_BASE_URL: url,
      FLY_UIEX_BASE_URL: url,
      FLY_REGISTRY_HOST: `${address}:${port}`,
      FLY_NO_UPDATE_CHECK: '1',
      FLY_SEND_METRICS: '0',
    },
    world,
    flyctl,
    underway: () => desk.underway(),
    async close() {
      desk.close();
      world.stopTimers();
      await closed(server);
    },
  };
}

function serverOf(desk: Reception): Server {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void desk.receive(request, response);
  });
  // Node's own timeouts run on real time, and virtual time may stand still for long.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  return server;
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
