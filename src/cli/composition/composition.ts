import { join } from 'node:path';
import type { FlyReader, FlyWriter } from '../../fly/api.ts';
import type { Transport } from '../../fly/http/transport.ts';
import type { HostGuard } from '../../http/guard.ts';
import { defaultConcurrency } from '../../loop/loop.ts';
import { allEnded } from '../../model/base/ending.ts';
import { Fault } from '../../model/base/fault.ts';
import type { DesiredFleet } from '../../model/desired.ts';
import { namesOf } from '../../model/names.ts';
import type { FleetOwner } from '../../model/stamps/owner.ts';
import type * as database from '../../record/database.ts';
import type { Evidence } from '../../record/evidence.ts';
import type { Store, StoreReader } from '../../record/store.ts';
import { isGitLocation } from '../../sources/tree/location.ts';
import { hostGuard } from './allowed-hosts.ts';
import type { Images } from './images.ts';
import { flyToken, variable, type Io } from '../shell/io.ts';
import type { ConfigOptions, Invocation } from '../shell/invocation.ts';
import { createLoading, type Loaded, type LoadRequest } from './loading.ts';
import { settingsOfConfig } from './settings-of-config.ts';
import { locateConfig, locateData, readSettings, type OperatorSettings } from './settings.ts';
import { unlessAborted } from '../shell/stopping.ts';
import { version } from '../shell/version.ts';

const flyBaseUrl = 'https://api.machines.dev';
const flyWebBaseUrl = 'https://api.fly.io';
const databaseFile = 'flycd.db';

/**
 * The pieces of one command, each made when it is first asked for and imported no earlier: `validate` never loads
 * SQLite, `status` never the Fly client.
 */
export interface Composition extends Invocation {
  readonly options: ConfigOptions;
  readonly settings: OperatorSettings;
  /** The fleet that the operator's settings name for this config. */
  readonly fleet: string | undefined;
  readonly concurrency: number;
  /** FLY_ORG, or --org. */
  readonly flyOrg: string | undefined;
  /** Names this process in leases, and to others that wait for its runs. */
  readonly instance: string;
  /** Who started the command, for the history. */
  readonly actor: string;
  /**
   * Reads the config repo anew; what has not changed since the last time is not read again.
   * Throws a stalled Fault where no config repo was named or it cannot be read.
   */
  load(request: LoadRequest): Promise<Loaded>;
  /** Throws a stalled Fault without a token. */
  reader(): Promise<FlyReader>;
  writer(): Promise<FlyWriter>;
  store(fleet: DesiredFleet): Promise<Store>;
  /** The same for whoever changes nothing. */
  storeReader(fleet: DesiredFleet): Promise<StoreReader>;
  /** For reading: the rows of an owner, or those under just this name. */
  rows(fleet: FleetOwner | string): Promise<StoreReader>;
  /** undefined in `read` mode where there is no key yet. */
  evidence(mode: 'write'): Promise<Evidence>;
  evidence(mode: 'read'): Promise<Evidence | undefined>;
  /** Throws a stalled Fault for a registry that is none. */
  images(): Promise<Images>;
  /** Closes what was opened. */
  close(): Promise<void>;
}

/** Reads the settings; makes nothing else yet. */
async function compose(
  invocation: Invocation,
  config: string | undefined,
  options: ConfigOptions,
): Promise<Composition> {
  const { io, redactor, log } = invocation;
  const settings = await readSettings(io, options.settings);
  const fleet = fleetOf(io, settings, config);
  const dataDirectory = (): string => locateData(io, settings, options.dataDir);
  const stores: StoreReader[] = [];
  const instance = instanceName(invocation);
  const transport = once(() => createFlyTransport(invocation));
  let guard: HostGuard | undefined;
  const hosts = (): HostGuard => (guard ??= hostGuard(io, settings));
  const loading = createLoading({ invocation, config, options, settings, hosts, dataDirectory });

  async function opened<Opened extends StoreReader>(
    parts: Pick<database.StoreOptions, 'fleet' | 'names'>,
    opening: (record: typeof database) => (options: database.StoreOptions) => Opened,
  ): Promise<Opened> {
    const record = await io.clock.busy(() => import('../../record/database.ts'));
    const path = join(dataDirectory(), databaseFile);
    const { clock, host } = io;
    const open = (): Opened => opening(record)({ ...parts, path, clock, redactor, instance, host });
    const store = await record.patiently({ clock, path }, open);
    stores.push(store);
    return store;
  }

  async function evidence(mode: 'write'): Promise<Evidence>;
  async function evidence(mode: 'read'): Promise<Evidence | undefined>;
  async function evidence(mode: 'read' | 'write'): Promise<Evidence | undefined> {
    const { createEvidence, loadEvidenceKey } = await io.clock.busy(() => import('../../record/evidence.ts'));
    const configured = variable(io.env, 'FLYCD_EVIDENCE_KEY');
    const key = loadEvidenceKey({ configured, directory: dataDirectory(), create: mode === 'write' });
    return key === undefined ? undefined : createEvidence({ key });
  }

  return {
    io,
    redactor,
    log,
    options,
    settings,
    fleet,
    concurrency: settings.written.concurrency ?? defaultConcurrency,
    flyOrg: options.org ?? variable(io.env, 'FLY_ORG'),
    instance,
    actor: actorOf(invocation),
    // git may hang for as long as a fetch may take: who asks FlyCD to stop does not wait for that.
    load: (request) => unlessAborted(io.signal, loading.load(request)),
    async reader() {
      const { createFlyReader } = await io.clock.busy(() => import('../../fly/client.ts'));
      return createFlyReader(await transport());
    },
    async writer() {
      const { createFlyWriter } = await io.clock.busy(() => import('../../fly/client.ts'));
      return createFlyWriter(await transport());
    },
    store: (fleet) => opened({ fleet, names: namesOf(fleet) }, ({ openStore }) => openStore),
    storeReader: (fleet) => opened({ fleet, names: namesOf(fleet) }, ({ openStoreReader }) => openStoreReader),
    rows: (fleet) => opened({ fleet }, ({ openStoreReader }) => openStoreReader),
    evidence,
    images: once(async () => {
      const { createImages } = await io.clock.busy(() => import('./images.ts'));
      return createImages(invocation, { hosts, dataDirectory });
    }),
    async close() {
      loading.close();
      await allEnded(stores.splice(0).map((store) => store.close()));
    },
  };
}

/** The fleet that the operator's settings name for this config. */
function fleetOf(io: Io, settings: OperatorSettings, config: string | undefined): string | undefined {
  if (config === undefined) return settings.written.fleet;
  return settingsOfConfig(settings, locateConfig(io, settings, config, isGitLocation)).written.fleet;
}

/** Composes for one piece of work and closes what that opened, however it ends. */
export async function composed<T>(
  invocation: Invocation,
  config: string | undefined,
  options: ConfigOptions,
  work: (composition: Composition) => Promise<T>,
): Promise<T> {
  const composition = await compose(invocation, config, options);
  try {
    return await work(composition);
  } finally {
    await composition.close();
  }
}

/** In CI whoever started the workflow, not the runner's own login. */
function actorOf({ io }: Invocation): string {
  const names = ['GITHUB_ACTOR', 'USER', 'LOGNAME'];
  return names.map((name) => variable(io.env, name)).find((name) => name !== undefined) ?? 'unknown';
}

/** Remembers the first result. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** On Fly the machine's id; elsewhere the host with four random digits: two processes on one host are told apart. */
function instanceName({ io }: Invocation): string {
  const machine = variable(io.env, 'FLY_MACHINE_ID');
  if (machine !== undefined) return machine;
  const digits = Math.floor(io.random() * 0x10000)
    .toString(16)
    .padStart(4, '0');
  return `${io.host.name}-${digits}`;
}

async function createFlyTransport({ io, redactor, log }: Invocation): Promise<Transport> {
  const token = flyToken(io);
  if (token === undefined) {
    throw new Fault({
      kind: 'stalled',
      what: 'there is no token for Fly',
      why: 'neither FLY_API_TOKEN nor FLY_ACCESS_TOKEN is set',
      next: 'export FLY_API_TOKEN="$(fly tokens create org)"; for `flycd diff` a read-only one will do',
    });
  }
  const { createTransport } = await io.clock.busy(() => import('../../fly/http/transport.ts'));
  return createTransport({
    baseUrl: variable(io.env, 'FLY_FLAPS_BASE_URL') ?? flyBaseUrl,
    webBaseUrl: variable(io.env, 'FLY_UIEX_BASE_URL') ?? flyWebBaseUrl,
    token,
    fetch: io.fetch,
    clock: io.clock,
    log,
    userAgent: `flycd/${version}`,
    redactor,
    random: io.random,
  });
}

/** Whose history is asked for: --fleet, as `history` calls it, else flycd.yaml's, else the config's own, which has to be read for it. */
export async function historyAsked(
  composition: Composition,
  flag: string | undefined,
): Promise<{ readonly fleet: string; readonly store: StoreReader }> {
  if (flag !== undefined) return { fleet: flag, store: await composition.rows(flag) };
  const named = composition.fleet;
  // That it is written is known; from which repo, and how it would be called unwritten, is not worth reading all of the config.
  if (named !== undefined) return { fleet: named, store: await composition.rows({ name: named, unwritten: named }) };
  const { fleet } = await composition.load({ offline: true });
  return { fleet: fleet.name, store: await composition.storeReader(fleet) };
}
