/** How a person's flyctl acts on the world: through the same handlers as a request, without the wire, limits and faults. */
import { actionRoutes } from '../api/machine-actions.ts';
import { addressRoutes } from '../api/addresses.ts';
import { noContent, type RequestContext, type Route } from '../http/request-context.ts';
import { isObject } from '../wire/body.ts';
import { leaseRoutes } from '../api/machine-leases.ts';
import { metadataRoutes } from '../api/machine-metadata.ts';
import { machineRoutes } from '../api/machines.ts';
import type { App, Machine } from '../world/records.ts';
import { Refusal } from '../wire/replies.ts';
import { compiledRouter } from '../http/router.ts';
import { secretRoutes } from '../api/secrets.ts';
import { volumeRoutes } from '../api/volumes.ts';
import type { World } from '../world/world.ts';

/** Why a person's command ended early. */
export class HandError extends Error {}

export interface Hands {
  readonly world: World;
  /** As the person asks, about nothing yet. */
  call(): RequestContext;
  /** The body of the answer. Throws the platform's Refusal. */
  ask(method: string, path: string, body?: unknown, nonce?: string): Promise<unknown>;
  sleep(ms: number): Promise<void>;
}

const owner = 'human@example.com';
const routes: readonly Route[] = [
  ...machineRoutes,
  ...actionRoutes,
  ...metadataRoutes,
  ...leaseRoutes,
  ...volumeRoutes,
  ...secretRoutes,
  ...addressRoutes,
];

export function handsOf(world: World): Hands {
  const router = compiledRouter(routes);
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      world.after(ms, resolve);
    });
  const call = (): RequestContext => ({
    world,
    grant: { id: 'human', organizations: [...world.organizations.keys()], owner, readOnly: false },
    params: {},
    query: new URLSearchParams(),
    body: undefined,
    content: noContent,
    nonce: undefined,
    pause: (ms) => sleep(ms).then(() => true),
  });
  return {
    world,
    sleep,
    call,
    async ask(method, target, sent, nonce) {
      const [path = '', search] = target.split('?');
      const match = router.match(method, path);
      if (match?.route === undefined) throw new HandError(`nobody answers ${method} ${path}`);
      // Over the wire nothing is shared.
      const body = sent === undefined ? undefined : structuredClone(sent);
      const query = new URLSearchParams(search);
      const reply = await match.route.handle({ ...call(), params: match.params, query, body, nonce });
      return reply.body;
    },
  };
}

export function pathOf(machine: Machine): string {
  return `/apps/${machine.app.name}/machines/${machine.id}`;
}

export function appNamed(world: World, name: string): App {
  const app = world.apps.get(name);
  if (app === undefined) throw new HandError(`Could not find App "${name}"`);
  return app;
}

/** By id or name, not destroyed. */
export function machineNamed(app: App, name: string): Machine {
  const machine = app.machines.get(app.machineNames.get(name) ?? name);
  if (machine === undefined || machine.state === 'destroyed') {
    throw new HandError(`machine ${name} not found in app ${app.name}`);
  }
  return machine;
}

const ownHelpers: ReadonlySet<string> = new Set(['fly_app_release_command', 'fly_app_console']);

/** The machines that flyctl takes for its own, sorted by id as it does. */
export function launchMachines(app: App): readonly Machine[] {
  return [...app.machines.values()]
    .filter(({ state, config: { metadata } }) => {
      if (state === 'destroyed' || state === 'destroying' || metadata?.['fly_platform_version'] !== 'v2') return false;
      return !ownHelpers.has(metadata['fly_process_group'] ?? '');
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** The words of a refusal or an error, for the person. */
export function wordsOf(error: unknown): string {
  if (error instanceof Refusal && isObject(error.body)) {
    const words = error.body['message'] ?? error.body['error'];
    return typeof words === 'string' ? words : error.message;
  }
  return error instanceof Error ? error.message : String(error);
}
