import * as fc from '../property.ts';
import { parse as parseToml } from 'smol-toml';
import { expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import type { JsonObject } from '../../src/model/base/json.ts';
import { configText } from '../../src/render/config.ts';

const config: JsonObject = {
  app: 'web',
  primary_region: 'arn',
  env: { PORT: '8080', YES: 'yes', EVIL: 'a\u001b[2J\u202e\u{e0041}' },
  http_service: { internal_port: 8080, force_https: true },
  mounts: [{ source: 'data', destination: '/data' }],
  files: [{ guest_path: '/etc/x', raw_value: 'line one\n\tline two\n' }],
};

const readers = {
  yaml: (text: string): unknown => parseYaml(text),
  toml: (text: string): unknown => parseToml(text),
  json: (text: string): unknown => JSON.parse(text),
};

test.each(['yaml', 'toml', 'json'] as const)('a config as %s is plain text that reads back as itself', (form) => {
  const text = configText(config, form);
  expect(text).not.toMatch(/(?![\n\t])[\p{Cc}\p{Cf}]/u);
  expect(readers[form](text)).toEqual(config);
});

test('a key that would ask YAML for a merge is quoted', () => {
  const merged = parseYaml(configText({ app: 'web', env: { '<<': '1gb' } }, 'yaml'), { merge: true }) as unknown;
  expect(merged).toEqual({ app: 'web', env: { '<<': '1gb' } });
});

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const values = fc.dictionary(
  text.filter((key) => key !== '__proto__'),
  fc.oneof(text, fc.boolean(), fc.integer(), fc.array(text, { maxLength: 3 })),
  { maxKeys: 5 },
);

test('any text survives each form', () => {
  fc.assert(
    fc.property(values, (value) => {
      expect(parseYaml(configText(value, 'yaml'))).toEqual({ ...value });
      expect(JSON.parse(configText(value, 'json'))).toEqual({ ...value });
      expect({ ...parseToml(configText(value, 'toml')) }).toEqual({ ...value });
    }),
    { numRuns: 200 },
  );
});
