import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { mapGroups } from '../../src/flyconfig/machine.ts';
import { settle } from '../../src/flyconfig/live/settle.ts';
import type { JsonObject, JsonValue } from '../../src/model/base/json.ts';
import { expectWithin } from '../work.ts';
import { anyDocument } from './generated.ts';
import { mapped } from './mapping.ts';

const longest = 64 * 1024;

/** Milliseconds of the processor that one document may take. */
const budget = 100;

test('no document makes it throw; every note has a message and a place', () => {
  fc.assert(
    fc.property(anyDocument, (document) => {
      const { groups, notes } = mapped(document);
      expect(groups.length).toBeGreaterThan(0);
      for (const note of notes) expect(note.message).not.toBe('');
      for (const group of groups) {
        expect(settle(settle(group.config))).toEqual(settle(group.config));
        expect(JSON.parse(JSON.stringify(group.config))).toEqual(group.config);
      }
    }),
    { numRuns: 500 },
  );
});

test('mapping a document that was never repaired does not throw either', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (document) => {
      const { groups } = mapGroups({
        app: 'a',
        primaryRegion: '',
        config: document,
        readFile: () => undefined,
      });
      expect(groups.length).toBeGreaterThan(0);
    }),
  );
});

describe('no document takes long', () => {
  const filled = (text: string, item: (index: number) => JsonValue): JsonValue[] => {
    const count = Math.floor(longest / (text.length + 1));
    return Array.from({ length: count }, (_unused, index) => item(index));
  };
  const named = (item: (index: number) => JsonValue, characters: number): JsonObject =>
    Object.fromEntries(
      Array.from({ length: Math.floor(longest / characters) }, (_unused, index) => [`k${index}`, item(index)]),
    );
  const documents: readonly (readonly [string, JsonObject])[] = [
    ['unknown keys', named(() => 1, 8)],
    ['process groups with env', { processes: named(() => '', 16), env: named(() => '', 16) }],
    ['services', { services: filled('{"port":1}', () => ({ ports: [{}] })) }],
    [
      'services of many groups',
      {
        processes: named(() => '', 32),
        services: filled('{"processes":["k1"]}', (index) => ({ processes: [`k${index}`], ports: [{}] })),
      },
    ],
    ['groups that do not exist', { services: [{ processes: filled('"k1000"', (index) => `x${index}`) }] }],
    ['vm sections', { processes: named(() => '', 64), vm: filled('{"cpus":1}', () => ({ cpus: 3 })) }],
    [
      'services that open all ports, among many groups with checks elsewhere',
      {
        processes: Object.fromEntries(Array.from({ length: 20 }, (_unused, index) => [`k${index}`, ''])),
        services: Array.from({ length: 20 }, (_unused, index) => ({
          internal_port: index + 1,
          processes: [`k${index}`],
          ports: Array.from({ length: 60 }, () => ({ start_port: 1, end_port: 65_535 })),
        })),
        checks: named(() => ({ type: 'tcp', port: 9 }), 160),
      },
    ],
    ['checks', { checks: named(() => ({ type: 'x' }), 20) }],
    ['files', { files: filled('{"guest_path":"/a"}', () => ({ guest_path: '/a', raw_value: 'x' })) }],
    ['one long command', { processes: { app: '"'.repeat(longest) } }],
    ['one long size and duration', { vm: [{ memory: '1'.repeat(longest) }], kill_timeout: '1h'.repeat(longest / 2) }],
    [
      'one long image of a number',
      { services: [{ internal_port: '9'.repeat(longest), concurrency: '1,'.repeat(longest / 2) }] },
    ],
  ];
  test.each(documents)('%s', (_what, document) => expectWithin(budget, () => mapped(document)));
});

test('a live config that is not what Fly says it is does not throw', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom(
          'env',
          'guest',
          'init',
          'services',
          'checks',
          'mounts',
          'restart',
          'files',
          'stop_config',
          'metadata',
        ),
        fc.jsonValue(),
      ),
      (found) => {
        const live = found as MachineConfig;
        expect(settle(settle(live))).toEqual(settle(live));
      },
    ),
  );
});
