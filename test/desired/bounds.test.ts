/** What one file may cost, whatever is in it: from its bytes to desired apps and problems with their places. */
import { describe, expect, test } from 'vitest';
import { expectWithin } from '../work.ts';
import { load, said } from './loading.ts';

const longest = 64 * 1024;
/** Milliseconds of the processor. */
const budget = 100;

/** As many items as fit, in all of a file of 64 KiB. */
function fill(before: string, item: (index: number) => string, after = ''): string {
  const parts = [before];
  let length = before.length + after.length;
  for (let index = 0; ; index += 1) {
    const part = item(index);
    length += part.length;
    if (length > longest) return [...parts, after].join('');
    parts.push(part);
  }
}

/** The first so many of them: dense text is refused before it costs anything, so the costly ones are below that cap. */
function some(count: number, item: (index: number) => string): string {
  return Array.from({ length: count }, (_unused, index) => item(index)).join('');
}

const yaml = 'app: web\nprimary_region: arn\nbuild: {image: nginx:1.27}\n';
const toml = 'app="web"\nprimary_region="arn"\nbuild.image="nginx:1.27"\n';
const project = 'project: p\nsource: {type: local}\n';

async function expectHarmless(files: Readonly<Record<string, string>>): Promise<void> {
  for (const content of Object.values(files)) expect(content.length).toBeLessThanOrEqual(longest);
  const { apps, problems } = await load(files);
  expect(apps.length + problems.length).toBeGreaterThan(0);
  for (const { severity, line } of problems) if (severity === 'error') expect(line).toBeGreaterThan(0);
  await expectWithin(budget, () => load(files));
}

describe('app.yaml', () => {
  test.each([
    ['ones in a list', fill(`${yaml}a: [`, () => '1,', ']')],
    ['ones in a list, as many as may be', `${yaml}a: [${some(4900, () => '1,')}]`],
    ['fields', fill(yaml, (index) => `k${index}: 1\n`)],
    ['fields nobody knows, as many as may be', yaml + some(2400, (index) => `k${index}: 1\n`)],
    ['fields with a slip', yaml + some(2400, (index) => `machi${index}: 1\n`)],
    ['the same field', fill(yaml, () => 'a: 1\n')],
    ['empty tables', fill(`${yaml}services: [`, () => '{},', ']')],
    ['empty tables, as many as may be', `${yaml}services: [${some(4500, () => '{},')}]`],
    ['fields without a name', fill(yaml, () => ':\n')],
    ['pairs without names', fill(`${yaml}a: [`, () => ':,', ']')],
    ['tags', fill(`${yaml}a: [`, () => '!!x a,', ']')],
    ['tags, as many as may be', `${yaml}a: [${some(490, () => '!!x a,')}]`],
    ['anchors', fill(`${yaml}a: [`, () => '&a a,', ']')],
    ['aliases', fill(`${yaml}a: &a 1\nb: [`, () => '*a,', ']')],
    ['aliases of a table', `${yaml}a: &a {${some(20, (index) => `k${index}: 1,`)}}\nb: [${some(450, () => '*a,')}]`],
    ['merges of a table', `${yaml}a: &a {${some(20, (i) => `k${i}: 1,`)}}\n${some(450, (i) => `y${i}: {<<: *a}\n`)}`],
    ['braces that close nothing', fill(yaml, () => '}')],
    ['mistakes', fill(yaml, () => '- &a x\n? [a]\n<<: *a\n')],
    ['lists in lists', fill(`${yaml}a: `, () => '[')],
    ['items in items', fill(`${yaml}a:\n  `, () => '- ')],
    ['questions', fill(`${yaml}a:\n  `, () => '? ')],
    ['comments', fill(yaml, () => '#\n')],
    ['lines', fill(yaml, () => '\n')],
    ['documents', fill(yaml, () => '---\n')],
    ['numbers that read otherwise', `${yaml}env:\n${some(2400, (index) => ` k${index}: 1.0\n`)}`],
    ['containers without a name', `${yaml}machine: {containers: [${some(2900, () => '{x: 1},')}]}`],
    ['groups with mistakes', `${yaml}machine: {groups: {${some(1100, (index) => `g${index}: {x: 1},`)}}}`],
    ['secrets without a name', `${yaml}secrets: [${some(4500, () => '{},')}]`],
    ['volumes', `${yaml}volumes: [${some(800, (index) => `{name: s${index}, size_gb: 1},`)}]`],
    ['regions nobody has', `${yaml}extra_regions: [${some(4500, (index) => `r${index},`)}]`],
    ['flags', `${yaml}deploy_params: [${some(4500, (index) => `--x${index},`)}]`],
    ['policies nobody knows', `${yaml}sync:\n${some(2400, (index) => ` k${index}: 1\n`)}`],
  ])('%s', (_what, text) => expectHarmless({ 'app.yaml': text }));
});

describe('app.toml', () => {
  test.each([
    ['ones in a list', fill(`${toml}a=[`, () => '1,', ']')],
    ['fields', fill(toml, (index) => `k${index}=1\n`)],
    ['fields with a slip', fill(toml, (index) => `machi${index}=1\n`)],
    ['numbers that read otherwise', fill(`${toml}[env]\n`, (index) => `k${index}=1.0\n`)],
    ['long numbers', fill(`${toml}a=[`, () => '99999999999999999999,', ']')],
    ['tables', fill(toml, () => '[[services]]\n')],
    ['tables in tables', fill(toml, (index) => `[services.a${index}.b]\n`)],
    ['secrets without a name', fill(`${toml}secrets=[`, () => '{},', ']')],
    ['secrets without a name, as many as may be', `${toml}secrets=[${some(4900, () => '{},')}]`],
    ['containers without a name', `${toml}machine.containers=[${some(4900, () => '{},')}]`],
    ['regions nobody has', fill(`${toml}extra_regions=[`, (index) => `"r${index}",`, ']')],
    ['brackets', fill(toml, () => '[')],
    ['one name', fill(toml, () => 'a.')],
  ])('%s', (_what, text) => expectHarmless({ 'app.toml': text }));
});

describe('project.yaml', () => {
  const defaults = `${project}common:\n app_defaults:\n`;
  test.each([
    ['defaults', fill(`${defaults}  env:\n`, (index) => `   k${index}: x\n`)],
    ['defaults, as many as may be', `${defaults}  env:\n${some(2300, (index) => `   k${index}: x\n`)}`],
    ['services', `${defaults}  services: [${some(1800, (index) => `{a: ${index}},`)}]`],
    [
      'services by key',
      `${project}common:\n lists: by_key\n app_defaults:\n  services: [${some(1800, () => '{a: 1},')}]`,
    ],
    ['fields nobody knows', project + some(2400, (index) => `k${index}: 1\n`)],
  ])('%s', (_what, text) => expectHarmless({ 'project.yaml': text, 'app.yaml': yaml }));

  test('two long lists, of which one is appended to the other', async () => {
    const list = (sign: string): string => `[${some(4900, (index) => `${sign}${index + 1},`)}]`;
    const files = { 'project.yaml': `${defaults}  a: ${list('')}\n`, 'app.yaml': `${yaml}a: ${list('-')}\n` };
    // Two files of which each may take as long.
    await expectWithin(2 * budget, () => load(files));
  });
});

describe('substitutions', () => {
  const long = (text: string): string => fill(`${yaml}#`, () => text);
  const patterns = (pattern: (index: number) => string, count = 100): string =>
    `${project}common:\n substitutions:\n${some(count, (index) => `  ${JSON.stringify(pattern(index))}: b\n`)}`;
  test.each([
    ['many that match nowhere', patterns((index) => `a${index}|[a-z]*x`), long('a')],
    ['one that matches everywhere', patterns(() => 'a', 1), long('a')],
    ['many that match everywhere', patterns((index) => `a(${index})?`), long('a')],
    ['searches that read to the end each time', patterns(() => 'x[^y]*y|x', 1), long('x')],
    ['repetitions of repetitions', patterns((index) => `((a|b${index})*c){30}`), long('ab')],
    ['repetitions that become large programs', patterns((index) => `(a{0,${400 + index}})b`), long('a')],
    ['one long pattern', patterns(() => '(a?)'.repeat(15_000), 1), long('a')],
    ['many long patterns', patterns((index) => `${'a?'.repeat(180)}${index}`), long('a')],
  ])('%s', async (_what, projectYaml, appYaml) => {
    await expectHarmless({ 'project.yaml': projectYaml, 'app.yaml': appYaml });
  });
});

describe('what a real config says stays far below the limits', () => {
  test('a thousand variables, fifty services with checks, a file of 500 lines', async () => {
    const text = [
      yaml,
      `env:\n${some(1000, (index) => `  NAME_${index}: "value ${index}" # why\n`)}`,
      'services:\n',
      some(
        50,
        (index) => `  - internal_port: ${index + 1000}\n    protocol: tcp\n    ports: [{port: ${index + 2000}}]\n`,
      ),
      'files:\n  - guest_path: /a\n    raw_value: |\n',
      some(500, (index) => `      a line of text: ${index}, [with] {marks}\n`),
    ].join('');
    const { apps, problems } = await load({ 'app.yaml': text });
    expect(said(problems)).toStrictEqual([]);
    expect(apps).toHaveLength(1);
  });

  test('fifty patterns with groups over eight KiB', async () => {
    const names = some(50, (index) => `  '\\$\\{(NAME)_${index}\\}': 'x$1'\n`);
    const text = `${yaml}env:\n${some(200, (index) => `  A${index}: a-value-of \${NAME_${index % 50}}\n`)}`;
    const { apps, problems } = await load({
      'project.yaml': `${project}common:\n substitutions:\n${names}`,
      'app.yaml': text,
    });
    expect(said(problems)).toStrictEqual([]);
    expect(apps[0]?.fly['env']).toMatchObject({ A0: 'a-value-of xNAME' });
  });
});

test.each([
  [
    'a YAML file of too many pieces',
    'app.yaml',
    fill(`${yaml}a:\n`, () => '- 1\n'),
    /^app\.yaml:\d{4}:\d: error: expected at most 15000 /,
  ],
  [
    'too many tags',
    'app.yaml',
    fill(`${yaml}a: [`, () => '!!x a,', ']'),
    /^app\.yaml:4:\d+: error: expected at most 500 tags/,
  ],
  [
    'too many values',
    'app.toml',
    fill(`${toml}a=[`, () => '1,', ']'),
    /^app\.toml:4:\d+: error: a\[\d+\]: expected at most 5000 values/,
  ],
] as const)('%s is refused where it becomes too much', async (_what, path, text, said_) => {
  const { problems } = await load({ [path]: text });
  expect(said(problems)).toStrictEqual([expect.stringMatching(said_)]);
});
