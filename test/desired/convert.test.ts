import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { findConversions, type Conversion, type ConversionTarget } from '../../src/desired/convert.ts';
import { mapGroups } from '../../src/flyconfig/machine.ts';
import { repairFlyConfig } from '../../src/flyconfig/older-forms/repair.ts';
import type { JsonObject } from '../../src/model/base/json.ts';
import { configText } from '../../src/render/config.ts';
import { anyDocument } from '../flyconfig/generated.ts';
import { memoryTree, type MemoryFiles } from './memory-tree.ts';

const find = (files: MemoryFiles, target: ConversionTarget = 'yaml', path = ''): Promise<readonly Conversion[]> =>
  findConversions(memoryTree(files), path, target);

async function only(files: MemoryFiles, target: ConversionTarget, path = ''): Promise<Conversion> {
  const [conversion, ...others] = await find(files, target, path);
  if (conversion === undefined || others.length > 0) throw new Error(`${others.length + 1} conversions`);
  return conversion;
}

/** What the config means to Fly: its machines, whatever form it is written in. */
function meaning(fields: JsonObject | undefined): unknown {
  const { source: _ours, ...fly } = fields ?? {};
  const { config } = repairFlyConfig(fly);
  return mapGroups({ app: 'web', primaryRegion: 'arn', config, readFile: () => undefined });
}

test('there and back, in text, means the same', async () => {
  await fc.assert(
    fc.asyncProperty(anyDocument, async (document) => {
      const toml = configText(document, 'toml');
      const first = await only({ 'fly.toml': toml }, 'yaml');
      // Some generated texts are none that TOML can hold: those are refused, not changed.
      fc.pre(first.fields !== undefined);
      const yaml = configText(first.fields, 'yaml');
      const back = await only({ 'app.yaml': yaml }, 'toml');
      expect(back.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(meaning(back.fields)).toEqual(meaning(first.fields));
      const again = await only({ 'fly.toml': configText(back.fields ?? {}, 'toml') }, 'yaml');
      expect(again.fields).toEqual(first.fields);
    }),
    { numRuns: 200, examples: [[{ '': [{ '<<': '1gb' }] }]] },
  );
});

describe('which files', () => {
  test('those of the usual name in all folders that may hold config, in order', async () => {
    const toml = 'app = "web"\n';
    const files = { 'b/fly.toml': toml, 'a/fly.toml': toml, 'node_modules/x/fly.toml': toml, 'a/other.toml': toml };
    const found = await find(files);
    expect(found.map(({ from, to }) => [from, to])).toEqual([
      ['a/fly.toml', 'a/app.yaml'],
      ['b/fly.toml', 'b/app.yaml'],
    ]);
  });

  test('one that is named, whatever it is called', async () => {
    const files = { 'a/fly.staging.toml': 'app = "web"\n', 'a/fly.toml': 'app = "other"\n' };
    // Of another name it is a fly config still, which says no source.
    const staging = { to: 'a/fly.staging.yaml', fields: { app: 'web' } };
    expect(await only(files, 'yaml', 'a/fly.staging.toml')).toEqual(expect.objectContaining(staging));
    expect(await only({ 'web.yaml': 'app: web\n' }, 'toml', 'web.yaml')).toMatchObject({ to: 'web.toml' });
  });
});

describe('what they become', () => {
  test('an app.yaml has a source and lists its mounts, as flycd 0.x wrote it', async () => {
    const toml = 'app = "web"\n[mounts]\nsource = "data"\ndestination = "/data"\n';
    expect((await only({ 'fly.toml': toml }, 'yaml')).fields).toEqual({
      app: 'web',
      mounts: [{ source: 'data', destination: '/data' }],
      source: { type: 'local' },
    });
  });

  test('a fly.toml keeps a source that says more than the folder it stands in', async () => {
    const plain = 'app: web\nsource:\n  type: local\n';
    expect((await only({ 'app.yaml': plain }, 'toml')).fields).toEqual({ app: 'web' });
    const elsewhere = 'app: web\nsource:\n  type: local\n  path: src\n';
    expect((await only({ 'app.yaml': elsewhere }, 'toml')).fields).toMatchObject({ source: { path: 'src' } });
  });

  test('a fly.toml keeps FlyCD’s own keys, and a warning names each', async () => {
    const yaml = 'app: web\nenv: { A: b }\nmachines:\n  count: 2\nsource:\n  type: local\nsecrets: []\n';
    const { fields, problems } = await only({ 'a/app.yaml': yaml }, 'toml');
    expect(fields).toMatchObject({ machines: { count: 2 }, secrets: [] });
    const message = 'only app.yaml says this; in fly.toml it has no effect';
    expect(problems).toMatchObject([
      { severity: 'warning', file: 'a/app.yaml', line: 3, column: 1, path: 'machines', message },
      { severity: 'warning', file: 'a/app.yaml', line: 7, column: 1, path: 'secrets', message },
    ]);
    expect((await only({ 'other.yaml': 'app: web\norg: acme\n' }, 'toml', 'other.yaml')).problems).toMatchObject([
      { line: 2, message: 'only app.yaml says this; in other.toml it has no effect' },
    ]);
    expect((await only({ 'app.yaml': 'app: web\n' }, 'toml')).problems).toEqual([]);
    expect((await only({ 'fly.toml': 'app = "web"\norg = "acme"\n' }, 'yaml')).problems).toEqual([]);
  });

  test('a base is not in it, and is never written over', async () => {
    const other = await only({ 'app.yaml': 'app: web\nfly_config: base.toml\n', 'base.toml': '' }, 'toml');
    expect(other.fields).toBeDefined();
    expect(other.problems).toMatchObject([
      { line: 2, message: 'only app.yaml says this; in fly.toml it has no effect' },
      { line: 2, message: 'what the fly config that it names says is not in fly.toml' },
    ]);
    for (const source of ['', 'source: { type: local, path: . }\n']) {
      const yaml = `app: web\nfly_config: ./fly.toml\n${source}`;
      const same = await only({ 'a/app.yaml': yaml, 'a/fly.toml': 'kill_timeout = 5\n' }, 'toml');
      expect(same.fields).toBeUndefined();
      expect(same.problems).toMatchObject([
        { severity: 'error', line: 2, column: 13, message: 'it lies over fly.toml, which would be overwritten' },
      ]);
    }
    const elsewhere = 'app: web\nfly_config: fly.toml\nsource: { type: local, path: src }\n';
    expect((await only({ 'app.yaml': elsewhere }, 'toml')).fields).toBeDefined();
  });

  test('one that is too large keeps no other from being converted', async () => {
    const found = await find({ 'a/fly.toml': `# ${'x'.repeat(1_048_576)}`, 'b/fly.toml': 'app = "b"\n' });
    expect(found[0]).toMatchObject({
      fields: undefined,
      problems: [{ file: 'a/fly.toml', line: 1, message: expect.stringContaining('1048576 bytes') }],
    });
    expect(found[1]?.fields).toMatchObject({ app: 'b' });
  });

  test('one that cannot be read has problems with their places', async () => {
    const found = await find({ 'a/fly.toml': 'app = \n', 'b/fly.toml': 'app = "b"\n' });
    expect(found[0]).toMatchObject({ fields: undefined, problems: [{ file: 'a/fly.toml', line: 1, column: 7 }] });
    expect(found[1]?.fields).toMatchObject({ app: 'b' });
  });
});
