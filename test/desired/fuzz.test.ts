import {
  array,
  assert,
  asyncProperty,
  constantFrom,
  dictionary,
  integer,
  jsonValue,
  oneof,
  string,
  uint8Array,
} from '../property.ts';
import { it } from 'vitest';
import { stringify } from 'yaml';
import { appYaml, load } from './loading.ts';

/** Pieces that make parsers stumble more often than random bytes do. */
const piece = constantFrom(
  'app: web\n',
  'source:\n',
  '  - ',
  '- ',
  '[',
  ']',
  '{',
  '}',
  '&a ',
  '*a',
  '<<: *a\n',
  '!!binary ',
  '!x ',
  '? ',
  ': ',
  '|\n',
  '>-\n',
  '"',
  "'",
  '#',
  '\t',
  '\n',
  '---\n',
  '...\n',
  '%YAML 1.1\n',
  '\u0000',
  '\u2028',
  '0x1f',
  '1e999',
  '.nan',
  '~',
  'null',
  '__proto__: 1\n',
  'constructor: {}\n',
  'machines:\n  count: ',
  'secrets:\n  - name: A\n',
  'env:\n  A: ',
  '[[services]]\n',
  '[env]\n',
  'x = 1\n',
  '999999999999999999999',
);
const text = oneof(
  string({ unit: 'binary', maxLength: 200 }),
  array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
);

it('loads any bytes as app.yaml, app.toml, project.yaml and flycd.yaml without throwing', async () => {
  const bytes = oneof(
    uint8Array({ maxLength: 200 }),
    text.map((written) => new TextEncoder().encode(written)),
  );
  await assert(
    asyncProperty(
      bytes,
      constantFrom('a/app.yaml', 'a/app.toml', 'project.yaml', 'flycd.yaml'),
      async (content, path) => {
        const fleet = await load({ 'good/app.yaml': appYaml('good'), [path]: content });
        if (fleet.apps.length === 0 && fleet.problems.length === 0) throw new Error('neither an app nor a problem');
        for (const { line, column } of fleet.problems)
          if (line < 0 || column < 0) throw new Error('a place out of the file');
      },
    ),
    { numRuns: 400 },
  );
});

it('loads any value of any field without throwing', async () => {
  const keys = [
    'app',
    'primary_region',
    'org',
    'source',
    'merge_cfg',
    'extra_regions',
    'machines',
    'machine',
    'fly_config',
    'volumes',
    'secrets',
    'network',
    'launch_params',
    'deploy_params',
    'sync',
    'env',
    'services',
    'http_service',
    'processes',
    'vm',
    'mounts',
    'files',
    'build',
    'deploy',
    'checks',
  ];
  const inner = dictionary(
    constantFrom(
      'name',
      'type',
      'count',
      'count_per_region',
      'groups',
      'ips',
      'v',
      'processes',
      'local_path',
      'schedule',
      'standbys',
      'metadata',
      'containers',
      'path',
      'app',
    ),
    jsonValue({ maxDepth: 2 }),
  );
  const document = dictionary(
    constantFrom(...keys),
    oneof(jsonValue({ maxDepth: 3 }), inner, array(inner, { maxLength: 3 })),
  );
  await assert(
    asyncProperty(document, document, async (app, defaults) => {
      const project = stringify({
        project: 'p',
        source: { type: 'local' },
        common: { app_defaults: defaults, app_overrides: app },
      });
      await load({ 'project.yaml': project, 'app.yaml': stringify(app), 'b/app.yaml': appYaml('b') });
    }),
    { numRuns: 300 },
  );
});

it('reads substitutions of any kind', async () => {
  await assert(
    asyncProperty(
      dictionary(string({ maxLength: 12 }), oneof(string({ maxLength: 12 }), integer())),
      async (substitutions) => {
        const project = stringify({ project: 'p', source: { type: 'local' }, common: { substitutions } });
        await load({ 'project.yaml': project, 'app.yaml': appYaml('web') });
      },
    ),
    { numRuns: 200 },
  );
});
