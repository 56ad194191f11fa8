import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { splitCommand } from '../../../src/flyconfig/reading/command.ts';
import { canonicalDuration, formatDuration, parseDuration } from '../../../src/flyconfig/reading/duration.ts';
import { gigabytes, mebibytes, parseSize } from '../../../src/flyconfig/reading/sizes.ts';

describe('durations', () => {
  // Source: Go's time.ParseDuration and Duration.String.
  test.each([
    ['60s', '1m0s'],
    ['90s', '1m30s'],
    ['1h', '1h0m0s'],
    ['1.5h', '1h30m0s'],
    ['1m21s', '1m21s'],
    ['100ms', '100ms'],
    ['1500ms', '1.5s'],
    ['1.5ms', '1.5ms'],
    ['2us', '2µs'],
    ['7ns', '7ns'],
    ['0', '0s'],
    ['0s', '0s'],
    ['-1s', '-1s'],
    ['+3s', '3s'],
    ['.5s', '500ms'],
  ])('%s is %s', (written, canonical) => {
    expect(canonicalDuration(written)).toBe(canonical);
    expect(canonicalDuration(canonical)).toBe(canonical);
  });

  test('whole numbers on the wire are nanoseconds', () => {
    expect(canonicalDuration(15_000_000_000)).toBe('15s');
  });

  test.each(['', '5', 's', '1 s', '1x', '1s2', '--1s', '.s', '999999999999h'])('"%s" is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined();
    expect(canonicalDuration(text)).toBe(text);
  });

  test('what is formatted is parsed to the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), (nanoseconds) => {
        expect(parseDuration(formatDuration(nanoseconds))).toBe(nanoseconds);
      }),
    );
  });
});

describe('sizes', () => {
  // Source: flyctl's ParseSize with go-units: memory is binary, volumes are decimal.
  test.each([
    ['512', mebibytes, 512],
    ['512mb', mebibytes, 512],
    ['512MiB', mebibytes, 512],
    ['1gb', mebibytes, 1024],
    ['1.5 GB', mebibytes, 1536],
    ['2g', mebibytes, 2048],
    ['30gb', gigabytes, 30],
    ['200', gigabytes, 200],
    ['1tb', gigabytes, 1000],
    ['500mb', gigabytes, 0],
    ['', mebibytes, undefined],
    ['-1', mebibytes, undefined],
    ['big', mebibytes, undefined],
    ['1zb', mebibytes, undefined],
  ])('%s', (text, unit, expected) => {
    expect(parseSize(text, unit)).toBe(expected);
  });
});

describe('commands', () => {
  // Source: google/shlex, which flyctl splits commands with.
  test.each([
    ['bin/rails server -p 80', ['bin/rails', 'server', '-p', '80']],
    ['  a \t b\nc ', ['a', 'b', 'c']],
    [`sh -c "echo 'hi' && exit 1"`, ['sh', '-c', `echo 'hi' && exit 1`]],
    [`a 'b "c" \\d' e`, ['a', 'b "c" \\d', 'e']],
    ['a\\ b "c\\"d" ""', ['a b', 'c"d', '']],
    ['a#b # a comment\nc', ['a#b', 'c']],
    ['$HOME/*.sh | x', ['$HOME/*.sh', '|', 'x']],
    ['', []],
  ])('%s', (command, words) => {
    expect(splitCommand(command)).toEqual({ ok: true, words });
  });

  test.each(['a "b', "a 'b", 'a \\', 'a "b\\'])('%s does not split', (command) => {
    expect(splitCommand(command).ok).toBe(false);
  });
});
