import { expect, test } from 'vitest';
import { brokenConfig, goodConfig } from './config.ts';
import { play } from './transcript.ts';

test('validate: a broken app among good ones', async () => {
  const text = await play({
    files: brokenConfig,
    scenes: [
      'validate config',
      'validate config --output json',
      'validate config --output markdown',
      'validate config --output github',
      'validate config --app acme-web',
      'validate config --app acme-wbe',
      {
        says: 'the field is mended',
        does: (stage) => {
          const text = brokenConfig['config/apps/bad/app.yaml'].replace('cuont', 'count');
          stage.write('config/apps/bad/app.yaml', text);
        },
      },
      'validate config',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/validate.txt');
});

test('render: apps, one app in each form, a bare fly.toml, and what cannot be rendered', async () => {
  const text = await play({
    files: {
      ...goodConfig,
      'bare/fly.toml': 'primary_region = "arn"\n[build]\nimage = "nginx:1.27"\n[env]\nA = "b"\n',
    },
    scenes: [
      'render config',
      'render config --app acme-web',
      'render config/apps/web',
      'render config --app acme-web --as toml',
      'render config --app acme-jobs --as json',
      'render config --as toml',
      'render config --app acme-web --machines',
      'render config --app acme-web --explain',
      'render config --machines',
      'render config --explain --machines',
      'render bare/fly.toml',
      'render bare/none.toml',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/render.txt');
});

test('convert: fly.toml files to app.yaml and back, one of them broken, none overwritten unasked', async () => {
  const text = await play({
    files: {
      'apps/web/fly.toml': 'app = "web"\nprimary_region = "arn"\n[mounts]\nsource = "data"\ndestination = "/data"\n',
      'apps/bad/fly.toml': 'app = "bad\n',
    },
    scenes: [
      'convert apps --dry-run',
      'convert apps',
      'convert apps/web',
      'validate apps/web',
      {
        says: 'somebody edits what was written',
        does: (stage) => stage.write('apps/web/app.yaml', 'app: web\nprimary_region: ams\n'),
      },
      'convert apps/web/fly.toml',
      'convert apps/web --to toml --force',
      'render apps/web/fly.toml',
      {
        says: 'an app that says more than Fly’s own file can',
        does: (stage) =>
          stage.write(
            'more/app.yaml',
            'app: more\nprimary_region: arn\nmachines:\n  count: 2\nsecrets:\n  - { name: KEY, type: env }\n',
          ),
      },
      'convert more --to toml',
      'validate more/fly.toml',
      {
        says: 'an app that lies over a fly.toml',
        does: (stage) => stage.write('more/app.yaml', 'app: more\nfly_config: fly.toml\nmachines:\n  count: 2\n'),
      },
      'convert more --to toml --force',
      'convert nowhere',
      'convert apps/web --to json',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/convert.txt');
});

test('settings: flycd.yaml names the repo; its mistakes are told like those of the config', async () => {
  const text = await play({
    files: {
      ...goodConfig,
      'flycd.yaml': 'config_repo: config\n',
      'broken.yaml': 'config_rep: config\nconcurrency: 0\n',
    },
    scenes: ['validate', 'validate --settings broken.yaml', 'validate --settings missing.yaml'],
  });
  await expect(text).toMatchFileSnapshot('golden/settings.txt');
});

test('status and history before the first pass', async () => {
  const text = await play({
    files: goodConfig,
    scenes: [
      'status config',
      'history config',
      'history 1 --config config',
      'history 1 config',
      'history config other',
      'status config --output json',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/no-pass-yet.txt');
});

test('flycd.yaml of the working directory names the fleet of its own config_repo, never of another one', async () => {
  const unnamed = goodConfig['config/project.yaml'].replace('fleet: acme\n', '');
  const text = await play({
    files: {
      ...goodConfig,
      'config/project.yaml': unnamed,
      'other/project.yaml': 'project: other\nsource: { type: local, path: apps }\n',
      'other/apps/web/app.yaml': 'app: other-web\nprimary_region: arn\nsource: { type: image, image: "nginx:1.27" }\n',
      'flycd.yaml': 'config_repo: config\nfleet: house\nsync: { drift: report }\n',
    },
    scenes: [
      'status',
      'status config',
      'status other',
      'status other --settings flycd.yaml',
      'validate other',
      'sync --once other',
      {
        says: 'each machine says fleet other',
        does: ({ simulator }) => {
          const machines = [...(simulator.world.apps.get('other-web')?.machines.values() ?? [])];
          expect(machines.map(({ config }) => config.metadata?.['flycd_fleet'])).toEqual(['other', 'other']);
        },
      },
      'diff other',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/whose-settings.txt');
});
