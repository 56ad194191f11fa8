import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { fetchFrom, newProcess, run, type Ran } from '../cli/terminal.ts';
import { makeBareRepository } from '../servers/git-server.ts';
import { mortal, type Death } from './mortal.ts';

export type Files = Readonly<Record<string, string>>;

/** Environment of one command beside the arena's. */
type Variables = Readonly<Record<string, string>>;

/** Another config than the arena's own, and what its FlyCD has of its own in the environment. */
export interface Elsewhere {
  readonly path: string;
  readonly env: Variables;
}

/** A Fly of its own on virtual time, a config folder, and FlyCDs that may die. */
export interface Arena {
  readonly clock: IdleClock;
  readonly simulator: Simulator;
  readonly folder: string;
  /** Data directory of the FlyCD that has no other name. */
  readonly stateFolder: string;
  write(files: Files): void;
  /** Takes a file or folder out of the config. */
  remove(path: string): void;
  /** Puts what no reader can read in the place of a file or folder: a link to nowhere, or a folder. */
  supplant(path: string, by: 'link' | 'folder'): void;
  /** Runs a command to its end. `state` names its data directory: another one is another FlyCD. */
  flycd(argv: readonly string[], state?: string, signal?: AbortSignal, more?: Variables): Promise<Ran>;
  /** The same with another path. */
  flycdAt(path: string, argv: readonly string[], state?: string): Promise<Ran>;
  /** Runs a command until it dies or ends; the number of calls it made, and method and path of the one at which it died. */
  mortalFlycd(
    argv: readonly string[],
    death?: Death,
    state?: string,
    elsewhere?: Elsewhere,
  ): Promise<{ readonly calls: number; readonly diedAt: string | undefined; readonly ran: Ran | undefined }>;
  /** One call as a person with the fleet's token makes it; its JSON, undefined where there is none. Throws what Fly refuses. */
  asPerson(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Loses the database of the FlyCD whose data directory has no other name, or this one. */
  forget(state?: string): void;
  /** Everything on Fly once leases have ended and machines on their way out are gone. */
  endState(): Promise<unknown>;
  close(): Promise<void>;
}

/** Leases end after 30 s, destroyed machines go within seconds: after this only what stays is left. */
const settledMs = 60_000;

const usualState = 'state';

/** An arena that has synced these commits one after the other, and has the last one before it. */
export async function prepared(before: readonly Files[], files: Files, options?: ArenaOptions): Promise<Arena> {
  const world = await arena(options);
  for (const commit of before) {
    world.write(commit);
    const { code, stderr } = await world.flycd(['sync', '--once']);
    if (code !== 0) throw new Error(stderr);
  }
  if (Object.keys(files).length > 0) world.write(files);
  return world;
}

export interface ArenaOptions {
  readonly seed?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Requests are served in an order that reruns alike. Default false. */
  readonly orderly?: boolean;
  /** true: the config is a bare git repository, and each write a commit. Default: a folder. */
  readonly repository?: boolean;
  /** What commands are given of the config folder. Default: the folder itself. */
  readonly path?: string;
  /** Who answers beside Fly, as an image registry does, or in its place. undefined: nobody but Fly. Default: nobody anywhere. */
  readonly others?: (url: URL, method: string) => Response | undefined;
}

/** In memory where there is such a place: a database is synced to its disk for each intent, and tests lose no power. */
const memoryFolder = '/dev/shm';

export async function arena(options: ArenaOptions = {}): Promise<Arena> {
  const folder = mkdtempSync(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), 'flycd-arena-'));
  const clock = new IdleClock();
  const simulator = await startSimulator({ clock, seed: options.seed ?? 1, orderly: options.orderly ?? false });
  const fetchUncounted = fetchFrom(simulator.url);
  /** Requests whose answer somebody waits for. */
  let awaited = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : String(input));
    const other = options.others?.(url, init?.method ?? 'GET');
    if (other !== undefined) return other;
    awaited += 1;
    try {
      return await fetchUncounted(input, init);
    } finally {
      awaited -= 1;
    }
  };
  const config = join(folder, 'config');
  const repository = options.repository === true ? makeBareRepository(folder, 'config.git') : undefined;
  const location = repository?.url ?? join(config, options.path ?? '');
  mkdirSync(config);
  const env = (state: string) => ({
    ...simulator.environment,
    FLYCD_EVIDENCE_KEY: 'the same key for every FlyCD of this test',
    // What config names is on this computer in tests.
    FLYCD_ALLOW_HOSTS: '127.0.0.0/8',
    ...options.env,
    XDG_STATE_HOME: join(folder, state),
    USER: 'alice',
  });
  return {
    clock,
    simulator,
    folder: config,
    stateFolder: join(folder, usualState),
    write(files) {
      repository?.commit(files);
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(config, path)), { recursive: true });
        writeFileSync(join(config, path), text);
      }
    },
    remove(path) {
      repository?.commit({ [path]: null });
      // A storm may have put something else in its place.
      rmSync(join(config, path), { recursive: true, force: true });
    },
    supplant(path, by) {
      const inFolder = `${path}/notes`;
      repository?.commit({ [path]: null });
      repository?.commit(by === 'link' ? { [path]: { link: 'nowhere' } } : { [inFolder]: 'notes' });
      const place = join(config, path);
      rmSync(place, { recursive: true, force: true });
      if (by === 'link') return symlinkSync('nowhere', place);
      mkdirSync(place);
      writeFileSync(join(config, inFolder), 'notes');
    },
    flycd: (argv, state = usualState, signal, more) =>
      run([...argv, location], {
        env: { ...env(state), ...more },
        cwd: folder,
        clock,
        fetch,
        ...(signal === undefined ? {} : { signal }),
      }),
    flycdAt: (path, argv, state = usualState) => run([...argv, path], { env: env(state), cwd: folder, clock, fetch }),
    async mortalFlycd(argv, death, state = usualState, elsewhere) {
      const process = mortal({ clock, fetch, fly: simulator.url }, death);
      const own = newProcess();
      void process.died.then(own.ended);
      const ended = run([...argv, elsewhere?.path ?? location], {
        env: { ...env(state), ...elsewhere?.env },
        cwd: folder,
        clock: process.clock,
        fetch: process.fetch,
        process: own,
      });
      const ran = await Promise.race([ended, process.died.then(() => undefined)]);
      // Time stands still until Fly has noticed that nobody waits for the answers any more; others' may be under way.
      if (ran === undefined) {
        await clock.busy(async () => {
          while (simulator.underway() > awaited) await nextTurn();
        });
      }
      return { calls: process.calls, diedAt: process.diedAt, ran };
    },
    asPerson: (method, path, body) =>
      clock.busy(async () => {
        for (;;) {
          const response = await globalThis.fetch(`${simulator.url}/v1${path}`, {
            method,
            headers: { authorization: `Bearer ${simulator.token}` },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          });
          const text = await response.text();
          if (response.ok) return text === '' ? undefined : (JSON.parse(text) as unknown);
          // FlyCD has just made such a call itself: a person tries again.
          if (response.status !== 429) throw new Error(`${method} ${path}: ${text}`);
          await clock.park(1000);
        }
      }),
    forget(state = usualState) {
      rmSync(join(folder, state), { recursive: true, force: true });
    },
    async endState() {
      await clock.sleep(settledMs);
      return withoutTimes(withoutRecords(simulator.world.endState()));
    },
    async close() {
      await simulator.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Which record on Fly told of a machine: an id by another name, and none where Fly was not told. */
const recordKeys: ReadonlySet<string> = new Set([
  'fly_release_id',
  'fly_release_version',
  'fly_flyctl_version',
  'flycd_release',
  'flycd_told',
  'flycd_first_release',
  // Calls of its last minute, with their times: who comes later looks only at those that are young enough.
  'flycd_calls',
]);

/** An end state without which records of releases there are: machines are the same without any. */
function withoutRecords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withoutRecords(item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => !recordKeys.has(key));
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutRecords(item)]));
}

/** Stamps of an app as a whole say when. */
export function withoutTimes(endState: unknown): unknown {
  const text = JSON.stringify(endState).replaceAll(
    /"flycd_(?:good|fulfilled|failed|hold|suspend)":"(?:[^"\\]|\\.)*"/g,
    (stamp) =>
      // What a person says twice counts on.
      stamp.replaceAll(/(?<![0-9a-f])\d{13}(?![0-9a-f])/g, 'then').replace(/(?<=count\\":)\d+/, '0'),
  );
  return JSON.parse(text) as unknown;
}

/** Everything that could be doubled or left half done: a secret, a volume, addresses, two groups, a check. */
export const walkFleet: Files = {
  'flycd.yaml': 'fleet: walk\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/library/caddy:2.10.2
env:
  GREETING: hello
processes:
  web: caddy run
  store: store
services:
  - internal_port: 8080
    protocol: tcp
    processes: [web]
    ports:
      - port: 80
        handlers: [http]
    http_checks:
      - path: /health
        interval: 5s
        timeout: 2s
mounts:
  - source: data
    destination: /data
    processes: [store]
checks:
  store:
    type: tcp
    port: 6379
    interval: 5s
    timeout: 2s
    processes: [store]
secrets:
  - name: PASSWORD
    type: raw
    raw: correct-horse
machines:
  groups:
    web:
      count: 2
    store:
      count: 1
network:
  ips:
    - v: v6
    - v: v4
`,
};

/** The same fleet with one thing written differently. */
export function changedFleet(from: string, to: string): Files {
  const text = walkFleet['shop/app.yaml'] ?? '';
  if (!text.includes(from)) throw new Error(`the fleet does not say ${from}`);
  return { 'shop/app.yaml': text.replace(from, to) };
}
