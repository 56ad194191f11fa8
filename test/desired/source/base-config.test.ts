import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/base/fault.ts';
import { errorsOf, load, said } from '../loading.ts';
import { memoryMirrors, memoryTree, type MemoryFiles } from '../memory-tree.ts';

const url = 'https://git.example/shop.git';
const flyToml = `app = "somebody-elses"
primary_region = "ams"
swap_size_mb = 512

[env]
COLOR = "red"
SIZE = "small"

[build]
image = "nginx:1.27"

[[vm]]
size = "shared-cpu-1x"
memory = "512mb"

[mount]
source = "data"
destination = "/data"

[http_service]
internal_port = 8080
min_machines_running = 1
`;
const appYaml = (more = '') =>
  `app: shop\nsource:\n  type: git\n  repo: ${url}\n  path: web\nfly_config: fly.toml\n${more}`;

function loadShop(more = '', files: MemoryFiles = { 'web/fly.toml': flyToml }, project: MemoryFiles = {}) {
  const mirrors = memoryMirrors({ [url]: memoryTree(files, { name: url, revision: 'c1' }) });
  return load({ 'shop/app.yaml': appYaml(more), ...project }, { mirrors });
}

describe('fly_config', () => {
  it('is the base that app.yaml lies over; the name is the config repo’s', async () => {
    const fleet = await loadShop('env: { COLOR: blue }\nhttp_service: { force_https: true }\n');
    expect(said(fleet.problems)).toStrictEqual([]);
    const [app] = fleet.apps;
    expect(app).toMatchObject({ name: 'shop', primaryRegion: 'ams' });
    expect(app?.fly).toMatchObject({
      app: 'shop',
      env: { COLOR: 'blue', SIZE: 'small' },
      http_service: { internal_port: 8080, force_https: true, min_machines_running: 1 },
      mounts: [{ source: 'data' }],
      swap_size_mb: 512,
    });
    expect(app?.image).toMatchObject({ kind: 'reference', ref: 'nginx:1.27' });
    expect(app?.files).toStrictEqual(['shop/app.yaml', `${url}//web/fly.toml`]);
    expect(fleet.followed).toStrictEqual([{ repo: url, ref: 'HEAD', app: 'shop' }]);
  });

  it.each([
    ['by a list', 'vm: [{ memory: 1gb }]\n', 'vm', [{ memory: '1gb' }]],
    ['by one table', 'vm: { memory: 1gb }\n', 'vm', [{ memory: '1gb' }]],
    ['under an older name', 'compute: { memory: 1gb }\n', 'vm', [{ memory: '1gb' }]],
    [
      'which had an older name',
      'mounts: [{ source: a, destination: /a }]\n',
      'mounts',
      [{ source: 'a', destination: '/a' }],
    ],
  ])('has its lists replaced %s', async (_how, more, field, expected) => {
    const fleet = await loadShop(more);
    expect(fleet.apps[0]?.fly[field]).toStrictEqual(expected);
  });

  it('lies under what projects say, whose own lists still append', async () => {
    const fleet = await loadShop(
      'vm: [{ memory: 512mb, processes: [app] }]\n',
      { 'web/fly.toml': flyToml },
      {
        'project.yaml':
          'project: p\nsource: { type: local }\ncommon:\n  app_defaults: { env: { SIZE: large }, vm: [{ memory: 1gb }] }\n',
      },
    );
    expect(fleet.apps[0]?.fly).toMatchObject({
      env: { COLOR: 'red', SIZE: 'large' },
      vm: [{ memory: '1gb' }, { memory: '512mb', processes: ['app'] }],
    });
  });

  it('moves the config version with what it says, and not with a comment', async () => {
    const versionOf = async (text: string) =>
      (await loadShop('', { 'web/fly.toml': text })).apps[0]?.groups[0]?.configVersion;
    const before = await versionOf(flyToml);
    expect(await versionOf(`# words\n${flyToml}`)).toBe(before);
    expect(await versionOf(flyToml.replace('red', 'green'))).not.toBe(before);
  });

  it('reads files of the source that it puts into machines', async () => {
    const files = {
      'web/fly.toml': `${flyToml}[[files]]\nguest_path = "/etc/motd"\nlocal_path = "motd"\n`,
      'web/motd': 'hi',
    };
    const fleet = await loadShop('', files);
    expect(fleet.apps[0]?.groups[0]?.config.files).toStrictEqual([
      { guest_path: '/etc/motd', raw_value: Buffer.from('hi').toString('base64') },
    ]);
  });

  it('its own files are those of its source, app.yaml’s are those beside it first', async () => {
    const file = '[[files]]\nguest_path = "/etc/motd"\nlocal_path = "motd"\n';
    const fromBase = await loadShop(
      '',
      { 'web/fly.toml': `${flyToml}${file}`, 'web/motd': 'source' },
      { 'shop/motd': 'beside' },
    );
    const fromApp = await loadShop(
      'files: [{ guest_path: /etc/motd, local_path: motd }]\n',
      { 'web/fly.toml': `${flyToml}${file}`, 'web/motd': 'source' },
      { 'shop/motd': 'beside' },
    );
    const contents = [fromBase, fromApp].map(({ apps }) => apps[0]?.groups[0]?.config.files?.[0]?.['raw_value']);
    expect(contents).toStrictEqual(['source', 'beside'].map((text) => Buffer.from(text).toString('base64')));
  });

  it('a machine_config in a file of its own names files in its turn', async () => {
    const machine = { containers: [{ name: 'app', files: [{ guest_path: '/a', local_path: 'conf/a.txt' }] }] };
    const files = {
      'web/fly.toml': `machine_config = "machine.json"\n${flyToml}`,
      'web/machine.json': JSON.stringify(machine),
      'web/conf/a.txt': 'a',
    };
    const fleet = await loadShop('', files);
    expect(errorsOf(fleet)).toStrictEqual([]);
    expect(fleet.apps[0]?.groups[0]?.config['containers']).toStrictEqual([
      { name: 'app', image: '.', files: [{ guest_path: '/a', raw_value: 'YQ==' }] },
    ]);
    const { 'web/conf/a.txt': _gone, ...without } = files;
    expect(errorsOf(await loadShop('', without)).join()).toMatch(/machine_config.*there is no file "conf\/a.txt"/);
  });

  it('may stand in a local source, or beside app.yaml where nothing is built, as YAML or JSON', async () => {
    const local = await load({
      'shop/app.yaml': 'app: shop\nsource: { type: local, path: ../web }\nfly_config: deploy/fly.yaml\n',
      'web/deploy/fly.yaml': 'primary_region: arn\n',
      'web/Dockerfile': 'FROM nginx',
    });
    expect(local.apps[0]).toMatchObject({ primaryRegion: 'arn' });
    const beside = await load({
      'shop/app.yaml': 'app: shop\nfly_config: base.json\n',
      'shop/base.json': '{ "primary_region": "arn", "build": { "image": "nginx:1" } }',
    });
    expect(beside.apps[0]).toMatchObject({ primaryRegion: 'arn', source: { type: 'image', ref: 'nginx:1' } });
  });

  it('may be one of several in a source', async () => {
    const app = (name: string, file: string) =>
      `app: ${name}\nsource: { type: local, path: ../web }\nfly_config: ${file}\n`;
    const fleet = await load({
      'config/one/app.yaml': app('one', 'production.toml').replace('../web', '../../web'),
      'config/two/app.yaml': app('two', 'fly.staging.yaml').replace('../web', '../../web'),
      'web/production.toml': 'primary_region = "arn"\n',
      'web/fly.staging.yaml': 'primary_region: ams\n',
      'web/Dockerfile': 'FROM nginx',
    });
    expect(fleet.apps.map(({ name, primaryRegion }) => [name, primaryRegion])).toStrictEqual([
      ['one', 'arn'],
      ['two', 'ams'],
    ]);
  });

  it('is not parsed again while it does not change', async () => {
    const { createDesiredLoader } = await import('../../../src/desired/load.ts');
    const { systemClock } = await import('../../../src/model/base/clock.ts');
    const loader = createDesiredLoader({ clock: systemClock });
    const source = memoryTree({ 'web/fly.toml': flyToml }, { name: url, revision: 'c1' });
    const config = memoryTree({ 'app.yaml': appYaml() });
    const again = () =>
      loader.load({
        tree: config,
        path: '',
        mirrors: memoryMirrors({ [url]: source }),
        environment: () => undefined,
        resolveImage: async () => undefined,
      });
    const [first] = (await again()).apps;
    const reads = source.reads.count;
    const [second] = (await again()).apps;
    expect(second).toBe(first);
    expect(source.reads.count).toBe(reads);
  });
});

describe('problems', () => {
  it('of the base stand in its own lines', async () => {
    const text =
      'primary_region = "ams"\nmachines = 3\n\n[http_service]\ninternal_prot = 80\nauto_stop_machines = "sometimes"\n';
    const fleet = await loadShop('env: { A: [1] }\n', { 'web/fly.toml': text });
    expect(said(fleet.problems)).toStrictEqual([
      `${url}//web/fly.toml:2:1: warning: machines: FlyCD reads machines in app.yaml only; here it has no effect (move it to app.yaml)`,
      `${url}//web/fly.toml:4:1: error: http_service: internal_port is required (the port your program listens on, such as 8080)`,
      `${url}//web/fly.toml:5:1: warning: http_service.internal_prot: Fly knows no such field here; it is kept and has no effect (did you mean internal_port?)`,
      `${url}//web/fly.toml:6:22: error: http_service.auto_stop_machines: expected off, stop or suspend, found "sometimes"`,
      'shop/app.yaml:7:8: error: env.A: expected text, found a list (put it in quotes)',
    ]);
  });

  it('of its syntax too, and nothing is guessed then', async () => {
    const fleet = await loadShop('', { 'web/fly.toml': 'a = 1\na = 2\n' });
    expect(fleet.invalid).toStrictEqual([{ name: 'shop', file: 'shop/app.yaml' }]);
    expect(errorsOf(fleet)).toHaveLength(1);
    expect(errorsOf(fleet)[0]).toMatch(/web\/fly\.toml:2:1: error/);
  });

  it.each([
    [
      'over 1 MiB',
      'fly.toml',
      `# ${'x'.repeat(1_048_576)}\n`,
      /web\/fly\.toml:1:1: error: web\/fly\.toml is larger than 1048576 bytes/,
    ],
    [
      'a bomb of aliases',
      'fly.yaml',
      `a: &a [${'1,'.repeat(40)}]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name, at) => `${name}: &${name} [${`*${'abcdefg'[at]},`.repeat(40)}]`).join('\n')}\n`,
      /web\/fly\.yaml:\d+:\d+: error: .*found more/,
    ],
  ])('of a file that costs too much to read: %s', async (_what, name, text, expected) => {
    const mirrors = memoryMirrors({ [url]: memoryTree({ [`web/${name}`]: text }, { name: url }) });
    const fleet = await load({ 'app.yaml': appYaml().replace('fly.toml', name) }, { mirrors });
    expect(fleet.invalid).toStrictEqual([{ name: 'shop', file: 'app.yaml' }]);
    expect(errorsOf(fleet).join('\n')).toMatch(expected);
  });

  it.each([
    ['a file that is not there', 'fly.prod.toml', /there is no file web\/fly\.prod\.toml/],
    ['a folder', 'deploy', /web\/deploy: it is a folder/],
    ['a way out of the source', '../fly.toml', /leads out of the source/],
    ['the source itself', '.', /leads out of the source/],
    ['an absolute path', '/etc/passwd', /leads out of the source/],
    ['a link', 'link.toml', /web\/link\.toml is a link/],
    ['a file behind a link', 'linked/fly.toml', /web\/linked is a link/],
  ])('%s', async (_what, path, expected) => {
    const files = {
      'fly.toml': flyToml,
      'web/fly.toml': flyToml,
      'web/deploy/fly.toml': flyToml,
      'web/link.toml': { link: 'fly.toml' },
      'web/linked': { link: '' },
    };
    const mirrors = memoryMirrors({ [url]: memoryTree(files, { name: url }) });
    const fleet = await load({ 'app.yaml': appYaml().replace('fly.toml', path) }, { mirrors });
    expect(fleet.apps).toStrictEqual([]);
    expect(errorsOf(fleet)).toHaveLength(1);
    expect(errorsOf(fleet)[0]).toMatch(/^app\.yaml:6:13: error: fly_config: /);
    expect(errorsOf(fleet)[0]).toMatch(expected);
  });

  it('a repo out of reach leaves the app unknown by name, never an orphan, and followed', async () => {
    const mirrors = memoryMirrors();
    mirrors.faults.set(url, new Fault({ kind: 'transient', what: 'the host is down', next: 'wait' }));
    const fleet = await load({ 'app.yaml': appYaml() }, { mirrors });
    expect([fleet.apps, fleet.invalid, fleet.whole]).toStrictEqual([[], [{ name: 'shop', file: 'app.yaml' }], true]);
    expect(fleet.followed).toStrictEqual([{ repo: url, ref: 'HEAD', app: 'shop' }]);
    expect(errorsOf(fleet)).toStrictEqual([
      'app.yaml:6:13: error: fly_config: it cannot be read: the host is down (wait)',
    ]);
  });

  it('does not hide what is wrong in app.yaml itself, and invents nothing that the base may say', async () => {
    const more = [
      'vm: { size: shared-cpu-3x }',
      'services: [{ internal_port: 70000, processes: [worker] }]',
      'checks: { alive: { type: tcp } }',
      'http_service: { force_https: yes please }',
      'machine_config: machine.json',
      'deploy: { wait_timeout: 300 }',
      'deploy_params: [--ha=perhaps]',
      'mounts: [{ source: data, destination: data }]',
      '',
    ];
    const fleet = await loadShop(more.join('\n'), { 'web/Dockerfile': 'FROM nginx' });
    expect(
      errorsOf(fleet).map((line) => line.replace(/^shop\/app\.yaml:(\d+):\d+: error: (\S+): .*$/, '$1 $2')),
    ).toStrictEqual([
      '6 fly_config',
      '7 vm[0].size',
      '8 services[0].internal_port',
      '10 http_service.force_https',
      '12 deploy.wait_timeout',
      '13 deploy_params[0]',
      '14 mounts[0].destination',
    ]);
  });

  it('keys of FlyCD in the base grant nothing', async () => {
    const text = `${flyToml}\n[[secrets]]\nname = "A"\ntype = "env"\nenv = "OTHER_APPS_SECRET"\n`;
    const fleet = await loadShop('', { 'web/fly.toml': text });
    expect(fleet.apps[0]?.secrets).toStrictEqual([]);
    expect(said(fleet.problems).join('\n')).toMatch(
      /fly\.toml:\d+:\d+: warning: secrets: FlyCD reads secrets in app\.yaml only/,
    );
  });
});

it('explains which file each field comes from', async () => {
  const fleet = await loadShop('env: { COLOR: blue }\n');
  const from = Object.fromEntries(fleet.explain('shop').map(({ path, file, line }) => [path, `${file}:${line}`]));
  expect(from).toMatchObject({
    'env.COLOR': 'shop/app.yaml:7',
    'env.SIZE': `${url}//web/fly.toml:7`,
    'mounts[0].source': `${url}//web/fly.toml:17`,
    'vm[0].memory': `${url}//web/fly.toml:14`,
  });
});

it('what an older form loses on its way to today’s is said at its place in the base', async () => {
  const toml = `${flyToml}
[[http_service.checks]]
interval = 10000

[[checks]]
type = "tcp"
`;
  const fleet = await loadShop('', { 'web/fly.toml': toml });
  expect(fleet.problems.map(({ severity, file, line, path }) => ({ severity, file, line, path }))).toStrictEqual(
    expect.arrayContaining([
      { severity: 'warning', file: `${url}//web/fly.toml`, line: 25, path: 'http_service.checks[0].interval' },
      { severity: 'error', file: `${url}//web/fly.toml`, line: 27, path: 'checks[0]' },
    ]),
  );
});

describe('a fly config by itself', () => {
  const strangers = '[machines]\ncount = "many"\n[source]\ntype = "git"\n[[postgres]]\nname = "db"\n[machin]\na = 1\n';

  it.each([
    ['fly.toml', flyToml + strangers, [23, 25, 27, 29]],
    [
      'web.json',
      '{"app": "web", "primary_region": "arn",\n"machines": [],\n"source": 1, "postgres": 2, "machin": {"a": 1}}',
      [2, 3, 3, 3],
    ],
  ])('is read as flyctl reads it, and keys of FlyCD have no effect there: %s', async (path, text, lines) => {
    const fleet = await load({ [path]: text }, { path });
    const words = (key: string) => `warning: ${key}: FlyCD reads ${key} in app.yaml only; here it has no effect`;
    const of = (key: string) => fleet.problems.find((problem) => problem.path === key);
    expect(errorsOf(fleet)).toStrictEqual([]);
    expect(['machines', 'source', 'postgres', 'machin'].map((key) => of(key)?.line)).toStrictEqual(lines);
    expect(said(fleet.problems).join('\n')).toContain(words('machines'));
    expect(said(fleet.problems).join('\n')).toContain(words('postgres'));
    expect(fleet.apps[0]?.groups[0]?.counts).toBeUndefined();
    expect(fleet.apps[0]?.fly).not.toHaveProperty('machines');
  });

  it('gets what its projects say in keys of FlyCD', async () => {
    const project =
      'project: p\nsource: { type: local, path: web/fly.toml }\ncommon:\n  app_defaults:\n    machines: { count: 3 }\n';
    const fleet = await load({ 'project.yaml': project, 'web/fly.toml': `${flyToml}[machines]\ncount = 5\n` });
    expect(errorsOf(fleet)).toStrictEqual([]);
    expect(fleet.apps[0]?.groups[0]?.counts).toStrictEqual({ ams: 3 });
  });
});
