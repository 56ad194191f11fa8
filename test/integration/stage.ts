import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import type { MachineSnapshot } from '../../simulator/world/snapshot.ts';
import { systemClock } from '../../src/model/base/clock.ts';
import { pushPayload, secret, sign } from '../server/serving.ts';
import { makeBareRepository, startGitServer, temporaryFolder, type BareRepository } from '../servers/git-server.ts';
import { startFlycd, type FlycdProcess } from './flycd-process.ts';

/** Where cleaning up is registered: `onTestFinished` of vitest, or of one concurrent test. */
export type OnEnd = (clean: () => Promise<void> | void) => void;

/** A real git host and a simulated Fly in real time, for FlyCD as processes of their own. */
export interface Stage {
  readonly simulator: Simulator;
  readonly repository: BareRepository;
  /** Of the config repo, over HTTP. */
  readonly url: string;
  /** For whatever the test needs. */
  readonly folder: string;
  /** true: git requests, of one path where it is named, are taken and not answered; false lets go of the ones held. */
  holdGit(hold: boolean, path?: string): void;
  /** How many git requests wait for an answer. */
  heldGit(): number;
  /** How many git requests were answered. */
  answeredGit(): number;
  /** Once so many more are. */
  afterGit(more: number): Promise<void>;
  /** Writes the operator's flycd.yaml: settings.yaml in the folder that everything runs in. */
  settings(text: string): void;
  /** Runs `flycd`; processes of one `state` share a database. */
  run(argv: readonly string[], env?: Readonly<Record<string, string>>, state?: string): FlycdProcess;
  /** `serve` on the config repo, listening on a free port of the loopback interface, with webhooks unless told otherwise. */
  serve(options?: ServeOptions): Service;
  machines(app: string): readonly MachineSnapshot[];
  /** The value of one variable on each machine of an app, in the order of their names. */
  env(app: string, name: string): readonly (string | undefined)[];
  /** Reads the database of `state` while somebody else may write it. */
  rows(sql: string, state?: string): readonly unknown[];
}

interface ServeOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly argv?: readonly string[];
  readonly state?: string;
}

export interface Service extends FlycdProcess {
  /** Once it listens: http://127.0.0.1:port */
  url(): Promise<string>;
  /** Once every machine change of that commit is done for an app. */
  synced(app: string, revision: string): Promise<void>;
  /** A push as GitHub tells of it, signed with the secret of `serve`. */
  push(changes?: PushChanges): Promise<{ readonly status: number; readonly body: unknown }>;
}

interface PushChanges {
  readonly ref?: string;
  readonly delivery?: string;
  /** `null` sends none. */
  readonly signature?: string | null;
}

const stateDefault = 'state';

export async function startStage(files: Readonly<Record<string, string>>, onEnd: OnEnd): Promise<Stage> {
  const temporary = temporaryFolder('flycd-integration-');
  onEnd(() => temporary.remove());
  const folder = temporary.path;
  mkdirSync(join(folder, 'home'));
  const repository = makeBareRepository(join(folder, 'git'), 'acme/fleet.git');
  repository.commit(files);
  const simulator = await startSimulator({ clock: systemClock });
  onEnd(() => simulator.close());
  const gate = gitGate();
  const git = await startGitServer({
    root: join(folder, 'git'),
    before: (request, response) => gate.takes(request, response),
  });
  onEnd(() => git.close());
  const url = `${git.url}/acme/fleet.git`;
  const machines = (app: string): readonly MachineSnapshot[] =>
    simulator.world.snapshot().find((one) => one.name === app)?.machines ?? [];

  function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}, state = stateDefault) {
    const child = startFlycd(argv, {
      cwd: folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: join(folder, 'home'),
        XDG_STATE_HOME: join(folder, state),
        // Of every stage alike: what machines carry of secrets is part of what is compared.
        FLYCD_EVIDENCE_KEY: 'the same key for every stage',
        ...simulator.environment,
        FLYCD_ALLOW_HOSTS: '127.0.0.0/8',
        ...env,
      },
    });
    onEnd(async () => {
      gate.hold(false);
      await child.kill();
    });
    return child;
  }

  return {
    simulator,
    repository,
    url,
    folder,
    holdGit: (hold, path) => gate.hold(hold, path),
    heldGit: () => gate.held(),
    answeredGit: () => gate.answered(),
    async afterGit(more) {
      const wanted = gate.answered() + more;
      await eventually(() => gate.answered() >= wanted, `git answers ${more} requests`);
    },
    settings: (text) => writeFileSync(join(folder, 'settings.yaml'), text),
    run,
    serve({ env, argv = [], state } = {}) {
      const words = ['serve', url, '--webhook-interface', '127.0.0.1', '--webhook-port', '0', ...argv];
      return serviceOf(run(words, { FLYCD_WEBHOOK_SECRET: secret, ...env }, state), url);
    },
    machines,
    env: (app, name) => machines(app).map((machine) => (machine.config satisfies MachineConfig).env?.[name]),
    rows(sql, state = stateDefault) {
      const database = new Sqlite(join(folder, state, 'flycd', 'flycd.db'), { readonly: true });
      try {
        return database.prepare(sql).all();
      } finally {
        database.close();
      }
    },
  };
}

/** Git requests wait here while it is shut. */
function gitGate() {
  const waiting = new Set<ServerResponse>();
  /** Where requests wait; undefined: nowhere. */
  let shut: string | undefined;
  let answered = 0;
  return {
    takes({ url = '' }: IncomingMessage, response: ServerResponse): boolean {
      response.on('finish', () => {
        answered += 1;
      });
      if (shut === undefined || !url.startsWith(shut)) return false;
      waiting.add(response);
      response.on('close', () => waiting.delete(response));
      return true;
    },
    hold(hold: boolean, path = ''): void {
      shut = hold ? path : undefined;
      if (!hold) for (const response of waiting) response.destroy();
    },
    held: () => waiting.size,
    answered: () => answered,
  };
}

function serviceOf(child: FlycdProcess, repository: string): Service {
  const url = (): Promise<string> =>
    eventually(() => child.lines().find((line) => line.msg === 'listening')?.url, 'it listens', child);
  return {
    ...child,
    url,
    async synced(app, revision) {
      const isIt = ({ msg, ...line }: { readonly msg: string; readonly app?: string; readonly revision?: string }) =>
        msg === 'pass done' && line.app === app && line.revision === revision;
      const done = await eventually(() => child.lines().findLast(isIt), `${app} has had its pass`, child);
      if (done.status !== 'synced') throw new Error(`${app} is ${done.status}\n${child.told()}`);
    },
    async push({ ref = 'refs/heads/main', delivery = crypto.randomUUID(), signature } = {}) {
      const body = pushPayload({ ref }, { clone_url: repository });
      const headers: Record<string, string> = {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': delivery,
      };
      if (signature !== null) headers['x-hub-signature-256'] = signature ?? sign(body);
      const response = await fetch(`${await url()}/webhook`, { method: 'POST', body, headers });
      return { status: response.status, body: await response.json() };
    },
  };
}

const lookEveryMs = 20;
/** More than anything here takes on a busy machine; what has a bound of its own measures it. */
const eventuallyMs = 60_000;

/** Looks until there is something to see. Fails with what the process said. */
export async function eventually<T>(
  look: () => T | undefined | false,
  what: string,
  child?: Pick<FlycdProcess, 'told'>,
): Promise<T> {
  const until = performance.now() + eventuallyMs;
  while (performance.now() < until) {
    const seen = look();
    if (seen !== undefined && seen !== false) return seen;
    await sleep(lookEveryMs);
  }
  throw new Error(`it did not happen that ${what}\n${child?.told() ?? ''}`);
}
