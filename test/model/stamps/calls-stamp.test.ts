import { array, assert, constantFrom, nat, property, record, string } from '../../property.ts';
import { expect, test } from 'vitest';
import {
  callsStampBytesMax,
  formatCalls,
  parseCalls,
  type StampedCall,
} from '../../../src/model/stamps/calls-stamp.ts';

const call = record({
  kind: constantFrom<StampedCall['kind']>('volume.create', 'address.allocate'),
  target: string(),
  createdAt: nat(),
  before: array(string(), { maxLength: 5 }),
});

test('what is written reads as it was', () => {
  assert(
    property(array(call, { maxLength: 20 }), (calls) => {
      expect(parseCalls(formatCalls(calls) ?? undefined)).toEqual(calls);
    }),
  );
});

test('the newest stay where there is no room for all', () => {
  const calls = Array.from({ length: 60 }, (_unused, nth): StampedCall => {
    const before = Array.from({ length: 20 }, (_none, id) => `vol_${id}_0123456789abcdef`);
    return { kind: 'volume.create', target: `app/data/arn#${nth}`, createdAt: nth, before };
  });
  const text = formatCalls(calls) ?? '';
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(callsStampBytesMax);
  expect(parseCalls(text).at(-1)).toEqual(calls.at(-1));
  expect(parseCalls(text).length).toBeGreaterThan(10);
});

test.each([
  '',
  '{}',
  'null',
  '[1]',
  '[["rm -rf","app",1]]',
  '[["volume.create",1,1]]',
  '[["volume.create","a","b"]]',
  'x',
])('a stamp that somebody else wrote says nothing: %s', (text) => expect(parseCalls(text)).toEqual([]));
