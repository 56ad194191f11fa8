import { describe, expect, it } from 'vitest';
import { appYaml, load, loadApp, said } from '../loading.ts';

const web = (more: string) => loadApp(appYaml('web', more));
const problems = async (more: string) => said((await load({ 'app.yaml': appYaml('web', more) })).problems);
const groups = 'processes: { app: a, clock: c }\n';

describe('machine says what no fly config can', () => {
  const configOf = async (more: string, group = 'app') =>
    (await web(more)).groups.find(({ name }) => name === group)?.config;

  it.each([
    ['a schedule', 'machine: { schedule: daily }\n', { schedule: 'daily' }],
    ['no schedule', 'machine: { schedule: none }\n', { schedule: '' }],
    ['none of the machines it stood in for', 'machine: { standbys: [] }\n', { standbys: [] }],
    ['whose place it takes', 'machine: { standbys: "148e1234567890" }\n', { standbys: ['148e1234567890'] }],
    ['dns', 'machine: { dns: { skip_registration: true } }\n', { dns: { skip_registration: true } }],
    ['the usual dns', 'machine: { dns: {} }\n', { dns: {} }],
    [
      'the root file system',
      'machine: { rootfs: { persist: always, size_gb: "8" } }\n',
      { rootfs: { persist: 'always', size_gb: 8 } },
    ],
    [
      'the first process, beside what the fly config says of it',
      'swap_size_mb: 512\nmachine: { init: { tty: true } }\n',
      { init: { swap_size_mb: 512, tty: true } },
    ],
    ['metadata', 'machine: { metadata: { team: shop, tier: 1 } }\n', { metadata: { team: 'shop', tier: '1' } }],
    [
      'processes',
      'machine: { processes: [{ cmd: [run], env: { PORT: 80 } }] }\n',
      { processes: [{ cmd: ['run'], env: { PORT: '80' } }] },
    ],
    [
      'containers and what they share',
      'machine:\n  volumes: [{ name: tmp, temp_dir: { storage_type: memory } }]\n  containers:\n' +
        '    - { name: app, image: nginx, mounts: [{ name: tmp, path: /tmp }] }\n' +
        '    - { name: side, image: vector, depends_on: [{ name: app, condition: healthy }] }\n',
      {
        volumes: [{ name: 'tmp', temp_dir: { storage_type: 'memory' } }],
        containers: [
          { name: 'app', image: 'nginx', mounts: [{ name: 'tmp', path: '/tmp' }] },
          { name: 'side', image: 'vector', depends_on: [{ name: 'app', condition: 'healthy' }] },
        ],
      },
    ],
    ['a spot price', 'machine: { spot: { max_price_fraction: 0.5 } }\n', { spot: { max_price_fraction: 0.5 } }],
    [
      'the price it is restarted at',
      'machine: { restart: { policy: spot-price, gpu_bid_price: 1.25 } }\n',
      { restart: { policy: 'spot-price', gpu_bid_price: 1.25 } },
    ],
    [
      'a price beside the policy that the fly config says',
      'restart: [{ policy: on-failure, retries: 3 }]\nmachine: { restart: { gpu_bid_price: 2 } }\n',
      { restart: { policy: 'on-failure', max_retries: 3, gpu_bid_price: 2 } },
    ],
    [
      'the kind of a check',
      'checks: { alive: { type: tcp, port: 8080 } }\nmachine: { checks: { alive: { kind: readiness } } }\n',
      { checks: { alive: { type: 'tcp', port: 8080, kind: 'readiness' } } },
    ],
    [
      'the key of a service',
      'http_service: { internal_port: 8080 }\nmachine: { services: [{ internal_port: 8080, force_instance_key: shard }] }\n',
      { services: [{ internal_port: 8080, protocol: 'tcp', force_instance_key: 'shard' }] },
    ],
    [
      'the mode of a file, and a file that is an image’s config',
      'files: [{ guest_path: /a, raw_value: x }]\nmachine: { files: [{ guest_path: /a, mode: 384 }, { guest_path: /b, image_config: nginx }] }\n',
      {
        files: [
          { guest_path: '/a', raw_value: 'eA==', mode: 384 },
          { guest_path: '/b', image_config: 'nginx' },
        ],
      },
    ],
  ])('%s', async (_what, more, expected) => {
    expect(await configOf(more)).toMatchObject(expected);
  });

  it('for the default group; others and their own words stand in groups', async () => {
    const more = `${groups}machine:\n  schedule: daily\n  dns: { hostname: a }\n  groups:\n    app: { schedule: weekly }\n    clock: { schedule: hourly }\n`;
    expect(await configOf(more)).toMatchObject({ schedule: 'weekly', dns: { hostname: 'a' } });
    const clock = await configOf(more, 'clock');
    expect(clock).toMatchObject({ schedule: 'hourly' });
    expect(clock).not.toHaveProperty('dns');
  });

  it('a project may say it for all of its apps', async () => {
    const fleet = await load({
      'project.yaml':
        'project: p\nsource: { type: local }\ncommon:\n  app_defaults:\n    machine: { metadata: { team: shop } }\n',
      'web/app.yaml': appYaml('web', 'machine: { metadata: { tier: one } }\n'),
    });
    expect(fleet.apps[0]?.groups[0]?.config.metadata).toStrictEqual({ team: 'shop', tier: 'one' });
  });
});

describe('the config version', () => {
  const versionOf = async (more: string) => (await web(more)).groups[0]?.configVersion;

  it.each([
    ['a schedule', 'machine: { schedule: daily }\n'],
    ['a field named to be none', 'machine: { schedule: none }\n'],
    ['a table named to be empty', 'machine: { dns: {} }\n'],
    ['a list named to be empty', 'machine: { standbys: [] }\n'],
    ['the first process', 'machine: { init: { kernel_args: [quiet] } }\n'],
    ['the restart policy', 'machine: { restart: { policy: spot-price } }\n'],
  ])('moves with %s', async (_what, more) => {
    expect(await versionOf(more)).not.toBe(await versionOf(''));
  });

  it('stays with metadata, which needs no restart, and without a word under machine', async () => {
    expect(await versionOf('machine: { metadata: { a: b } }\n')).toBe(await versionOf(''));
    expect(await versionOf('machine: {}\n')).toBe(await versionOf(''));
  });
});

describe('strictly', () => {
  it.each([
    [
      'a slip of the finger',
      'machine:\n  shedule: daily\n',
      ['app.yaml:6:3: error: machine.shedule: FlyCD has no field "shedule" here (did you mean schedule?)'],
    ],
    [
      'a word that is none',
      'machine:\n  schedule: dayly\n',
      [
        'app.yaml:6:13: error: machine.schedule: expected hourly, daily, weekly, monthly or none, found "dayly" (did you mean daily?)',
      ],
    ],
    [
      'what the fly config says',
      'machine:\n  groups:\n    app:\n      env: { A: b }\n',
      ['app.yaml:8:7: error: machine.groups.app.env: machine does not say env (say it in env)'],
    ],
    [
      'a restart policy that the fly config says',
      'machine:\n  restart: { policy: always, max_retries: 3 }\n',
      [
        'app.yaml:6:22: error: machine.restart.policy: expected spot-price (restart says the others), found "always"',
        'app.yaml:6:30: error: machine.restart.max_retries: FlyCD has no field "max_retries" here (the fields here are policy or gpu_bid_price)',
      ],
    ],
    [
      'two restart policies',
      'restart: [{ policy: always }]\nmachine:\n  restart: { policy: spot-price }\n',
      ['app.yaml:7:3: error: machine.restart: restart says always of app (keep one of the two)'],
    ],
    [
      'of a check, a service and files that are not there',
      'files: [{ guest_path: /a, raw_value: x }]\nmachine:\n  checks: { alive: { kind: readiness } }\n  services: [{ internal_port: 1 }]\n  files: [{ guest_path: /b, mode: 1 }, { guest_path: /a, image_config: x }]\n',
      [
        'app.yaml:7:3: error: machine.checks: app has no check called alive (its fields stand in checks)',
        'app.yaml:8:3: error: machine.services: app has no service on tcp port 1 (it stands in services)',
        'app.yaml:9:3: error: machine.files: files has no /b (its content stands in files, or is that of image_config)',
        'app.yaml:9:3: error: machine.files: files has /a already (its content stands in files, or is that of image_config)',
      ],
    ],
    [
      'a group that is not there',
      `${groups}machine:\n  groups:\n    clok: { schedule: daily }\n`,
      ['app.yaml:8:5: error: machine.groups.clok: there is no process group "clok" (did you mean clock?)'],
    ],
    [
      'metadata of tools',
      'machine:\n  metadata:\n    fly_process_group: app\n',
      [
        'app.yaml:7:5: error: machine.metadata.fly_process_group: expected a name of your own: flycd_, fly_, process_group and fly-managed-postgres belong to tools',
      ],
    ],
    [
      'a standby that serves',
      'http_service: { internal_port: 80 }\nmachine:\n  standbys: ["148e1234567890"]\n',
      [
        'app.yaml:7:3: error: machine.standbys: app has services, and a standby serves nobody (name a group without services)',
      ],
    ],
    [
      'a container that waits for none',
      'machine:\n  containers:\n    - { name: a, image: b, depends_on: [{ name: c }] }\n',
      ['app.yaml:6:3: error: machine.containers: a depends on c, which is none of them'],
    ],
    [
      'a container that takes longer to stop than Fly waits',
      'machine:\n  containers:\n    - { name: a, image: b, stop: { timeout: 5m1s } }\n',
      ['app.yaml:7:45: error: machine.containers[0].stop.timeout: expected 5m or less: Fly refuses more'],
    ],
    [
      'machines that end themselves',
      'machine:\n  auto_destroy: true\n',
      [
        'app.yaml:6:17: warning: machine.auto_destroy: each time a machine of app ends it is gone, and the next sync makes a new one (a machine with a schedule starts again by itself)',
      ],
    ],
  ])('%s', async (_what, more, expected) => {
    expect(await problems(more)).toStrictEqual(expected);
  });
});
