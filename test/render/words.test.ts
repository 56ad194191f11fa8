import * as fc from '../property.ts';
import { expect, test } from 'vitest';
import type { Problem } from '../../src/model/base/problem.ts';
import { faultText } from '../../src/render/text/fault.ts';
import { problemsText } from '../../src/render/problems.ts';
import { validationJson, validationMarkdown, validationText } from '../../src/render/validation.ts';
import { progressText } from '../../src/render/progress.ts';
import { filledColumns, markdownTable, textTable } from '../../src/render/text/table.ts';
import { plain } from '../../src/model/base/plain.ts';
import { formatChange, formatDuration } from '../../src/render/text/plain.ts';
import { failedRun, goodRun, start, webPlan } from './fixture.ts';

const problem: Problem = {
  severity: 'error',
  file: 'apps/web/app.yaml',
  line: 12,
  column: 3,
  path: 'machines.cuont',
  message: 'unknown field',
  hint: 'did you mean count?',
};

test('a problem stands where editors look for it, errors first', () => {
  const warning: Problem = { ...problem, severity: 'warning', line: 0, column: 0, path: '', hint: undefined };
  expect(problemsText([warning, problem], false)).toBe(
    'apps/web/app.yaml:12:3: error: machines.cuont: unknown field\n  hint: did you mean count?\n' +
      'apps/web/app.yaml: warning: unknown field\n',
  );
});

test('a validation', () => {
  const good = {
    fleet: 'acme',
    revision: 'abc',
    root: '',
    apps: [{ app: 'web', file: 'web/app.yaml' }],
    invalid: [],
    problems: [],
  };
  const bad = { ...good, apps: [], invalid: [{ app: undefined, file: 'web/app.yaml' }], problems: [problem] };
  expect(validationText(good, false)).toBe('1 app valid.\n');
  expect(validationText(bad, false)).toMatch(/0 apps valid, 1 invalid, 1 error\.\n$/);
  expect(validationJson(bad)).toMatchObject({ valid: false, invalid: [{ app: null }], problems: [{ line: 12 }] });
  expect(validationMarkdown(bad)).toContain('| error | apps/web/app.yaml:12:3 |');
});

test('an error says what, why, where and what next', () => {
  expect(
    faultText({ what: 'no Fly token', why: 'line one\nline two', next: 'export FLY_API_TOKEN=…', where: 'env' }, false),
  ).toBe(
    [
      'error: no Fly token',
      '  why:   line one',
      '         line two',
      '  where: env',
      '  next:  export FLY_API_TOKEN=…',
      '',
    ].join('\n'),
  );
});

test('progress is whole lines', () => {
  const [release] = webPlan.steps;
  if (release === undefined) throw new Error('the fixture has a release');
  const [result] = failedRun.results;
  if (result === undefined) throw new Error('the fixture has a result');
  const lines = [
    progressText({ type: 'app.started', app: 'web' }, false),
    progressText({ type: 'step.started', app: 'web', step: release }, false),
    progressText({ type: 'step.finished', app: 'web', step: release, result }, false),
    progressText({ type: 'waiting', app: 'web', because: 'another holds the lease', until: start }, false),
    progressText({ type: 'command.started', app: 'web', command: 'bin/migrate', deadline: start }, false),
    progressText({ type: 'app.finished', app: 'web', run: goodRun }, false),
    progressText({ type: 'app.finished', app: 'web', run: { ...goodRun, outcome: 'no-change' } }, false),
  ];
  expect(lines.join('')).toBe(
    [
      'web: … release web',
      'web: ~ release web failed (12 s)',
      '    Fly refused: 422',
      '    name is reserved',
      '    next: choose another name in apps/api/app.yaml',
      'web: ! waiting until 2026-01-01 00:00:00Z: another holds the lease',
      'web: … release command (until 2026-01-01 00:00:00Z at the latest): bin/migrate',
      'web: updated, synced',
      '',
    ].join('\n'),
  );
});

test('no text of any kind keeps a character that steers a terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      return !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(plain(text) + formatChange(text, [text]));
    }),
  );
});

test('tables', () => {
  const table = {
    columns: ['APP', 'N'],
    rows: [
      ['a', '1'],
      ['longer', ''],
    ],
  };
  expect(textTable(table)).toBe('APP     N\na       1\nlonger');
  expect(filledColumns({ columns: ['APP', 'WHY'], rows: [['a', '']] })).toEqual({ columns: ['APP'], rows: [['a']] });
  expect(markdownTable({ ...table, rows: [['a|b', '<x>']] })).toBe('| APP | N |\n| --- | --- |\n| a\\|b | &lt;x&gt; |');
});

test.each([
  [400, '0.4 s'],
  [12_300, '12 s'],
  [180_000, '3 min'],
  [3 * 3_600_000, '3 h'],
  [3 * 86_400_000, '3 d'],
])('%i ms is %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
