/** What a storm hears and reads of FlyCD itself: of its terminal, its requests, and what it leaves behind. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestRecord } from '../../../simulator/world/requests.ts';
import type { World } from '../../../simulator/world/world.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Exit codes that FlyCD has; 130 is a second request to stop. */
const exitCodes: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 130]);
const inside = /broke off|the simulator itself failed|no reconciler|TypeError|RangeError/;
/** As `secretValue` of fleet.ts makes them. */
const secret = /hush-\d+-hush/;

/** Neither the terminal nor an exit code may show that something broke inside, and nothing shows a secret. */
export function amiss({ code, stdout, stderr }: Ran, what: string): readonly string[] {
  const text = stdout + stderr;
  return [
    ...(exitCodes.has(code) ? [] : [`${what}: exit code ${code}`]),
    ...(inside.test(text) ? [`${what}: something broke inside: ${text}`] : []),
    ...(secret.test(text) ? [`${what}: a secret was printed: ${text}`] : []),
  ];
}

/** `diff` never writes. */
export function written(requests: readonly Readonly<RequestRecord>[]): readonly string[] {
  const writes = requests.filter(({ method }) => method !== 'GET').map(({ template }) => template);
  return writes.length === 0 ? [] : [`diff wrote: ${writes.join(', ')}`];
}

/** Values of secrets are where they belong: not in a URL, on a machine, in a release, or in FlyCD's own database. */
export function exposed(world: World, folder: string): readonly string[] {
  const paths = world.requests.filter(({ path }) => secret.test(path)).map(({ path }) => `a secret in a URL: ${path}`);
  const apps = [...world.apps.values()];
  const machines = apps
    .flatMap((app) => [...app.machines.values()])
    .filter(({ config, versions }) => secret.test(JSON.stringify([config, versions])))
    .map(({ app, name }) => `${app.name}: a secret in the config of ${name}`);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => secret.test(readFileSync(path, 'latin1')))
    .map((path) => `a secret in ${path.slice(folder.length + 1)}`);
  return [...paths, ...machines, ...files];
}
