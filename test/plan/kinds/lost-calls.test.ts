import { describe, expect, test } from 'vitest';
import { formatCalls } from '../../../src/model/stamps/calls-stamp.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import type { Intent } from '../../../src/model/stamps/calls-stamp.ts';
import { madeByLostCalls, vainIntents } from '../../../src/plan/kinds/lost-calls.ts';
import { desiredApp, fleet, machine, now, observed, owner, volume, type World } from '../builders.ts';

const at = now - 600_000;
const time = (seconds: number): string => new Date(at + seconds * 1000).toISOString();
const call = (parts: Partial<Intent> = {}): Intent => ({
  id: 1,
  kind: 'address.allocate',
  target: 'shop/v4 v4',
  createdAt: at,
  before: ['1.1.1.1'],
  ...parts,
});
const ip = (address: string, seconds: number, parts: object = {}) => ({
  ip: address,
  type: 'v4',
  created_at: time(seconds),
  ...parts,
});
const idsOf = (world: World, intents: readonly Intent[], made: readonly string[] = []): readonly string[] =>
  madeByLostCalls({ observed: observed(world), memory: { intents, made }, fleet: owner }).map(({ id }) => id);
const stampedOn = (calls: readonly Intent[], name = fleet) =>
  machine(desiredApp(), { metadata: { [stampKeys.calls]: formatCalls(calls) ?? '', [stampKeys.fleet]: name } });

describe('an open call', () => {
  test.each([
    ['what came with it', [ip('1.1.1.1', -999), ip('2.2.2.2', 1)], ['2.2.2.2']],
    ['by a clock that is behind', [ip('2.2.2.2', -59)], ['2.2.2.2']],
    ['while it hung, dated anew when it was given up', [ip('2.2.2.2', -119)], ['2.2.2.2']],
    ['nothing before that', [ip('2.2.2.2', -121)], []],
    ['no more than a minute later', [ip('2.2.2.2', 61)], []],
    ['nothing that stood there before', [ip('1.1.1.1', 1)], []],
    ['nothing of another type', [ip('2a09::1', 1, { type: 'v6' })], []],
    ['nothing whose time Fly does not say', [{ ip: '2.2.2.2', type: 'v4' }], []],
    ['the first of two', [ip('3.3.3.3', 9), ip('2.2.2.2', 1)], ['2.2.2.2']],
  ])('made %s', (_what, addresses, ids) => {
    expect(idsOf({ addresses }, [call()])).toEqual(ids);
    expect(idsOf({ addresses, machines: [stampedOn([call()])] }, [])).toEqual(ids);
  });

  test('made a volume of its name in its region', () => {
    const intent = call({ kind: 'volume.create', target: 'shop/data/arn#2', before: ['vol_0'] });
    const volumes = [
      volume('vol_1', { name: 'other', created_at: time(1) }),
      volume('vol_2', { region: 'ams', created_at: time(1) }),
      volume('vol_3', { created_at: time(2) }),
    ];
    expect(idsOf({ volumes }, [intent])).toEqual(['vol_3']);
  });

  test('made one, and the next call of its kind another', () => {
    const calls = [call({ id: 2, target: 'shop/v4#2 v4', createdAt: at + 2000 }), call()];
    const addresses = [ip('3.3.3.3', 3), ip('2.2.2.2', 1), ip('4.4.4.4', 4)];
    expect(idsOf({ addresses }, calls)).toEqual(['2.2.2.2', '3.3.3.3']);
  });

  test('that stands in the database and on a machine made one', () => {
    const addresses = [ip('2.2.2.2', 1), ip('3.3.3.3', 2)];
    const stamped = call({ createdAt: at - 40 });
    expect(idsOf({ addresses, machines: [stampedOn([stamped])] }, [call()])).toEqual(['2.2.2.2']);
  });

  test.each<[string, Partial<Intent>, readonly string[]]>([
    ['of another kind', { kind: 'volume.create', target: 'shop/v4 v4' }, ['2.2.2.2']],
    ['of another target', { target: 'shop/v4#2 v4' }, ['2.2.2.2', '3.3.3.3']],
    ['of another time', { createdAt: at - 61_000 }, ['2.2.2.2', '3.3.3.3']],
  ])('that stands in the database is not one %s that stands on a machine', (_what, parts, ids) => {
    const addresses = [ip('2.2.2.2', -30), ip('3.3.3.3', 2)];
    const world = { addresses, machines: [stampedOn([call(parts)])] };
    expect(idsOf(world, [call()])).toEqual(ids);
  });

  test('whose object is known takes no other for it', () => {
    const addresses = [ip('3.3.3.3', 1), ip('2.2.2.2', 2)];
    expect(idsOf({ addresses, machines: [stampedOn([call()])] }, [], ['2.2.2.2'])).toEqual([]);
    const fulfilled = call({ made: { id: '2.2.2.2', at } });
    expect(idsOf({ addresses }, [fulfilled], ['2.2.2.2'])).toEqual([]);
  });

  test('of another fleet made nothing of ours', () => {
    expect(idsOf({ addresses: [ip('2.2.2.2', 1)], machines: [stampedOn([call()], 'other')] }, [])).toEqual([]);
  });
});

describe('an intent is in vain', () => {
  const vain = (intent: Intent, world: World = {}, more: object = {}) =>
    vainIntents({ observed: { ...observed(world), ...more }, memory: { intents: [intent], made: [] }, fleet: owner })
      .length;
  const unread = { status: 'unread', reason: 'Fly answered 503' };

  test.each<[string, number, Parameters<typeof vain>]>([
    ['where a list a minute later has nothing of it', 1, [call()]],
    ['from just that moment on', 1, [call({ createdAt: now - 60_000 })]],
    ['not before', 0, [call({ createdAt: now - 59_999 })]],
    ['not where it made something', 0, [call(), { addresses: [ip('2.2.2.2', 1)] }]],
    ['not where the list could not be read', 0, [call(), {}, { addresses: unread }]],
    ['not for another kind that could not be read', 1, [call(), {}, { volumes: unread }]],
    ['not where its answer is known', 0, [call({ made: { id: '2.2.2.2', at } })]],
    ['not where a restart has to follow', 0, [call({ kind: 'volume.extend', target: 'vol_1' })]],
  ])('%s', (_when, count, asked) => {
    expect(vain(...asked)).toBe(count);
  });
});
