import { describe, expect, test } from 'vitest';
import { changeOf, tableChanges } from '../../schemas/field-changes.ts';
import { fieldExamples } from '../../schemas/field-examples.ts';
import type { JsonObject } from '../../src/model/base/json.ts';
import { changeBetween, exampleValue, withValue } from './playing.ts';

const base: JsonObject = { app: 'shop', primary_region: 'arn', build: { image: 'nginx:1.27' } };

/** What a field needs round it, by the start of its path; the longest that fits counts. */
const surroundings: Readonly<Record<string, JsonObject>> = {
  primary_region: { primary_region: 'ams', machines: { count: 1 } },
  extra_regions: { machines: { count: 1 } },
  'source.image': { build: {}, source: { type: 'image', image: 'nginx:1.27' } },
  http_service: { http_service: { internal_port: 8080 } },
  'http_service.http_options.replay_cache': {
    http_service: { internal_port: 8080, http_options: { replay_cache: [{ path_prefix: '/' }] } },
  },
  'http_service.checks': { http_service: { internal_port: 8080, checks: [{ path: '/' }] } },
  services: { services: [{ internal_port: 5432, ports: [{ port: 5432 }] }] },
  'services[].ports[].start_port': { services: [{ internal_port: 1, ports: [{ start_port: 8001, end_port: 8099 }] }] },
  'services[].ports[].end_port': { services: [{ internal_port: 1, ports: [{ start_port: 8001, end_port: 8002 }] }] },
  checks: { checks: { up: { type: 'tcp', port: 8080 } } },
  vm: { vm: [{ cpus: 1, memory: '2gb' }] },
  'vm[].size': { vm: [{}] },
  'vm[].gpu': { vm: [{}] },
  'machines.cpu': { machines: { ram_mb: 2048, cpu_cores: 1 } },
  'machines.groups': { processes: { worker: 'work' }, machines: { groups: { worker: { ram_mb: 2048 } } } },
  mounts: { mounts: [{ source: 'data', destination: '/data' }] },
  'mounts[].auto_extend': {
    mounts: [
      {
        source: 'data',
        destination: '/data',
        auto_extend_size_threshold: 70,
        auto_extend_size_increment: '2gb',
        auto_extend_size_limit: '20gb',
      },
    ],
  },
  volumes: { mounts: [{ source: 'data', destination: '/data' }], volumes: [{ name: 'data' }] },
  secrets: { secrets: [{ name: 'TOKEN', type: 'env' }] },
  'secrets[].type': { secrets: [{ name: 'TOKEN', type: 'env', raw: 'x' }] },
  'secrets[].raw': { secrets: [{ name: 'TOKEN', type: 'raw', raw: 'x' }] },
  files: { files: [{ guest_path: '/etc/a.conf', raw_value: 'x' }] },
  'files[].local_path': { files: [{ guest_path: '/etc/a.conf', local_path: 'other.conf' }] },
  'files[].secret_name': { files: [{ guest_path: '/etc/a.conf', secret_name: 'OTHER' }] },
  'network.ips': { network: { ips: [{ v: 'v6' }] } },
  'network.ips[].shared': { network: { ips: [{ v: 'v4' }] } },
  'network.ips[].network': { network: { ips: [{ v: 'v6', private: true }] } },
  'network.ips[].org': { network: { ips: [{ v: 'v6', private: true, network: 'back' }] } },
  'sync.windows': { sync: { windows: [{ schedule: '0 0 * * *', duration: '24h' }] } },
  restart: { restart: [{ policy: 'always' }] },
  'restart[].retries': { restart: [{ policy: 'on-failure' }] },
  metrics: { metrics: [{ port: 9091, path: '/metrics' }] },
  statics: { statics: [{ guest_path: '/app/public', url_prefix: '/public/' }] },
  machine_checks: {},
  container: {
    machine_config: '{ "containers": [{ "name": "app", "image": "." }, { "name": "web", "image": "nginx" }] }',
  },
  'machine.checks': {
    checks: { name: { type: 'tcp', port: 8080 } },
    machine: { checks: { name: { kind: 'informational' } } },
  },
  'machine.services': {
    services: [
      { internal_port: 8080, ports: [{ port: 80 }] },
      { internal_port: 5432, ports: [{ port: 5432 }] },
      { internal_port: 5432, protocol: 'udp', ports: [{ port: 5432 }] },
    ],
    machine: { services: [{ internal_port: 5432, force_instance_key: 'x' }] },
  },
  'machine.files': {
    files: [
      { guest_path: '/etc/a.conf', raw_value: 'x' },
      { guest_path: '/etc/b.conf', raw_value: 'x' },
    ],
    machine: { files: [{ guest_path: '/etc/b.conf', mode: 256 }] },
  },
  'machine.files[].image_config': { machine: { files: [{ guest_path: '/etc/c.conf', image_config: 'nginx' }] } },
  'machine.dns.options': { machine: { dns: { options: [{ name: 'ndots', value: '1' }] } } },
  'machine.dns.dns_forward_rules': {
    machine: { dns: { dns_forward_rules: [{ basename: 'corp', addr: '10.0.0.1' }] } },
  },
  'machine.processes': { machine: { processes: [{ cmd: ['x'] }] } },
  'machine.processes[].env_from': { machine: { processes: [{ env_from: [{ env_var: 'X', field_ref: 'id' }] }] } },
  'machine.processes[].secrets': { machine: { processes: [{ secrets: [{ env_var: 'X' }] }] } },
  'machine.containers': { machine: { containers: [{ name: 'web', image: 'nginx' }] } },
  'machine.volumes[].temp_dir': { machine: { volumes: [{ name: 'data', temp_dir: { storage_type: 'disk' } }] } },
  'machine.volumes': { machine: { volumes: [{ name: 'data' }] } },
};
const contained = (fields: JsonObject, more: JsonObject = {}): JsonObject => ({
  machine: {
    containers: [
      { name: 'web', image: 'nginx', ...fields },
      { name: 'cache', image: 'redis' },
      { name: 'db', image: 'pg' },
    ],
    ...more,
  },
});
const inContainers: Readonly<Record<string, JsonObject>> = {
  env_from: contained({ env_from: [{ env_var: 'X', field_ref: 'id' }] }),
  secrets: contained({ secrets: [{ env_var: 'X' }] }),
  files: contained({ files: [{ guest_path: '/a', raw_value: 'eA==' }] }),
  depends_on: contained({ depends_on: [{ name: 'db', condition: 'started' }] }),
  healthchecks: contained({
    healthchecks: [{ name: 'up', http: { port: 80, headers: [{ name: 'a', values: ['b'] }] } }],
  }),
  mounts: contained({ mounts: [{ name: 'tmp', path: '/tmp' }] }, { volumes: [{ name: 'tmp' }, { name: 'scratch' }] }),
};

function around(path: string): JsonObject {
  const inner = /^machine\.containers\[\]\.(\w+)\[\]/.exec(path)?.[1];
  const special = inner === undefined ? undefined : inContainers[inner];
  const [longest] = Object.keys(surroundings)
    .filter((start) => path.startsWith(start))
    .toSorted((one, other) => other.length - one.length);
  const needed = special ?? surroundings[longest ?? ''] ?? {};
  if (!isGroupList(path)) return { ...base, ...needed };
  const document = { ...base, ...needed, processes: { app: 'serve', worker: 'work' } };
  return withValue(document, path, ['app']) as JsonObject;
}

function isGroupList(path: string): boolean {
  return path.endsWith('.processes') && path !== 'machine.processes';
}

/** What only counts where an image is built: an app in sync runs one that was not. */
function isBuilt(path: string): boolean {
  return /^(?:source|build|merge_cfg)\./.test(path) && !path.endsWith('.image');
}

function built(path: string): JsonObject {
  const fromGit = { type: 'git', repo: 'https://github.com/acme/shop' };
  const type = path.endsWith('.inline') ? 'inline-docker-file' : 'local';
  return { ...base, build: {}, source: /^source\.(?:type|repo|ref|watch)/.test(path) ? fromGit : { type } };
}

/** Which app this is, and which others there are: nothing that a plan of one app can say. */
const untested = new Set(['app', 'org', 'depends_on']);
const files = {
  'shop/fly.toml': '[env]\nFROM_BASE = "yes"\n',
  'shop/shop.conf': 'a',
  'shop/other.conf': 'b',
  'shop/nginx.conf': 'c',
  'shop/services/api/x': 'd',
};

describe('what the page says of a change is what the planner makes of it', () => {
  const examples = Object.entries(fieldExamples.app).filter(([path]) => !untested.has(path));
  test.each(examples)('%s: %s', async (path, example) => {
    const before = around(path);
    const after = withValue(isBuilt(path) ? built(path) : before, path, exampleValue(example));
    expect(JSON.stringify(after)).not.toBe(JSON.stringify(before));
    expect(await changeBetween(before, after, files), 'say it in schemas/field-changes.ts').toBe(changeOf(path));
  });
});

describe('what the page says of whole tables is what the planner makes of it', () => {
  const mounts = [{ source: 'data', destination: '/data' }];
  const one = { processes: { app: 'serve' } };
  const two = { processes: { app: 'serve', worker: 'work' } };
  const inTwo = { machines: { count: 1 }, extra_regions: ['ams'] };
  const inOne = { machines: { count: 1 } };
  const served = { http_service: { internal_port: 8080 } };
  const moves: Readonly<Record<string, readonly (readonly [before: JsonObject, after: JsonObject])[]>> = {
    'a process group, a region or a number of machines added or removed': [
      [one, two],
      [two, one],
      [inOne, inTwo],
      [inTwo, inOne],
      [inOne, { machines: { count: 2 } }],
      [{ machines: { count: 2 } }, inOne],
    ],
    'a process group with services removed, the last to have them': [
      [{ ...two, http_service: { internal_port: 8080, processes: ['worker'] } }, one],
    ],
    'a mount added to a group that has machines': [[{}, { mounts }]],
    'a mount removed from a group that has machines, or of another volume': [
      [{ mounts }, {}],
      [{ mounts }, { mounts: [{ source: 'other', destination: '/data' }] }],
    ],
    'a region removed in which machines have volumes': [
      [
        { ...inTwo, mounts },
        { ...inOne, mounts },
      ],
    ],
    'a service, a check or a field of machine added or removed': [
      [{}, served],
      [served, {}],
      [{ checks: { up: { type: 'tcp', port: 1 } } }, {}],
      [{ machine: { schedule: 'daily' } }, {}],
    ],
    'a secret removed': [[{ secrets: [{ name: 'A', type: 'raw', raw: 'x' }] }, {}]],
    'an address removed': [[{ network: { ips: [{ v: 'v6' }] } }, { network: { ips: [] } }]],
    'vm or machines.count removed': [
      [{ vm: [{ size: 'shared-cpu-2x' }] }, {}],
      [{ machines: { count: 3 } }, {}],
    ],
    'a volume made smaller': [
      [
        { mounts, volumes: [{ name: 'data', size_gb: 3 }] },
        { mounts, volumes: [{ name: 'data', size_gb: 1 }] },
      ],
    ],
  };

  test.each(Object.entries(tableChanges))('%s: %s', async (what, change) => {
    const found = await Promise.all(
      (moves[what] ?? []).map(([before, after]) => changeBetween({ ...base, ...before }, { ...base, ...after })),
    );
    expect(found.length).toBeGreaterThan(0);
    expect(new Set(found)).toStrictEqual(new Set([change]));
  });
});
