import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { arena, type Arena, type Files } from '../controllers/arena.ts';
import { run } from '../cli/terminal.ts';
import { pushPayload, sign } from '../server/serving.ts';
import { fakeFlyctl, type FakeFlyctl } from '../servers/fake-flyctl.ts';
import {
  makeBareRepository,
  startGitServer,
  temporaryFolder,
  type BareRepository,
  type FileChange,
} from '../servers/git-server.ts';

interface Stage {
  readonly world: Arena;
  readonly flyctl: FakeFlyctl;
  readonly source: BareRepository;
  /** Of the source's repository. */
  readonly url: string;
}

const secret = 'a-webhook-secret-of-this-test';

/** The apps of a config folder are built from a repository on a git server. */
async function stage(config: (repo: string) => Files, source: Readonly<Record<string, FileChange>>): Promise<Stage> {
  const folder = temporaryFolder('flycd-git-builds-');
  const root = join(folder.path, 'repositories');
  mkdirSync(root);
  const repository = makeBareRepository(root, 'shop.git');
  repository.commit(source);
  const server = await startGitServer({ root });
  const flyctl = fakeFlyctl(folder.path);
  const world = await arena({ env: { FLYCTL_PATH: flyctl.path, FLYCD_WEBHOOK_SECRET: secret } });
  onTestFinished(async () => {
    await world.close();
    await server.close();
    folder.remove();
  });
  const url = `${server.url}/shop.git`;
  world.write({ 'flycd.yaml': 'fleet: shop\n', ...config(url) });
  return { world, flyctl, source: repository, url };
}

const app = (name: string, repo: string, more = ''): string => `app: ${name}
primary_region: arn
source:
  type: git
  repo: ${repo}
  path: service
machines: { count: 1 }
${more}`;

const files = { 'service/Dockerfile': 'FROM scratch\n', 'service/main.js': '1\n', README: 'one\n' };

/** Of machines that run. */
function running({ simulator }: Arena): readonly string[] {
  return [...simulator.world.apps]
    .flatMap(([name, { machines }]) =>
      [...machines.values()]
        .filter(({ state }) => state === 'started')
        .map(({ imageRef, config }) => `${name} ${imageRef.digest} ${config.env?.['FLYCD_APP_VERSION']}`),
    )
    .toSorted();
}

// Real children: git, its server and a builder.
const patience = { timeout: 90_000 };

test(
  'one repository, three environments: a README builds nothing, a file of the service builds once',
  patience,
  async () => {
    const names = ['shop-dev', 'shop-prod', 'shop-staging'];
    const config = (repo: string) => Object.fromEntries(names.map((name) => [`${name}/app.yaml`, app(name, repo)]));
    const { world, flyctl, source } = await stage(config, files);
    expect(await world.flycd(['sync', '--once'])).toMatchObject({ code: 0 });
    const first = running(world);
    expect(first).toHaveLength(3);
    expect(new Set(first.map((line) => line.split(' ')[1])).size).toBe(1);
    source.commit({ README: 'two\n' });
    const writes = world.simulator.world.writes().length;
    expect(await world.flycd(['sync', '--once'])).toMatchObject({ code: 0 });
    expect(world.simulator.world.writes()).toHaveLength(writes);
    expect(flyctl.calls()).toHaveLength(1);
    source.commit({ 'service/main.js': '2\n' });
    expect(await world.flycd(['sync', '--once'])).toMatchObject({ code: 0 });
    expect(flyctl.calls()).toHaveLength(2);
    const second = running(world);
    expect(new Set(second.map((line) => line.split(' ')[1])).size).toBe(1);
    expect(second.filter((line) => first.includes(line))).toEqual([]);
  },
);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 5000; tries += 1) {
    const seen = look();
    if (seen !== undefined && seen !== false) return seen;
    await sleep(10);
  }
  throw new Error('it did not happen');
}

test(
  'a commit during a build stops it, and the newer one is built and runs; image apps do not wait',
  patience,
  async () => {
    const web = 'app: web\nprimary_region: arn\nbuild: { image: "nginx:1" }\nmachines: { count: 1 }\n';
    const hanging = { ...files, 'service/Dockerfile': 'FROM scratch\nRUN hang\n' };
    const config = (repo: string) => ({ 'shop/app.yaml': app('shop', repo), 'web/app.yaml': web });
    const { world, flyctl, source, url } = await stage(config, hanging);
    const settings = join(world.folder, '..', 'settings.yaml');
    writeFileSync(settings, 'concurrency: 1\n');
    const stop = new AbortController();
    let told = '';
    const lines = () =>
      told
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, string>);
    const state = join(world.folder, '..', 'serving');
    const env = {
      ...world.simulator.environment,
      FLYCTL_PATH: flyctl.path,
      FLYCD_WEBHOOK_SECRET: secret,
      FLYCD_EVIDENCE_KEY: 'the same key for every FlyCD of this test',
      XDG_STATE_HOME: state,
    };
    const argv = ['serve', world.folder, '-p', '0', '-i', '127.0.0.1', '--settings', settings];
    const serving = run(argv, {
      env,
      cwd: world.folder,
      clock: world.clock,
      fetch: globalThis.fetch,
      signal: stop.signal,
      onStderr: (text) => {
        told += text;
      },
    });
    const address = await until(() => lines().find(({ msg }) => msg === 'listening')?.['url']);
    await until(() => flyctl.calls().length === 1 && lines().some(({ line }) => line?.includes('Building image')));
    // One place, and the build has it not: time stands still here while it runs, so the other app begins and gets no further.
    await until(() => world.simulator.world.apps.has('web'));
    source.commit({ 'service/Dockerfile': 'FROM scratch\n' });
    const body = pushPayload({}, { clone_url: url });
    const delivered = await fetch(`${address}/webhook`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': 'one',
        'x-hub-signature-256': sign(body, secret),
      },
    });
    expect(delivered.status).toBe(202);
    await until(() => running(world).some((line) => line.startsWith('shop ')));
    expect(flyctl.calls()).toHaveLength(2);
    expect(lines().some(({ detail }) => detail?.includes('git says something newer of it'))).toBe(true);
    await until(() => !isAlive(flyctl.calls()[0]?.pid ?? 0));
    await until(() => running(world).some((line) => line.startsWith('web ')));
    stop.abort(new Error('stopped by SIGTERM'));
    expect((await serving).code).toBe(0);
    const left = join(state, 'flycd', 'builds');
    expect(existsSync(left) ? readdirSync(left) : []).toEqual([]);
  },
);
