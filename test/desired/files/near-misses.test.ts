/** Names that miss those that FlyCD reads by a slip of the pen, and names that are other files. */
import { describe, expect, test } from 'vitest';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import { appYaml, load, said } from '../loading.ts';

const front = { 'flycd.yaml': 'fleet: acme\n', 'apps/front/app.yaml': appYaml('front') };
const project = 'project: x\nsource: { type: local }\n';

/** What the tree says with one file more, in a folder of its own. */
const beside = (name: string, text: string): Promise<DesiredFleet> => load({ ...front, [`x/${name}`]: text });

const asIs = { problems: [], whole: true };

describe('the name alone says that it is a slip', () => {
  const slips: readonly (readonly [written: string, meant: string])[] = [
    ['app.ymal', 'app.yaml'],
    ['app.yalm', 'app.yaml'],
    ['app.yam', 'app.yaml'],
    ['app.yal', 'app.yaml'],
    ['app.yamll', 'app.yaml'],
    ['app.ymll', 'app.yml'],
    ['app.myl', 'app.yml'],
    ['app.yaml ', 'app.yaml'],
    [' app.yml', 'app.yml'],
    ['app .toml', 'app.toml'],
    ['app.yaml\u200B', 'app.yaml'],
    ['\uFEFFapp.yaml', 'app.yaml'],
    ['\u0430\u0440\u0440.yaml', 'app.yaml'],
    ['\u03B1pp.yaml', 'app.yaml'],
    ['\u0410pp.y\u0430ml', 'app.yaml'],
    ['\uFF41\uFF50\uFF50.yaml', 'app.yaml'],
    ['\u00E1pp.yaml', 'app.yaml'],
    ['App.YAML', 'app.yaml'],
    ['app,yaml', 'app.yaml'],
    ['app yaml', 'app.yaml'],
    ['app_yml', 'app.yml'],
    ['app-toml', 'app.toml'],
    ['app..yaml', 'app.yaml'],
    ['appyaml', 'app.yaml'],
    ['App.ymal~', 'app.yaml'],
    ['apps,yaml.txt', 'app.yaml'],
    ['project.ymal', 'project.yaml'],
    ['Projects yml', 'project.yml'],
    ['pr\u043Eject.yaml', 'project.yaml'],
    ['projectyaml', 'project.yaml'],
  ];

  test.each(slips)('%j: what it may be is not gone', async (written, meant) => {
    const fleet = await beside(written, 'anything: at all\n');
    expect(fleet.whole).toBe(false);
    expect(said(fleet.problems)).toEqual([
      expect.stringMatching(
        new RegExp(`^x/.*: warning: FlyCD reads no file of this name.*\\(rename it to ${meant}, or delete it\\. `),
      ),
    ]);
  });

  test.each(slips.filter(([written]) => !written.endsWith('~')))(
    '%j beside a file of its kind stops nothing',
    async (written) => {
      const both = { 'x/app.yaml': appYaml('x'), 'x/project.yaml': project };
      const fleet = await load({ ...front, ...both, [`x/${written}`]: 'anything: at all\n' });
      expect(fleet.whole).toBe(true);
      expect(fleet.problems).toMatchObject([{ severity: 'warning' }]);
    },
  );

  test('it says which of its letters only look right', async () => {
    const fleet = await beside('\u0430pp.yaml ', appYaml('x'));
    expect(said(fleet.problems)[0]).toContain('FlyCD reads no file of this name (U+0430, U+0020 are in it)');
  });

  test.each(['flycd.ymal', 'Flycd yaml', 'flycd.yaml ', 'fly\u0441d.yml'])(
    '%j of the fleet, with a freeze, stops it',
    async (written) => {
      const fleet = await load({ 'apps/front/app.yaml': appYaml('front'), [written]: 'sync: { auto: false }\n' });
      expect(fleet).toMatchObject({ apps: [], whole: false });
    },
  );
});

describe('what is in it says that it is a slip', () => {
  const slips: readonly (readonly [written: string, text: string, meant: string])[] = [
    ['ap.yaml', 'app: x\n', 'app.yaml'],
    ['aap.yml', 'app: x\n', 'app.yml'],
    ['appp.yaml', 'app: x\n', 'app.yaml'],
    ['pap.yaml', 'app: x\n', 'app.yaml'],
    ['spp.yaml', 'app: x\n', 'app.yaml'],
    ['app.tml', 'app = "x"\n', 'app.toml'],
    ['app.tmol', 'app = "x"\n', 'app.toml'],
    ['app.yamels', 'app: x\n', 'app.yaml'],
    ['ap.ymal', 'app: x\n', 'app.yaml'],
    ['projet.yaml', project, 'project.yaml'],
    ['porject.yaml', project, 'project.yaml'],
    ['projct.toml', 'project = "x"\n[source]\ntype = "local"\n', 'project.toml'],
  ];

  test.each(slips)('%s', async (written, text, meant) => {
    const fleet = await beside(written, text);
    expect(fleet.whole).toBe(false);
    expect(said(fleet.problems)).toEqual([expect.stringContaining(`(rename it to ${meant}, or delete it. `)]);
  });

  test.each(slips)('%s of another tool is another file', async (written) => {
    expect(await beside(written, written.endsWith('l') ? 'kind = "other"\n' : 'kind: other\n')).toMatchObject(asIs);
    expect(await beside(written, '\u0000\u0001')).toMatchObject(asIs);
  });

  test.each(['flycdd.yaml', 'flcyd.yaml'])('%s of the fleet', async (written) => {
    const fleet = await load({ 'apps/front/app.yaml': appYaml('front'), [written]: 'fleet: acme\n' });
    expect(fleet).toMatchObject({ apps: [], whole: false });
  });
});

describe('another file', () => {
  test.each([
    ...[
      'api',
      'map',
      'amp',
      'apt',
      'cap',
      'tap',
      'asp',
      'apm',
      'ape',
      'ops',
      'app1',
      'app2',
      'apply',
      'apple',
      'appx',
      'application',
      'apis',
      'my-app',
      'webapp',
    ].map((stem) => `${stem}.yaml`),
    ...['protect', 'product', 'object', 'subject', 'reject'].map((stem) => `${stem}.yaml`),
    ...['fly', 'flyctl', 'flux', 'fluxcd', 'argocd'].map((stem) => `${stem}.yaml`),
    ...[
      'js',
      'ts',
      'py',
      'rb',
      'go',
      'css',
      'html',
      'xml',
      'xaml',
      'eml',
      'ml',
      'sml',
      'md',
      'txt',
      'ini',
      'env',
      'lua',
      'hcl',
      'tf',
      'conf',
      'tsx',
      'tcl',
      'vue',
      'log',
      'zip',
      'test',
      'text',
    ].map((form) => `app.${form}`),
    'package.json',
    'fly.toml',
    'values.yaml',
    'application.yml',
    'docker-compose.yaml',
    'web.toml',
    'fly.prod.yaml',
    'web.md',
  ])('%s says nothing and stops nothing', async (name) => {
    const text = /project|protect|product/.test(name) ? project : 'app: x\nfleet: y\n';
    const fleet = await beside(name, text);
    expect(fleet).toMatchObject(asIs);
    // In the fleet's own folder, too.
    if (!name.startsWith('fly.')) expect((await load({ ...front, [name]: text })).whole).toBe(true);
  });
});

test.each(['fly.toml', 'fly.prod.yaml', 'fly.yaml.bak', 'web.toml', 'web.md', 'web', 'app.md', 'app.tsx'])(
  '%s keeps no app: it is no app.yaml under another name',
  async (name) => {
    const fleet = await beside(name, 'app: x\n');
    expect(fleet).toMatchObject(asIs);
    expect((await fleet.mentions?.of('x', {}))?.file).toBeUndefined();
  },
);

describe('an app.yaml that somebody put away', () => {
  test.each([
    'app.yaml.bak',
    'app.yml.old',
    'app.yaml.orig',
    'app.yaml-disabled',
    'app.yaml.20260301',
    'app.bak.yaml',
    'app-old.yaml',
    'app (1).yaml',
    'app copy.yaml',
    'App - Copy.yml',
    '_app.yaml',
    '.app.yaml',
    '#app.yaml#',
    'app.yaml.example',
    'app.yaml.yaml',
    'old-app.yaml',
    'old.app.yaml',
    'my app.yaml',
    'Copy of app.yaml',
    'app1.yaml',
    'appold.yaml',
    'my-app.yaml',
    'application.yml',
    'app.bak',
    'app.off',
    'app.disabled',
    'app.txt',
    'app.conf',
    'app.jsonc',
    'app.yaml1',
    'app.yamlbak',
    'apps.yaml.bak',
    'web.yaml',
    'lonely.yml.off',
    'old.json',
  ])('%s keeps the app that it names, and is not said', async (name) => {
    const fleet = await beside(name, appYaml('lonely'));
    expect(fleet).toMatchObject(asIs);
    expect((await fleet.mentions?.of('lonely', {}))?.file).toBe(`x/${name}`);
  });

  test.each([
    ['TOML', 'app.toml.bak', 'app = "lonely"\n'],
    ['JSON', 'app.yaml.bak', '{ "build": {}, "app": "lonely" }'],
    ['a file that cannot be parsed', 'app.yaml.bak', 'env: [\napp: "lonely" # it was\n'],
    ['an anchor', 'app.yaml.bak', 'app: &me lonely\nenv: { NAME: *me }\n'],
    ['a text of several lines', 'app.yaml.bak', 'app: >-\n  lonely\n'],
    ['a tag', 'app.yaml.bak', 'app: !!str lonely\n'],
    ['a name on the next line', 'app.yaml.bak', 'app:\n  lonely\n'],
    ['escapes', 'app.yaml.bak', '"\\u0061pp": "lonel\\u0079"\n'],
    ['a key of its own', 'app.yaml.bak', '? app\n: lonely\n'],
    ['a text of TOML', 'app.toml.bak', 'app = """lonely"""\n'],
    ['a name that is no app’s', 'app.yaml.bak', 'app: Lonely\n'],
    ['a comment', 'app.yaml.bak', '# app: lonely\n# build: { image: nginx }\n'],
    ['a merge', 'app.yaml.bak', '<<<<<<< ours\napp: lonely\n=======\napp: lonely\nenv: {}\n>>>>>>> theirs\n'],
  ])('%s', async (_what, name, text) => {
    const fleet = await beside(name, text);
    expect([(await fleet.mentions?.of('lonely', {}))?.file, await fleet.mentions?.of('it', {})]).toEqual([
      `x/${name}`,
      undefined,
    ]);
  });

  test.each([
    ['app-deployment.yaml', 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: lonely\n'],
    ['app-deploy.yaml', 'jobs:\n  deploy:\n    with: { app: lonely }\n'],
    ['app-ingress.yaml', 'metadata:\n  labels:\n    app: lonely\n{{- if .Values.x }}\n'],
  ])('is no file of another tool that says so further in: %s', async (name, text) => {
    const fleet = await beside(name, text);
    expect(fleet).toMatchObject(asIs);
    expect((await fleet.mentions?.of('lonely', {}))?.file).toBeUndefined();
  });

  test.each([
    ['ap.yaml', 'app: lonely\nenv: [\n'],
    ['ap.yaml', '<<<<<<< ours\napp: lonely\n=======\n>>>>>>> theirs\n'],
    ['app.json', '{\n  // mine\n  "app": "lonely",\n}\n'],
    ['projet.yaml', 'project: p\nsource: [\n'],
    ['project.json', '{ // mine\n  "project": "p", "source": {} }\n'],
    ['project.yaml.bak', 'project: p\nsource: { type: local }\n---\nproject: q\n'],
    ['project.yaml.bak', '# project: p\n# source: { type: local }\n'],
  ])('%s that cannot be parsed is not taken for another tool’s', async (name, text) => {
    expect((await beside(name, text)).whole).toBe(false);
  });

  test('keeps what a project’s substitutions make of the name', async () => {
    const substitutions = `${project}common: { substitutions: { STAGE: prod } }\n`;
    const fleet = await load({ ...front, 'project.yaml': substitutions, 'x/app.yaml.bak': 'app: lonely-STAGE\n' });
    expect((await fleet.mentions?.of('lonely-prod', {}))?.file).toBe('x/app.yaml.bak');
  });

  test('keeps its app beside an app.yaml, too, but as an old copy of what stood there, or where a project ignores it', async () => {
    const text = appYaml('lonely');
    const kept = { file: 'x/app.yaml.bak', as: 'put away' };
    const { mentions } = await load({ ...front, 'x/app.yaml': appYaml('x'), 'x/app.yaml.bak': text });
    expect(await mentions?.of('lonely', {})).toEqual(kept);
    const stood = (file?: string) => ({ isNew: () => false, file: () => Promise.resolve(file) });
    expect(await mentions?.of('lonely', stood('x/app.yaml'))).toBeUndefined();
    for (const file of ['y/app.yaml', 'app.yaml', undefined])
      expect(await mentions?.of('lonely', stood(file))).toEqual(kept);
    expect(await mentions?.of('lonely', { ...stood('x/app.yaml'), isNew: () => true })).toEqual(kept);
    const alone = await load({ ...front, 'x/app.yaml.bak': text });
    expect(await alone.mentions?.of('lonely', stood('x/app.yaml'))).toEqual(kept);
    const ignoring = { ...front, 'project.yaml': `${project}ignore: [x]\n`, 'x/app.yaml.bak': text };
    expect(await (await load(ignoring)).mentions?.of('lonely', {})).toBeUndefined();
  });

  test('is found beside a folder projects as well', async () => {
    const fleet = await load({
      'flycd.yaml': 'fleet: acme\n',
      'projects/y/app.yaml': appYaml('y'),
      'x/app.yaml.bak': appYaml('lonely'),
    });
    expect(fleet.whole).toBe(true);
    expect((await fleet.mentions?.of('lonely', {}))?.file).toBe('x/app.yaml.bak');
  });

  test('of a project, its apps may be anywhere: none is removed', async () => {
    const fleet = await beside('project.yaml.bak', project);
    expect(fleet.whole).toBe(false);
    expect(said(fleet.problems)).toEqual([
      expect.stringContaining('x/project.yaml.bak: warning: FlyCD reads no file of this name'),
    ]);
    for (const name of ['old-project.yaml', 'project2.yaml', 'proj.yaml', 'projects.bak', 'projector.yml.off'])
      expect((await beside(name, project)).whole).toBe(false);
    expect(await beside('project.yaml.bak', 'project: gcp-project-17\n')).toMatchObject(asIs);
    for (const name of ['project.yaml.example', 'project.example.yaml', 'project.yaml.tmpl'])
      expect(await beside(name, project)).toMatchObject(asIs);
  });
});
