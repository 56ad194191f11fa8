import { describe, expect, test } from 'vitest';
import { releaseGuest } from '../../../src/flyconfig/sections/release-command.ts';
import { minute } from '../../../src/flyconfig/reading/duration.ts';
import { mapped } from '../mapping.ts';

const small = { cpu_kind: 'shared', cpus: 1, memory_mb: 256 };
const usual = { cpu_kind: 'shared', cpus: 2, memory_mb: 512 };
const large = { cpu_kind: 'performance', cpus: 2, memory_mb: 4096 };

// Source: flyctl's inferReleaseCommandGuest.
describe('the size of a release machine that nothing names', () => {
  test('is that of the default group’s machine with the most memory', () => {
    expect(releaseGuest([small, null, large, undefined], usual)).toEqual(large);
    expect(releaseGuest([small], large)).toEqual(small);
  });
  test('without machines it is the size asked for, unless that is the smallest', () => {
    expect(releaseGuest([], large)).toEqual(large);
    expect(releaseGuest([], small)).toEqual(usual);
    expect(releaseGuest([undefined], undefined)).toEqual(usual);
  });
});

test('a release command has five minutes, or what the config gives it', () => {
  const deploy = { release_command: 'migrate' };
  expect(mapped({ deploy }).release).toMatchObject({ command: 'migrate', timeout: 5 * minute });
  expect(mapped({ deploy: { ...deploy, release_command_timeout: '20m' } }).release?.timeout).toBe(20 * minute);
  expect(mapped({ deploy: {} }).release).toBeUndefined();
});
