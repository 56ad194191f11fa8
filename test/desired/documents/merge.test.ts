import { describe, expect, it } from 'vitest';
import { merge, withoutNulls } from '../../../src/desired/documents/merge.ts';
import type { JsonValue } from '../../../src/model/base/json.ts';
import type { ListMode } from '../../../schemas/project.ts';

type Row = readonly [what: string, earlier: JsonValue, later: JsonValue, expected: JsonValue];

function table(lists: ListMode, rows: readonly Row[]): void {
  it.each(rows)('%s', (_what, earlier, later, expected) => {
    expect(merge(earlier, later, { lists })).toStrictEqual(expected);
  });
}

describe('as v0 merged', () => {
  table('append', [
    ['a later scalar wins', { a: 1, b: 1 }, { a: 2 }, { a: 2, b: 1 }],
    [
      'maps merge deeply',
      { a: { b: { c: 1, d: 1 } } },
      { a: { b: { c: 2, e: 3 } } },
      { a: { b: { c: 2, d: 1, e: 3 } } },
    ],
    ['null keeps the earlier value', { a: 1, b: { c: 1 } }, { a: null, b: null }, { a: 1, b: { c: 1 } }],
    ['null gives way to a later value', { a: null }, { a: 1 }, { a: 1 }],
    ['a null nobody answers stays null', {}, { a: null }, { a: null }],
    ['false and empty text are values', { a: true, b: 'x' }, { a: false, b: '' }, { a: false, b: '' }],
    [
      'a clash of types: the later wins',
      { a: [1], b: { c: 1 }, d: 'x' },
      { a: 'x', b: [1], d: { e: 1 } },
      { a: 'x', b: [1], d: { e: 1 } },
    ],
    ['lists append', { a: [1, 2] }, { a: [3] }, { a: [1, 2, 3] }],
    ['items already there are left out', { a: ['x', 'y'] }, { a: ['y', 'z', 'z'] }, { a: ['x', 'y', 'z'] }],
    ['the earlier list keeps its own repeats', { a: ['x', 'x'] }, { a: ['x'] }, { a: ['x', 'x'] }],
    ['a list nobody had before keeps its repeats', {}, { a: ['x', 'x'] }, { a: ['x', 'x'] }],
    [
      'equal maps in lists count as the same item',
      { a: [{ b: 1, c: [2] }] },
      { a: [{ c: [2], b: 1 }, { b: 2 }] },
      { a: [{ b: 1, c: [2] }, { b: 2 }] },
    ],
    ['text and number are different items', { a: ['1'] }, { a: [1] }, { a: ['1', 1] }],
  ]);
});

describe('lists: replace', () => {
  table('replace', [
    ['the later list stands alone', { a: [1, 2], b: [1] }, { a: [3] }, { a: [3], b: [1] }],
    ['an empty list empties', { a: [1] }, { a: [] }, { a: [] }],
    ['null still keeps', { a: [1] }, { a: null }, { a: [1] }],
    ['maps still merge', { a: { b: [1], c: 1 } }, { a: { b: [2] } }, { a: { b: [2], c: 1 } }],
  ]);
});

describe('lists: by_key', () => {
  table('by_key', [
    [
      'items of one name merge in place',
      { a: [{ name: 'x', v: 1, w: 1 }, { name: 'y' }] },
      { a: [{ name: 'x', v: 2 }] },
      { a: [{ name: 'x', v: 2, w: 1 }, { name: 'y' }] },
    ],
    ['others are appended', { a: [{ name: 'x' }] }, { a: [{ name: 'y' }] }, { a: [{ name: 'x' }, { name: 'y' }] }],
    [
      'services are known by port and protocol, tcp where none is said',
      {
        services: [
          { internal_port: 53, protocol: 'tcp' },
          { internal_port: 53, protocol: 'udp' },
        ],
      },
      { services: [{ internal_port: 53, auto_start_machines: true }] },
      {
        services: [
          { internal_port: 53, protocol: 'tcp', auto_start_machines: true },
          { internal_port: 53, protocol: 'udp' },
        ],
      },
    ],
    [
      'lists inside matched items merge by key too',
      { services: [{ internal_port: 1, ports: [{ port: 80, handlers: ['http'] }] }] },
      { services: [{ internal_port: 1, ports: [{ port: 80, force_https: true }] }] },
      { services: [{ internal_port: 1, ports: [{ port: 80, handlers: ['http'], force_https: true }] }] },
    ],
    [
      'vm sections are known by their groups',
      { vm: [{ processes: ['a'], cpus: 1 }] },
      { vm: [{ processes: ['a'], cpus: 2 }] },
      { vm: [{ processes: ['a'], cpus: 2 }] },
    ],
    [
      'items without a key append unless equal',
      { a: [{ x: 1 }, 'p'] },
      { a: [{ x: 1 }, { x: 2 }, 'p', 'q'] },
      { a: [{ x: 1 }, 'p', { x: 2 }, 'q'] },
    ],
  ]);
});

it('leaves its inputs alone', () => {
  const earlier = Object.freeze({ a: Object.freeze([1]), b: Object.freeze({ c: 1 }) });
  merge(earlier, { a: [2], b: { d: 1 } }, { lists: 'append' });
  expect(earlier).toStrictEqual({ a: [1], b: { c: 1 } });
});

it('drops null fields everywhere and keeps null items, which are mistakes', () => {
  expect(withoutNulls({ a: null, b: { c: null, d: [null, { e: null }] } })).toStrictEqual({ b: { d: [null, {}] } });
});
