/** Every call that FlyCD can make of Fly, written down as it leaves for the network. */
import type { FlyWriter } from '../../../src/fly/api.ts';
import { createFlyWriter } from '../../../src/fly/client.ts';
import { createTransport } from '../../../src/fly/http/transport.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { Redactor, SecretValue } from '../../../src/model/base/secret-value.ts';
import { keyPaths } from './key-paths.ts';

const [app, machine, volume, org, nonce] = ['{app}', '{machine}', '{volume}', '{org}', '{nonce}'];
const config = { image: '{image}' };
const ask = { states: ['started'], version: '{version}', timeoutSeconds: 1 };

/** One of each: a new method does not compile before it is here. How far Fly's clock is ahead is known without a call. */
function everyCall(fly: FlyWriter): Readonly<Record<Exclude<keyof FlyWriter, 'aheadMs'>, () => Promise<unknown>>> {
  return {
    app: () => fly.app(app),
    apps: () => fly.apps(org),
    machines: () => fly.machines(app, { includeDeleted: true }),
    machine: () => fly.machine(app, machine),
    machineVersions: () => fly.machineVersions(app, machine),
    wait: () => fly.wait(app, machine, ask),
    volumes: () => fly.volumes(app),
    volume: () => fly.volume(app, volume),
    secrets: () => fly.secrets(app),
    addresses: () => fly.addresses(app),
    certificates: () => fly.certificates(app),
    releases: () => fly.releases(app),
    orgMachines: () => fly.orgMachines(org),
    regions: () => fly.regions(),
    organizations: () => fly.organizations(),
    createApp: () => fly.createApp({ name: app, org, network: '{network}' }),
    deleteApp: () => fly.deleteApp(app),
    createMachine: () => fly.createMachine(app, { name: '{name}', config }),
    updateMachine: () => fly.updateMachine(app, machine, { config, current_version: '{version}' }, nonce),
    startMachine: () => fly.startMachine(app, machine, nonce),
    stopMachine: () => fly.stopMachine(app, machine, nonce),
    restartMachine: () => fly.restartMachine(app, machine, nonce),
    destroyMachine: () => fly.destroyMachine(app, machine, nonce),
    cordonMachine: () => fly.cordonMachine(app, machine, nonce),
    uncordonMachine: () => fly.uncordonMachine(app, machine, nonce),
    patchMetadata: () => fly.patchMetadata(app, machine, { '{key}': '{value}' }),
    acquireLease: () => fly.acquireLease(app, machine, { ttlSeconds: 1, description: '{description}' }),
    refreshLease: () => fly.refreshLease(app, machine, nonce, { ttlSeconds: 1, patienceMs: 1000 }),
    releaseLease: () => fly.releaseLease(app, machine, nonce),
    lease: () => fly.lease(app, machine),
    createRelease: () => fly.createRelease(app, { definition: {}, image: '{image}', strategy: 'rolling' }),
    updateRelease: () => fly.updateRelease(app, '{release}', 'complete'),
    createVolume: () => fly.createVolume(app, { name: '{name}', region: '{region}', size_gb: 1 }),
    extendVolume: () => fly.extendVolume(app, volume, 2),
    configureVolume: () => fly.configureVolume(app, volume, { snapshotRetentionDays: 1, scheduledSnapshots: true }),
    setSecrets: () => fly.setSecrets(app, { '{name}': new SecretValue('{value}') }),
    allocateAddress: () => fly.allocateAddress(app, { type: 'v6', region: '{region}' }),
    releaseAddress: () => fly.releaseAddress(app, '{address}'),
  };
}

/** `POST /v1/apps/{app}/secrets ?query body: keys` of each call, and the names of all headers. */
export async function sentCalls(): Promise<{ readonly calls: readonly string[]; readonly headers: readonly string[] }> {
  const calls: string[] = [];
  const headers: string[] = [];
  const record: typeof fetch = (input, init) => {
    const { pathname, searchParams } = new URL(input instanceof Request ? input.url : input);
    const body = typeof init?.body === 'string' ? keyPaths(JSON.parse(init.body)) : [];
    const query = [...new Set(searchParams.keys())];
    const parts = [
      query.length === 0 ? '' : ` ?${query.join('&')}`,
      body.length === 0 ? '' : ` body: ${body.join(' ')}`,
    ];
    calls.push(`${init?.method ?? 'GET'} ${decodeURIComponent(pathname)}${parts.join('')}`);
    headers.push(...new Headers(init?.headers).keys());
    return Promise.resolve(
      Response.json(
        { machines: [], next_cursor: '{cursor}' },
        { status: isFirstPage(pathname, searchParams) ? 200 : 400 },
      ),
    );
  };
  const clock = new IdleClock();
  const transport = createTransport({
    baseUrl: 'https://machines.example',
    webBaseUrl: 'https://web.example',
    token: 'fm2_token',
    fetch: record,
    clock,
    log: silentLog,
    userAgent: 'flycd/0',
    redactor: new Redactor(),
    random: () => 0,
  });
  // What it is answered is refused: only what was asked counts.
  for (const call of Object.values(everyCall(createFlyWriter(transport)))) await call().catch(() => undefined);
  return { calls, headers };
}

/** Of the one list that has pages, so that the next is asked for. */
function isFirstPage(pathname: string, query: URLSearchParams): boolean {
  return decodeURIComponent(pathname).endsWith('/orgs/{org}/machines') && !query.has('cursor');
}
