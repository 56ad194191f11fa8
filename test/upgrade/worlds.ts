/**
 * Worlds as an earlier version of FlyCD leaves them: what its git says, and what happened. `record.ts` plays each with the
 * earlier version, the tests open what it saved.
 */
import type { Arena, Files } from '../controllers/arena.ts';

export interface EarlierWorld {
  readonly name: string;
  /** true: the config is a bare git repository. Default: a folder. */
  readonly repository?: boolean;
  /** What git said, one after the other; null takes a path away. */
  readonly commits: readonly Readonly<Record<string, string | null>>[];
  /** What happened, from before the first commit on. `commit` writes the next one. */
  readonly play: (arena: Arena, commit: () => void) => Promise<void>;
}

/** Writes one of `commits` into the config. */
export function commitTo(arena: Pick<Arena, 'write' | 'remove'>, commit: EarlierWorld['commits'][number]): void {
  const texts = Object.entries(commit).filter((entry): entry is [string, string] => entry[1] !== null);
  if (texts.length > 0) arena.write(Object.fromEntries(texts));
  for (const [path, text] of Object.entries(commit)) if (text === null) arena.remove(path);
}

/** Tags behave as the simulator says; the digest spares everybody a registry. */
const image = (name: string): string => `docker.io/acme/${name}`;

const service = `http_service:
  internal_port: 8080
  checks:
    - path: /health
      interval: 5s
      timeout: 2s
`;

/** Everything that FlyCD stamps or remembers: a secret, volumes, addresses, two groups, a check, a release command. */
const shop = (tag: string, greeting: string, more = ''): string => `app: shop
primary_region: arn
build:
  image: ${image(`shop:${tag}`)}
env:
  GREETING: ${greeting}
processes:
  web: serve
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
    initial_size: 2GB
    processes: [store]
deploy:
  release_command: migrate
  wait_timeout: 15s
secrets:
  - name: PASSWORD
    type: raw
    raw: correct-horse
machine:
  groups:
    store:
      metadata:
        team: storage
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
${more}`;

const small = (app: string, tag: string, more = ''): string => `app: ${app}
primary_region: arn
build:
  image: ${image(`${app}:${tag}`)}
${service}deploy:
  wait_timeout: 15s
machines:
  count: 2
network:
  ips: []
${more}`;

/** Its second version, whose checks never pass. */
const failing = (app: string): string => small(app, '2').replace(image(`${app}:2`), image('failing-check:2'));

const worker = (app: string): string => `app: ${app}
primary_region: arn
build:
  image: ${image(`${app}:1`)}
`;

/** Exit codes are the worlds' own business: some of what happens here has to fail. */
async function passes(arena: Arena, commit: () => void, commits: number): Promise<void> {
  for (let made = 0; made < commits; made += 1) {
    commit();
    await arena.flycd(['sync', '--once']);
  }
}

const fleets: readonly Files[] = [
  { 'shop/app.yaml': shop('1', 'hello'), 'jobs/app.yaml': worker('jobs') },
  { 'shop/app.yaml': shop('2', 'goodbye') },
];

/** As v0 had `fly deploy` leave a machine. */
const byV0 = (app: string) => ({
  image: image(`${app}:1`),
  env: {
    FLYCD_APP_SOURCE_TYPE: 'local',
    FLYCD_APP_SOURCE_PATH: '',
    FLYCD_APP_VERSION: 'h1:1mZkrlEJQhB0gXbAFHQE7AEArGGrUbEtmAuJyHoAJbk=',
    FLYCD_CONFIG_VERSION: 'h1:Ba3Hmv8Y2hYvLkR3jDvJsDv6GkUv0vNl3o0C2mXq6yE=',
    GREETING: 'hello',
    PRIMARY_REGION: 'arn',
  },
  guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
  services: [
    {
      protocol: 'tcp',
      internal_port: 8080,
      ports: [
        { port: 80, handlers: ['http'] },
        { port: 443, handlers: ['http', 'tls'] },
      ],
    },
  ],
});

const v0File = (app: string): string => `app: ${app}
primary_region: arn
source:
  type: local
build:
  image: ${image(`${app}:1`)}
env:
  GREETING: hello
http_service:
  internal_port: 8080
machines:
  count: 2
`;

async function deployByV0(arena: Arena, app: string): Promise<void> {
  const { simulator, clock } = arena;
  await arena.asPerson('POST', '/apps', { app_name: app, org_slug: 'personal' });
  await simulator.flyctl.deploy(app, { image: image(`${app}:1`), configs: { app: byV0(app) }, primaryRegion: 'arn' });
  await clock.sleep(60_000);
}

const v0Tree: Files = {
  'projects/all/project.yaml': 'project: all\nsource:\n  type: local\n',
  'projects/all/old/app.yaml': v0File('old'),
};

export const worlds: readonly EarlierWorld[] = [
  {
    name: 'named',
    commits: [{ 'flycd.yaml': 'fleet: acme\n', ...fleets[0] }, { ...fleets[1] }],
    play: (arena, commit) => passes(arena, commit, 2),
  },
  {
    name: 'unnamed',
    commits: [{ 'small/app.yaml': small('small', '1'), 'jobs/app.yaml': worker('jobs') }],
    play: (arena, commit) => passes(arena, commit, 1),
  },
  {
    name: 'unnamed-in-git',
    repository: true,
    commits: [{ 'small/app.yaml': small('small', '1') }, { 'small/app.yaml': small('small', '2') }],
    play: (arena, commit) => passes(arena, commit, 2),
  },
  {
    name: 'named-by-project',
    repository: true,
    commits: [{ 'project.yaml': 'project: acme\nsource:\n  type: local\n', 'jobs/app.yaml': worker('jobs') }],
    play: (arena, commit) => passes(arena, commit, 1),
  },
  {
    // Machines of v0 that the earlier version has labelled; in the next one it has never seen them.
    name: 'v0-taken',
    commits: [v0Tree],
    async play(arena, commit) {
      await deployByV0(arena, 'old');
      await passes(arena, commit, 1);
    },
  },
  {
    name: 'v0-untouched',
    commits: [v0Tree],
    async play(arena, commit) {
      await deployByV0(arena, 'old');
      commit();
    },
  },
  {
    // One that a person took back, one changed by hand, one left alone, and two whose releases failed.
    name: 'held',
    repository: true,
    commits: [
      {
        'flycd.yaml': 'fleet: acme\n',
        ...Object.fromEntries(
          ['back', 'broken', 'manual', 'quiet', 'stuck'].map((app) => [`${app}/app.yaml`, small(app, '1')]),
        ),
      },
      { 'back/app.yaml': small('back', '2'), 'manual/app.yaml': small('manual', '1', 'sync:\n  drift: report\n') },
      {
        'broken/app.yaml': failing('broken'),
        'stuck/app.yaml': `${failing('stuck')}sync:\n  on_failure: stop\n`,
        'quiet/app.yaml': small('quiet', '2'),
      },
    ],
    async play(arena, commit) {
      await passes(arena, commit, 2);
      await arena.flycd(['rollback', 'back']);
      await arena.flycd(['suspend', 'quiet', '--reason', 'an incident']);
      const [machine] = arena.simulator.world.apps.get('manual')?.machines.values() ?? [];
      const config = { env: { GREETING: 'by hand' } };
      await arena.simulator.flyctl.update('manual', { machine: machine?.id ?? '', config });
      await passes(arena, commit, 1);
    },
  },
  {
    name: 'half-way',
    commits: [{ 'flycd.yaml': 'fleet: acme\n', 'shop/app.yaml': shop('1', 'hello') }, { ...fleets[1] }],
    async play(arena, commit) {
      await passes(arena, commit, 1);
      commit();
      // Killed where one machine of two has the new version.
      await arena.mortalFlycd(['sync', '--once'], { call: 31, when: 'after' });
    },
  },
  {
    name: 'orphan',
    commits: [
      { 'flycd.yaml': 'fleet: acme\n', 'jobs/app.yaml': worker('jobs'), 'gone/app.yaml': small('gone', '1') },
      { gone: null },
    ],
    play: (arena, commit) => passes(arena, commit, 2),
  },
];
