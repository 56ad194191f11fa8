import { describe, expect, it } from 'vitest';
import { appYaml, errorsOf, load, said } from '../loading.ts';
import type { MemoryFiles } from '../memory-tree.ts';

async function problems(files: MemoryFiles, path = ''): Promise<readonly string[]> {
  return said((await load(files, { path })).problems);
}

const inApp = (more: string): Promise<readonly string[]> => problems({ 'app.yaml': appYaml('web', more) });

describe('in YAML', () => {
  it.each([
    [
      'a top-level slip',
      'secretz: []\n',
      'app.yaml:5:1: error: secretz: neither FlyCD nor Fly has a field "secretz" (did you mean secrets?)',
    ],
    [
      'a field nobody knows, kept',
      'vm_size: x\n',
      'app.yaml:5:1: warning: vm_size: Fly knows no such field here; it is kept and has no effect',
    ],
    [
      'an unknown FlyCD field',
      'machines:\n  cuont: 2\n',
      'app.yaml:6:3: error: machines.cuont: FlyCD has no field "cuont" here (did you mean count?)',
    ],
    [
      'one far from all',
      'merge_cfg:\n  everything: true\n',
      'app.yaml:6:3: error: merge_cfg.everything: FlyCD has no field "everything" here (the fields here are all, include or exclude)',
    ],
    [
      'a wrong type',
      'machines:\n  count: many\n',
      'app.yaml:6:10: error: machines.count: expected a number, found text',
    ],
    [
      'a fraction',
      'machines:\n  count: 1.5\n',
      'app.yaml:6:10: error: machines.count: expected a whole number, found a number',
    ],
    ['too small', 'machines:\n  count: -1\n', 'app.yaml:6:10: error: machines.count: expected at least 0, found -1'],
    [
      'a word',
      'machines:\n  cpu_type: shard\n',
      'app.yaml:6:13: error: machines.cpu_type: expected shared or performance, found "shard" (did you mean shared?)',
    ],
    [
      'an item of a list',
      'volumes:\n  - name: data\n  - name: Data\n    size_gb: 1\n',
      'app.yaml:7:11: error: volumes[1].name: expected small letters, digits and underscores, at most 30, found "Data"',
    ],
    [
      'in flow style',
      'network: { ips: [{ v: v4, shared: true }, { v: v5 }] }\n',
      'app.yaml:5:48: error: network.ips[1].v: expected v4 or v6, found "v5"',
    ],
    [
      'a missing field',
      'network:\n  ips:\n    - shared: true\n',
      'app.yaml:7:7: error: network.ips[0].v: expected v4 or v6, found nothing',
    ],
    [
      "Fly's own fields",
      'services:\n  - internal_port: x\n    ports:\n      - port: 80\n        handlers: [htp]\n',
      'app.yaml:6:20: error: services[0].internal_port: expected a whole number, found text',
    ],
    [
      'a secret without repeating it',
      'secrets:\n  - name: A\n    type: raw\n    raw: [hunter2]\n',
      'app.yaml:8:5: error: secrets[0].raw: expected text, found a list',
    ],
    [
      'not built yet',
      'postgres: {}\n',
      'app.yaml:5:1: error: postgres: postgres is not built yet, and is not ignored either (remove postgres until FlyCD knows it)',
    ],
    [
      'an app to wait for that there is not',
      'depends_on: [db]\n',
      'app.yaml:5:14: error: depends_on[0]: no app of this fleet is called db (it has to be an app of this config repo)',
    ],
    [
      'an app that waits for itself',
      'depends_on:\n  - web\n',
      'app.yaml:6:5: error: depends_on[0]: they wait for each other: web → web (take one of them out)',
    ],
    [
      'a window with a slip',
      'sync:\n  windows:\n    - schedule: 0 25 * * *\n      duration: 8h\n',
      'app.yaml:7:17: error: sync.windows[0].schedule: expected five fields of cron, such as 0 9 * * 1-5, found "0 25 * * *"',
    ],
    [
      'an extra region that Fly lacks',
      'extra_regions: [ams, arm]\n',
      'app.yaml:5:22: warning: extra_regions[1]: no region of Fly that is known here is called "arm" (did you mean arn?)',
    ],
    [
      'a region of an address',
      'network:\n  ips:\n    - { v: v6, region: moon }\n',
      'app.yaml:7:24: warning: network.ips[0].region: no region of Fly that is known here is called "moon" (fly platform regions lists them)',
    ],
    [
      'a count for a region the app is not in',
      'machines:\n  count: 1\n  count_per_region: { anr: 2 }\n',
      'app.yaml:7:28: warning: machines.count_per_region.anr: the app is not in anr, so this count is ignored (did you mean arn?)',
    ],
    [
      'a size that Fly lacks',
      'vm:\n  - size: shared-cpu-1\n',
      'app.yaml:6:11: error: vm[0].size: Fly has no machine size "shared-cpu-1" (did you mean shared-cpu-1x?)',
    ],
    [
      'a size in a single table that stands for a list',
      'vm: { size: shared-cpu-1 }\n',
      'app.yaml:5:13: error: vm[0].size: Fly has no machine size "shared-cpu-1" (did you mean shared-cpu-1x?)',
    ],
    [
      'a size under an older name',
      'compute:\n  memory: 1gb\nvm:\n  - size: shared-cpu-2\n    processes: [app]\n',
      'app.yaml:8:11: error: vm[1].size: Fly has no machine size "shared-cpu-2" (did you mean shared-cpu-2x?)',
    ],
    [
      'one secret without its list',
      'secrets:\n  name: A\n  type: raw\n  raw: x\nenv: { A: "" }\n',
      'app.yaml:6:9: warning: secrets[0].name: env has A too: the secret beats it (keep one of the two)',
    ],
    [
      'a port open already',
      'services:\n  - internal_port: 1\n    ports:\n      - port: 80\n      - { start_port: 70, end_port: 90 }\n',
      'app.yaml:9:9: warning: services[0].ports[1]: services[0].ports[0] opens tcp port 80 for the same process group (leave the port to one of them)',
    ],
    [
      'a check where no service listens',
      'http_service: { internal_port: 8080 }\nchecks:\n  up: { type: tcp, port: 8081 }\n',
      'app.yaml:7:26: warning: checks.up.port: no service of app listens on port 8081: they listen on 8080 (right only where the program answers on that port, too)',
    ],
    [
      'a secret that hides env',
      'env: { TOKEN: "" }\nsecrets:\n  - { name: TOKEN, type: env }\n',
      'app.yaml:7:13: warning: secrets[0].name: env has TOKEN too: the secret beats it (keep one of the two)',
    ],
    [
      'a number as text',
      'source:\n  type: git\n  repo: x\n  ref: { tag: 1.10 }\n',
      'app.yaml:8:15: error: source.ref.tag: expected text, found a number (put it in quotes)',
    ],
    [
      'env that changes by being read',
      'env:\n  VERSION: 1.10\n',
      'app.yaml:6:12: warning: env.VERSION: 1.10 is read as the number 1.1, and that is what the app gets (put it in quotes)',
    ],
  ])('%s', async (_what, more, expected) => {
    expect((await inApp(more))[0]).toBe(expected);
  });

  it('a primary region that Fly lacks, where it is named', async () => {
    expect(await inApp('deploy_params: [--region, arm]\n')).toContain(
      'app.yaml:5:17: warning: deploy_params[0]: no region of Fly that is known here is called "arm" (did you mean arn?)',
    );
    const text = 'app: web\nprimary_region: anr\nbuild: { image: nginx }\n';
    expect(await problems({ 'app.yaml': text })).toStrictEqual([
      'app.yaml:2:17: warning: primary_region: no region of Fly that is known here is called "anr" (did you mean arn?)',
    ]);
  });

  it.each([
    [
      'a key twice',
      'app: web\nprimary_region: arn\napp: two\n',
      'app.yaml:3:1: error: app: "app" is written twice (keep one of the two)',
    ],
    ['a broken line', 'app: web\nenv:\n  A: "x\n', 'app.yaml:4:1: error: not valid YAML: Missing closing "quote'],
    ['an unknown tag', 'app: !vault web\n', 'app.yaml:1:6: error: not valid YAML: Unresolved tag'],
    [
      'an alias of nothing',
      'app: *name\n',
      'app.yaml:1:6: error: app: there is no anchor &name before this (anchors stand above their aliases)',
    ],
    [
      'two documents',
      'app: web\n---\napp: two\n',
      'app.yaml:2:1: error: expected one document, found several: a line with --- starts a new one',
    ],
    ['a list', '- app: web\n', 'app.yaml:1:1: error: expected fields, found a list'],
    ['nothing', '# later\n', 'app.yaml:1:1: error: expected fields, found an empty file'],
    [
      'a long number',
      'app: web\nenv:\n  ID: 12345678901234567890\n',
      'app.yaml:3:7: error: env.ID: this number is too long to be read exactly (put it in quotes)',
    ],
    ['a field name that is none', 'app: web\n__proto__: 1\n', 'app.yaml:2:1: error: __proto__ cannot be a field name'],
    ['tabs', 'app: web\nenv:\n\tA: b\n', 'app.yaml:3:1: error: not valid YAML: Tabs are not allowed as indentation'],
  ])('%s', async (_what, text, expected) => {
    expect((await problems({ 'app.yaml': text })).join('\n')).toContain(expected);
  });

  it('bytes that are no text', async () => {
    expect(await problems({ 'app.yaml': Uint8Array.from([0x61, 0xff, 0xfe]) })).toStrictEqual([
      'app.yaml:1:1: error: expected text in UTF-8, found other bytes',
    ]);
  });

  it.each(['app.yaml', 'project.yaml', 'flycd.yaml'])('a file over 1 MiB: %s', async (name) => {
    const fleet = await load({ [name]: `#${'x'.repeat(1_048_576)}`, 'other/app.yaml': appYaml('other') });
    expect(said(fleet.problems)).toContain(`${name}:1:1: error: ${name} is larger than 1048576 bytes`);
    if (name === 'app.yaml') expect(fleet.invalid).toStrictEqual([{ name: undefined, file: 'app.yaml' }]);
    // Whoever cannot read a project does not know all of its apps.
    if (name === 'project.yaml') expect(fleet.whole).toBe(false);
  });

  it('a bomb of aliases', async () => {
    const levels = Array.from({ length: 30 }, (_unused, at) => `l${at + 1}: &l${at + 1} [${`*l${at}, `.repeat(10)}]`);
    const text = `l0: &l0 [x]\n${levels.join('\n')}\n`;
    expect(await problems({ 'app.yaml': text })).toStrictEqual([
      expect.stringMatching(/^app\.yaml:\d+:\d+: error: .* expected at most \d+ (values|aliases), found more$/),
    ]);
  });

  it('nesting without end', async () => {
    expect((await problems({ 'app.yaml': `app: ${'['.repeat(20_000)}` }))[0]).toContain('nested more than 64 deep');
    const deep = `app: web\nenv: ${'{a: '.repeat(100)}1${'}'.repeat(100)}\n`;
    expect((await problems({ 'app.yaml': deep })).join('\n')).toContain('nested more than 64 deep');
  });

  it('says everything at once', async () => {
    const files = {
      'a/app.yaml': appYaml('a', 'machines:\n  count: x\nsecrets:\n  - name: 1x\n'),
      'b/app.yaml': 'app: [\n',
    };
    expect((await problems(files)).map((line) => line.split(': ').slice(0, 3).join(': '))).toStrictEqual([
      'a/app.yaml:6:10: error: machines.count',
      'a/app.yaml:8:5: error: secrets[0].type',
      'a/app.yaml:8:11: error: secrets[0].name',
      expect.stringContaining('b/app.yaml:'),
    ]);
  });
});

describe('in TOML and JSON', () => {
  const base = 'app = "web"\nprimary_region = "arn"\n[build]\nimage = "nginx"\n';

  it.each([
    [
      'a table',
      '[machines]\ncuont = 1\n',
      'app.toml:6:1: error: machines.cuont: FlyCD has no field "cuont" here (did you mean count?)',
    ],
    ['a value', '[machines]\n  count = "x"\n', 'app.toml:6:11: error: machines.count: expected a number, found text'],
    [
      'an item of a list of tables',
      '[[volumes]]\nname = "a"\n[[volumes]]\nname = "B"\n',
      'app.toml:8:8: error: volumes[1].name: expected small letters, digits and underscores, at most 30, found "B"',
    ],
    [
      'a table inside an item',
      '[[services]]\ninternal_port = 1\n[[services.ports]]\nport = 1\n[[services.ports]]\nport = 99999\n',
      'app.toml:10:8: error: services[0].ports[1].port',
    ],
    ['a dotted key', 'sync.drift = "hael"\n', 'app.toml:5:14: error'],
    ['an inline table counts as its line', 'x = 1\nnetwork = { ips = [{ v = "v5" }] }\n', 'app.toml:6:1: error'],
    ['broken TOML', 'machines = {\n', 'app.toml:6:1: error: not valid TOML'],
    [
      'a long number',
      '[env]\nID = 12345678901234567890\n',
      'app.toml:6:6: error: env.ID: this number is too long to be read exactly',
    ],
  ])('%s', async (what, more, expected) => {
    // Dotted keys below [build] would be build's.
    const text = what === 'a dotted key' || what.startsWith('an inline') ? `${more}${base}` : `${base}${more}`;
    const moved = expected.replace(/app\.toml:([56]):/, (whole, line: string) =>
      text.startsWith(more) ? `app.toml:${Number(line) - 4}:` : whole,
    );
    expect((await problems({ 'app.toml': text })).find((line) => line.includes('error'))).toContain(moved);
  });

  it('JSON with tabs', async () => {
    const json =
      '{\n\t"app": "web",\n\t"primary_region": "arn",\n\t"build": { "image": "x" },\n\t"swap_size_mb": { "count": "x" }\n}\n';
    expect(await problems({ 'fly.json': json }, 'fly.json')).toStrictEqual([
      'fly.json:5:2: error: swap_size_mb: expected a whole number, found a table',
    ]);
  });
});

describe('with projects', () => {
  const project = (common: string): string => `project: p\nsource:\n  type: local\ncommon:\n${common}`;

  it('a value from defaults is reported in its own file, with the app named', async () => {
    const files = {
      'project.yaml': project('  app_defaults:\n    machines:\n      count: many\n'),
      'a/app.yaml': appYaml('a'),
      'b/app.yaml': appYaml('b'),
    };
    const fleet = await load(files);
    expect(errorsOf(fleet)).toStrictEqual([
      'project.yaml:7:14: error: machines.count: expected a number, found text',
      'project.yaml:7:14: error: machines.count: expected a number, found text',
    ]);
    expect(fleet.problems.map(({ app }) => app)).toStrictEqual(['a', 'b']);
    expect(fleet.invalid.map(({ name }) => name)).toStrictEqual(['a', 'b']);
    expect(fleet.whole).toBe(true);
  });

  it('an override that spoils what the app says', async () => {
    const files = {
      'project.yaml': project('  app_overrides:\n    machines: { count: x }\n'),
      'app.yaml': appYaml('a', 'machines:\n  count: 1\n'),
    };
    expect(await problems(files)).toStrictEqual([
      'project.yaml:6:24: error: machines.count: expected a number, found text',
    ]);
  });

  it('an item that a list of defaults brought', async () => {
    const files = {
      'project.yaml': project('  app_defaults:\n    volumes:\n      - name: ok\n      - name: NO\n'),
      'app.yaml': appYaml('a', 'volumes:\n  - name: fine\n  - name: NEITHER\n'),
    };
    expect(
      (await problems(files)).filter((line) => line.includes('error')).map((line) => line.split(': ')[0]),
    ).toStrictEqual(['app.yaml:7:11', 'project.yaml:8:15']);
  });

  it('items merged by key keep the places of their fields', async () => {
    const files = {
      'project.yaml': project(
        '  lists: by_key\n  app_defaults:\n    volumes:\n      - name: data\n        size_gb: x\n',
      ),
      'app.yaml': appYaml('a', 'volumes:\n  - name: data\n    count: y\n'),
    };
    expect((await problems(files)).map((line) => line.split(': ').slice(0, 3).join(': '))).toStrictEqual([
      'app.yaml:7:12: error: volumes[0].count',
      'project.yaml:9:18: error: volumes[0].size_gb',
    ]);
  });

  it('a warning in defaults is said once for all apps', async () => {
    const files = {
      'project.yaml': project('  app_defaults:\n    vm_size: x\n'),
      'a/app.yaml': appYaml('a'),
      'b/app.yaml': appYaml('b'),
    };
    const fleet = await load(files);
    expect(said(fleet.problems)).toStrictEqual([
      'project.yaml:6:5: warning: vm_size: Fly knows no such field here; it is kept and has no effect',
    ]);
    expect(fleet.problems[0]?.app).toBeUndefined();
  });

  it('places after substitution are those of the text as written', async () => {
    const files = {
      'project.yaml': project('  substitutions:\n    short: a much longer text\n    COUNT: many\n'),
      'app.yaml': appYaml('a', 'env:\n  A: short\n  B: short\nmachines: { ram_mb: x, count: COUNT }\n'),
    };
    expect(await problems(files)).toStrictEqual([
      'app.yaml:8:21: error: machines.ram_mb: expected a number, found text',
      'app.yaml:8:31: error: machines.count: expected a number, found text, by substitution in project.yaml:7',
    ]);
  });

  it('syntax that a substitution broke', async () => {
    const files = {
      'project.yaml': project('  substitutions:\n    VALUE: "[1"\n'),
      'app.yaml': 'app: a\nenv:\n  A: VALUE\n',
    };
    expect((await problems(files))[0]).toMatch(/^app\.yaml:\d+:\d+: error: not valid YAML: .*/);
  });
});
