import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { arena, type Arena, type Files } from '../controllers/arena.ts';
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
}

/** The apps of a config folder are built from a repository on a git server. */
async function stage(config: (repo: string) => Files, source: Readonly<Record<string, FileChange>>): Promise<Stage> {
  const folder = temporaryFolder('flycd-git-builds-');
  const root = join(folder.path, 'repositories');
  mkdirSync(root);
  const repository = makeBareRepository(root, 'shop.git');
  repository.commit(source);
  const server = await startGitServer({ root });
  const flyctl = fakeFlyctl(folder.path);
  const world = await arena({ env: { FLYCTL_PATH: flyctl.path } });
  onTestFinished(async () => {
    await world.close();
    await server.close();
    folder.remove();
  });
  const url = `${server.url}/shop.git`;
  world.write({ 'flycd.yaml': 'fleet: shop\n', ...config(url) });
  return { world, flyctl, source: repository };
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
