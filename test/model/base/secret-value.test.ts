import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Redactor, SecretValue } from '../../../src/model/base/secret-value.ts';

describe('a secret value', () => {
  const value = new SecretValue('hunter2-and-more');
  test.each([
    ['as text', String(value)],
    ['in JSON', JSON.stringify({ value })],
    ['inspected', inspect({ value }, { depth: 5, showHidden: true })],
  ])('is hidden %s', (_how, shown) => {
    expect(shown).not.toContain('hunter2');
  });
});

describe('the redactor', () => {
  const redactor = new Redactor();
  redactor.learn('hunter2-and-more');
  redactor.learn('short');
  test.each([
    ['a known value', 'got hunter2-and-more here', 'got [secret] here'],
    ['a value too short to be searched for', 'short', 'short'],
    ['credentials in a URL', 'see https://user:token@host.test/x', 'see https://host.test/x'],
    ['a password with an @ in it', 'see https://user:to@ken@host.test/x', 'see https://host.test/x'],
    [
      'an address beside a URL in JSON',
      '{"a":"https://host.test","b":"me@x.test"}',
      '{"a":"https://host.test","b":"me@x.test"}',
    ],
    ['credentials in an ssh URL', 'ssh://git@host.test/x', 'ssh://host.test/x'],
    ['plain text', 'nothing to hide', 'nothing to hide'],
  ])('%s', (_what, text, clean) => {
    expect(redactor.redact(text)).toBe(clean);
  });

  test('takes time in line with the length: a long run of letters does not hang it', () => {
    const time = (length: number): number => {
      const start = performance.now();
      redactor.redact('a'.repeat(length));
      return performance.now() - start;
    };
    time(10_000);
    expect(time(1_000_000)).toBeLessThan(2000);
  });
});
