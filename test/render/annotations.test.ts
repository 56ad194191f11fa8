import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import type { Problem } from '../../src/model/base/problem.ts';
import { annotation, validationAnnotations } from '../../src/render/annotations.ts';
import { plain } from '../../src/model/base/plain.ts';

const problem: Problem = {
  severity: 'error',
  file: 'apps/shop/app.yaml',
  line: 4,
  column: 3,
  path: 'machines.cuont',
  message: 'FlyCD has no field "cuont" here',
  hint: 'did you mean count?',
  app: 'shop',
};

describe('an annotation', () => {
  test('names the file from the top of the repo, whatever part of it was named', () => {
    const rest =
      ',line=4,col=3,title=FlyCD%3A shop::machines.cuont: FlyCD has no field "cuont" here%0Adid you mean count?';
    expect(annotation(problem, '')).toBe(`::error file=apps/shop/app.yaml${rest}`);
    expect(annotation(problem, 'conf/fleet')).toBe(`::error file=conf/fleet/apps/shop/app.yaml${rest}`);
    expect(annotation({ ...problem, file: '../project.yaml' }, 'conf/fleet')).toBe(
      `::error file=conf/project.yaml${rest}`,
    );
  });

  test('says where, in words, what GitHub cannot show', () => {
    const elsewhere = { ...problem, file: 'https://example.com/conf//app.yaml', hint: undefined };
    expect(annotation(elsewhere, 'conf')).toBe(
      '::error title=FlyCD%3A shop::https://example.com/conf//app.yaml: machines.cuont: FlyCD has no field "cuont" here',
    );
    expect(annotation({ ...problem, file: '../../app.yaml', hint: undefined }, 'conf')).toMatch(
      /^::error title=FlyCD%3A shop::\.\.\/\.\.\/app\.yaml: machines/,
    );
  });

  test('of a whole file has no line', () => {
    const whole: Problem = { severity: 'warning', file: '.', line: 0, column: 0, path: '', message: '50%, all in all' };
    expect(annotation(whole, 'conf')).toBe('::warning file=conf,title=FlyCD::50%25, all in all');
    expect(annotation(whole, '')).toBe('::warning title=FlyCD::.: 50%25, all in all');
  });
});

interface Command {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly message: string;
}

/** A line as GitHub's runner reads it; undefined: no command. */
function commandOf(line: string): Command | undefined {
  const parts = /^\s*::(\S+?)(?: (.*?))?::(.*)$/s.exec(line);
  if (parts === null) return undefined;
  const [, name = '', properties = '', message = ''] = parts;
  const unescaped = (text: string): string =>
    text
      .replaceAll('%0D', '\r')
      .replaceAll('%0A', '\n')
      .replaceAll('%3A', ':')
      .replaceAll('%2C', ',')
      .replaceAll('%25', '%');
  const entries = properties.split(',').map((pair): [string, string] => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), unescaped(pair.slice(at + 1))];
  });
  return { name, properties: Object.fromEntries(entries), message: unescaped(message) };
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        '::',
        '\n',
        '\r',
        '%',
        ',',
        '=',
        ' ',
        '##[',
        'error',
        'stop-commands',
        '%0A',
        '%3A',
        '/',
        '..',
        'a',
      ),
    )
    .map((words) => words.join('')),
);

test('no text breaks out of its annotation, and each comes out whole', () => {
  const anyProblem = fc.record({
    severity: fc.constantFrom('error', 'warning'),
    file: hostile.filter((file) => /^[^/.][^/]*$/.test(file)),
    line: fc.nat(),
    column: fc.nat(),
    path: hostile,
    message: hostile,
    hint: fc.option(hostile, { nil: undefined }),
    app: fc.option(hostile, { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(anyProblem, { maxLength: 4 }), (problems) => {
      const validation = { fleet: 'f', revision: 'r', root: '', apps: [], invalid: [], problems };
      const lines = validationAnnotations(validation).split(/\r\n|\r|\n/);
      expect(lines).toHaveLength(problems.length + 2); // the summary and the end
      expect(lines.slice(-2).map(commandOf)).toStrictEqual([undefined, undefined]);
      const commands = lines.slice(0, -2).map(commandOf);
      const expected = problems.map(({ severity, file, line, column, path, message, hint, app }) => ({
        name: severity,
        properties: {
          file: plain(file),
          ...(line > 0 ? { line: String(line), col: String(column) } : {}),
          title: app === undefined ? 'FlyCD' : `FlyCD: ${plain(app)}`,
        },
        message: `${path === '' ? '' : `${plain(path)}: `}${plain(message)}${hint === undefined ? '' : `\n${plain(hint)}`}`,
      }));
      const text = (command: unknown): string => JSON.stringify(command);
      expect(commands.map(text).toSorted()).toStrictEqual(expected.map(text).toSorted());
    }),
    { numRuns: 500 },
  );
});
