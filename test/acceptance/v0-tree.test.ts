import { onTestFinished, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../controllers/arena.ts';

/** A config repo as people have it from the Go version: every field it knew, in one tree. */
const tree: Files = {
  'projects/base/project.yaml': `project: base
source:
  type: local
common:
  substitutions:
    REGION: arn
    "image-(\\\\w+)": "docker.io/library/$1"
    "@@(\\\\w+)@@": "\${1}-sub"
  app_defaults:
    org: personal
    env:
      FROM_DEFAULTS: a
      SHARED: default
    deploy_params: [--ha=false]
  app_overrides:
    env:
      SHARED: override
    services:
      - internal_port: 9090
        protocol: tcp
        ports: [{ port: 9090 }]
`,
  'projects/base/web/app.yaml': `app: v0-web
primary_region: REGION
source:
  type: inline-docker-file
  inline: |
    FROM nginx
    COPY . .
merge_cfg:
  all: false
  include: [nginx.conf]
extra_regions: [ams, fra]
machines:
  count: 2
  count_per_region: { fra: 1 }
  ram_mb: 512
  cpu_cores: 2
  cpu_type: shared
env:
  NAME: "@@web@@"
  SHARED: app
secrets:
  - { name: RAWSECRET, type: raw, raw: hunter2hunter2 }
  - { name: ENVSECRET, type: env, env: V0_SECRET }
network:
  auto_prune_ips: true
  ips:
    - { v: v4, shared: true }
    - { v: v6, private: true }
launch_params: [--no-deploy]
deploy_params: [--wait-timeout, "600"]
services:
  - internal_port: 8080
    protocol: tcp
    ports: [{ port: 80, handlers: [http] }]
http_service:
  internal_port: 8081
  force_https: true
`,
  'projects/base/web/nginx.conf': 'events {}\n',
  'projects/base/db/app.yaml': `app: v0-db
primary_region: REGION
source: { type: local }
build: { image: image-redis }
mounts:
  - { source: data, destination: /data }
volumes:
  - { name: data, size_gb: 3, count: 2 }
machines: { count: 1, ram_mb: 1024, cpu_cores: 1, cpu_type: shared }
kill_timeout: 20
`,
  'projects/base/inner/project.yaml': `project: inner
source: { type: local }
common:
  app_defaults:
    primary_region: ams
    env: { SHARED: inner-default }
`,
  'projects/base/inner/worker/app.yaml': 'app: v0-worker\nsource: { type: local }\n',
  'projects/base/inner/worker/Dockerfile': 'FROM scratch\n',
};

interface DiffedApp {
  readonly app: string;
  readonly status: string;
  readonly steps: readonly { readonly kind: string; readonly target: string }[];
  readonly holds: readonly { readonly reason: string; readonly steps: readonly { readonly target: string }[] }[];
}

async function diffed(world: Arena): Promise<readonly DiffedApp[]> {
  const { stdout } = await world.flycd(['diff', '--output', 'json']);
  return (JSON.parse(stdout) as { readonly apps: readonly DiffedApp[] }).apps;
}

async function open(files: Files, env: Readonly<Record<string, string>> = {}): Promise<Arena> {
  const world = await arena({ env });
  onTestFinished(() => world.close());
  world.write(files);
  return world;
}

test('a config repo of the Go version is read whole and planned as it was deployed', async () => {
  const world = await open(tree, { V0_SECRET: 'from the environment' });
  const { code, stdout } = await world.flycd(['validate']);
  expect({ code, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({ code: 0, last: '3 apps valid, 1 warning.' });
  expect(stdout).toContain('http_service opens tcp port 80');

  const web = (await diffed(world)).find(({ app }) => app === 'v0-web');
  expect(web?.steps.map(({ target }) => target)).toEqual([
    'v0-web',
    'v0-web/private_v6',
    'v0-web/shared_v4',
    'v0-web/ENVSECRET',
    'v0-web/RAWSECRET',
  ]);
  expect(web?.holds.map(({ reason }) => reason)).toEqual(['build']);
  // One hold for the release with its five machines, behind the image that nobody builds yet.
  expect(web?.holds[0]?.steps.map(({ target }) => target)).toEqual(['v0-web', 'v0-web']);

  const rendered = await world.flycd(['render', '--app', 'v0-web', '--as', 'json']);
  expect(JSON.parse(rendered.stdout)).toMatchObject({
    primary_region: 'arn',
    env: { FROM_DEFAULTS: 'a', SHARED: 'override', NAME: 'web-sub' },
    services: [{ internal_port: 8080 }, { internal_port: 9090 }],
  });
  const worker = await world.flycd(['render', '--app', 'v0-worker', '--as', 'json']);
  expect(JSON.parse(worker.stdout)).toMatchObject({ primary_region: 'ams', env: { SHARED: 'override' } });
});

test('deploy brings up what has an image, and says of the rest that it has to be built', async () => {
  const world = await open(tree, { V0_SECRET: 'from the environment' });
  const deployed = await world.flycd(['deploy', '--force', '--abort-early']);
  expect(deployed.code).toBe(4);
  expect(deployed.stdout).toMatch(/v0-web .*has to be built: FLYCTL_PATH names no program/);
  const [database, ...others] = world.simulator.world.snapshot().filter(({ name }) => name === 'v0-db');
  expect(others).toEqual([]);
  expect(database?.volumes.map(({ sizeGb }) => sizeGb)).toEqual([3, 3]);
  expect(database?.machines.map(({ config }) => config)).toMatchObject([
    {
      image: expect.stringMatching(/^docker\.io\/library\/redis:latest@sha256:[0-9a-f]{64}$/),
      env: { SHARED: 'override' },
      guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 1024 },
      stop_config: { timeout: '20s' },
      services: [{ internal_port: 9090 }],
    },
  ]);
  expect((await world.flycd(['diff', '--app', 'v0-db'])).code).toBe(0);
});

/** The shapes of the Go version's own examples: apps in apps, a project that holds itself, projects that name others beside. */
const shapes: Files = {
  'app.yaml': `app: top\nprimary_region: arn\nsource: { type: local }\n`,
  Dockerfile: 'FROM nginx',
  'inner/app.yaml':
    'app: &name inner\nprimary_region: &region arn\nsource: { type: local }\nenv: { NAME: *name, AT: *region }\n',
  'inner/Dockerfile': 'FROM nginx',
  'inner/.gitignore': 'fly.toml',
};
const layout: Files = {
  ...Object.fromEntries(Object.entries(shapes).map(([path, text]) => [`loose/${path}`, text])),
  'cyclic/project.yaml': 'project: "cyclic"\nsource:\n  type: local\n',
  'cyclic/app.yaml': 'app: round\nprimary_region: arn\nsource: { type: local }\n',
  'cyclic/Dockerfile': 'FROM nginx',
  'all/projects/one/near/app.yaml':
    'app: near\nprimary_region: arn\nsource: { type: local, path: ../code }\nmerge_cfg: { all: true }\n',
  'all/projects/one/code/Dockerfile': 'FROM nginx',
  'all/projects/one/far/project.yaml': 'project: far\nsource:\n  type: local\n  path: "../../../outside"\n',
  'all/outside/away/app.yaml': 'app: away\nprimary_region: arn\nsource: { type: local }\n',
  'all/outside/away/Dockerfile': 'FROM nginx',
};

test.each([
  ['loose', ['inner', 'top']],
  ['cyclic', ['round']],
  ['all', ['away', 'near']],
])('the shape of an example of the Go version loads outside of git: %s', async (path, names) => {
  const world = await arena({ path });
  onTestFinished(() => world.close());
  world.write(layout);
  const { code, stdout, stderr } = await world.flycd(['validate']);
  expect(code, stdout + stderr).toBe(0);
  expect((await diffed(world)).map(({ app }) => app)).toEqual(names);
});

test.each([
  ['all/projects', 'source.path: this path leads out of the repo'],
  ['all/projects/one/near', 'source.path: this path leads out of the repo'],
])('given a part of it, FlyCD says which folder it takes: %s', async (path, message) => {
  const world = await arena({ path });
  onTestFinished(() => world.close());
  world.write(layout);
  const { code, stdout } = await world.flycd(['validate']);
  expect(code).toBe(3);
  expect(stdout).toContain(message);
  expect(stdout).toContain(
    'outside git, paths must stay inside the folder given to FlyCD: pass the parent folder that holds both',
  );
});

test('a secret whose variable is not set holds itself and what needs it, and names the variable', async () => {
  const world = await open(tree);
  const { code, stdout } = await world.flycd(['sync', '--once', '--app', 'v0-web']);
  expect(code).toBe(4);
  expect(stdout).toContain('env V0_SECRET is not set');
});
