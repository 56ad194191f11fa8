import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse as parseToml } from 'smol-toml';
import { parse } from 'yaml';
import { App } from '../../schemas/app.ts';
import { Project } from '../../schemas/project.ts';
import { Settings } from '../../schemas/settings.ts';
import { load, said } from './loading.ts';

const examples = join(import.meta.dirname, '../../examples');

function filesUnder(folder: string): readonly string[] {
  return readdirSync(join(examples, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(examples.length + 1));
}

const files = Object.fromEntries(filesUnder('.').map((path) => [path, readFileSync(join(examples, path), 'utf8')]));
const fleet = (path: string) => load(files, { path });

describe.each(['fleet', 'projects-tree', 'apps-without-projects', 'self-project', 'project-elsewhere'])(
  '%s',
  (path) => {
    it('loads without a word', async () => {
      const loaded = await fleet(path);
      expect(said(loaded.problems)).toStrictEqual([]);
      expect(loaded.invalid).toStrictEqual([]);
      expect(loaded.whole).toBe(true);
      expect(loaded.apps.length).toBeGreaterThan(0);
    });
  },
);

it('fleet is three apps in two environments, from images, with all that the demo shows', async () => {
  const { name, named, apps } = await fleet('fleet');
  expect({ name, named }).toStrictEqual({ name: 'demo', named: true });
  expect(apps.map((app) => `${app.projects.join('/')}/${app.name}`)).toStrictEqual([
    'production/demo-cache-production',
    'staging/demo-cache-staging',
    'production/demo-shop-production',
    'staging/demo-shop-staging',
    'production/demo-worker-production',
    'staging/demo-worker-staging',
  ]);
  for (const app of apps) {
    expect(app.image.kind).toBe('reference');
    expect(app.org).toBeUndefined();
  }
  const [cache, , shop, , worker] = apps;
  expect(cache?.volumes).toHaveLength(1);
  expect(cache?.secrets.map(({ origin }) => origin.type)).toStrictEqual(['raw']);
  expect(shop?.network.ips).toHaveLength(2);
  expect(worker?.regions).toStrictEqual(['arn', 'ams']);
  expect(worker?.groups.map(({ name, counts }) => ({ name, counts }))).toStrictEqual([
    { name: 'clock', counts: { arn: 1, ams: 0 } },
    { name: 'web', counts: { arn: 1, ams: 1 } },
  ]);
});

it.each([
  ['projects-tree', ['tools/example-status', 'website/example-blog', 'website/example-landing']],
  ['apps-without-projects', ['/example-one', '/example-root', '/example-two']],
  ['self-project', ['self/example-inner', 'self/example-self']],
  ['project-elsewhere', ['team/example-mailer', 'team/example-reports']],
])('%s holds what it says', async (path, expected) => {
  const { apps } = await fleet(path);
  expect(apps.map((app) => `${app.projects.join('/')}/${app.name}`).toSorted()).toStrictEqual(expected);
});

describe('every file', () => {
  const configs = Object.entries(files).filter(([path]) => /\.(?:ya?ml|toml)$/.test(path));

  it.each(configs)('%s names its schema for editors and fits it', (path, text) => {
    const named = /^#(?: yaml-language-server: \$schema=|:schema )(\S+)\n/.exec(text)?.[1];
    const kind = path.endsWith('project.yaml') ? 'project' : path.endsWith('flycd.yaml') ? 'flycd' : 'app';
    expect(normalize(join('examples', dirname(path), named ?? ''))).toBe(`schemas/json/${kind}.schema.json`);
    const schema = { app: App, project: Project, flycd: Settings }[kind];
    const value: unknown = path.endsWith('.toml') ? parseToml(text) : parse(text);
    const result = schema.safeParse(value);
    expect(result.success ? [] : result.error.issues).toStrictEqual([]);
  });
});
