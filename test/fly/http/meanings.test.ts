import { describe, expect, it } from 'vitest';
import { isNoRoom } from '../../../src/fly/http/classification.ts';
import type { FlyError } from '../../../src/fly/http/error.ts';
import { speakTo, thrownBy, type Reply } from '../fake-fly.ts';

const refused = (status: number, error: string, more: object = {}): Reply => ({ status, body: { error, ...more } });

describe('what an answer means is decided where it is read', () => {
  const holder = 'machine ID 148e1 lease currently held by 9af60c27@tokens.fly.io, expires at 2026-01-01T00:00:42Z';
  it.each<[string, Reply, FlyError['means']]>([
    ['no room, by its words', refused(412, 'could not reserve resource for machine'), 'no room'],
    ['no room, by its code alone', refused(422, 'no host', { status: 'volume_placement_capacity' }), 'no room'],
    ['a lease', refused(409, holder), undefined],
    ['another conflict', refused(409, 'machine is being replaced'), undefined],
    ['anything else', refused(422, 'unknown region'), undefined],
  ])('%s', async (_what, reply, means) => {
    await using bench = await speakTo(() => reply);
    const error = await thrownBy(bench.fly.createMachine('shop', { name: 'web-arn-1-g1', config: {} }));
    expect(error).toMatchObject({ means });
    expect(isNoRoom(error)).toBe(means === 'no room');
  });
});
