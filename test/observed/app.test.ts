import { describe, expect, it } from 'vitest';
import { observeApp } from '../../src/observed/app.ts';
import { machine, speakTo, thrownBy, volume, type Arrival, type Reply } from '../fly/fake-fly.ts';

/** An app with one of each; `broken` answers instead where the path ends so. */
function shop(broken: Readonly<Record<string, Reply>> = {}) {
  const bodies: Record<string, unknown> = {
    '/apps/shop': { name: 'shop', status: 'deployed' },
    '/machines': [machine],
    '/volumes': [volume],
    '/secrets': { secrets: [{ name: 'A', digest: 'd' }] },
    '/ip_assignments': { ips: [{ ip: '1.2.3.4' }] },
  };
  return ({ path }: Arrival): Reply => {
    const ending = Object.keys(bodies).find((key) => path.endsWith(key)) ?? '';
    return broken[ending] ?? { status: 200, body: bodies[ending] };
  };
}

const kinds = {
  '/machines': 'machines',
  '/volumes': 'volumes',
  '/secrets': 'secrets',
  '/ip_assignments': 'addresses',
} as const;

describe('an app', () => {
  it('is read whole, all kinds at once', async () => {
    let asked = 0;
    await using bench = await speakTo(async (arrival, _nth, clock) => {
      asked += 1;
      await clock.park(50);
      return shop()(arrival);
    });
    const start = bench.clock.now();
    const observed = await observeApp({ fly: bench.fly, app: 'shop', clock: bench.clock });
    expect(observed).toEqual({
      name: 'shop',
      askedAt: { now: start, monotonic: start },
      flyAheadMs: 0,
      app: { status: 'read', value: { state: 'present', app: { name: 'shop', status: 'deployed' } } },
      machines: { status: 'read', value: [machine] },
      volumes: { status: 'read', value: [volume] },
      secrets: { status: 'read', value: [{ name: 'A', digest: 'd' }] },
      addresses: { status: 'read', value: [{ ip: '1.2.3.4' }] },
    });
    expect(asked).toBe(5);
    expect(bench.clock.now() - start).toBe(50);
  });

  it.each([
    ['asked again whole where one answer waited for the limits that others used up', 10, 2],
    ['as it is where that was within seconds', 2, 1],
    ['at last as it is where it goes on', 99, 3],
  ])('is %s', async (_what, refusals, looks) => {
    let lists = 0;
    const secretsAt: number[] = [];
    await using bench = await speakTo((arrival) => {
      if (arrival.path.endsWith('/secrets')) secretsAt.push(arrival.at);
      if (!arrival.path.endsWith('/machines')) return shop()(arrival);
      lists += 1;
      const isRefused = refusals === 99 ? lists % 8 !== 0 : lists <= refusals;
      return isRefused ? { status: 429, body: { error: 'rate limit exceeded' } } : shop()(arrival);
    });
    const observed = await observeApp({ fly: bench.fly, app: 'shop', clock: bench.clock });
    expect(observed.machines.status).toBe('read');
    expect(secretsAt).toHaveLength(looks);
    expect(observed.askedAt.now).toBeLessThanOrEqual(Date.parse('2026-01-01') + (secretsAt.at(-1) ?? 0));
  });

  it.each([
    ['z4k7o2p3x', 'z4k7o2p3x'],
    ['shop', undefined],
    [undefined, undefined],
  ])('of id %s is told from another of its name by %s', async (id, wanted) => {
    await using bench = await speakTo(shop({ '/apps/shop': { status: 200, body: { name: 'shop', id } } }));
    expect((await observeApp({ fly: bench.fly, app: 'shop', clock: bench.clock })).id).toBe(wanted);
  });

  it.each(Object.entries(kinds))('with a broken %s has that kind unread and the others read', async (path, kind) => {
    await using bench = await speakTo(shop({ [path]: { status: 500, body: { error: 'boom' } } }));
    const observed = await observeApp({ fly: bench.fly, app: 'shop', clock: bench.clock });
    for (const other of [...Object.values(kinds), 'app'] as const) {
      expect(observed[other].status).toBe(other === kind ? 'unread' : 'read');
    }
    expect(observed[kind]).toMatchObject({ reason: expect.stringContaining('boom') as string });
  });

  it('whose machines are refused or do not fit is unread there, with the reason', async () => {
    await using bench = await speakTo(
      shop({ '/machines': { status: 403, body: { error: 'unauthorized' } }, '/volumes': { status: 200, body: {} } }),
    );
    const observed = await observeApp({ fly: bench.fly, app: 'shop', clock: bench.clock });
    expect(observed.machines).toEqual({
      status: 'unread',
      reason: 'The token may not list the machines: unauthorized',
    });
    expect(observed.volumes.status).toBe('unread');
  });

  it.each([
    [404, 'absent'],
    [403, 'taken'],
  ])('answered %i is %s and has nothing of any kind', async (status, state) => {
    await using bench = await speakTo(() => ({ status, body: { error: 'no' } }));
    const observed = await observeApp({ fly: bench.fly, app: 'shop', clock: bench.clock });
    const empty = { status: 'read', value: [] };
    expect(observed).toMatchObject({
      app: { status: 'read', value: { state } },
      machines: empty,
      volumes: empty,
      secrets: empty,
      addresses: empty,
    });
  });

  it('that is not there yet lists machines is unread: its name is not free', async () => {
    await using bench = await speakTo(shop({ '/apps/shop': { status: 404, body: { error: 'no' } } }));
    const observed = await observeApp({ fly: bench.fly, app: 'shop', clock: bench.clock });
    expect(observed.app).toMatchObject({ status: 'unread' });
  });

  it('that could not be read keeps what was read of the rest', async () => {
    await using bench = await speakTo(shop({ '/apps/shop': 'reset' }));
    const observed = await observeApp({ fly: bench.fly, app: 'shop', clock: bench.clock });
    expect(observed.app.status).toBe('unread');
    expect(observed.machines.status).toBe('read');
  });

  it('with a kind that the token is refused for, and taken for all else, has that kind unread', async () => {
    await using bench = await speakTo((arrival) =>
      arrival.path === '/v1/tokens/current'
        ? { status: 200, body: { tokens: [] } }
        : shop({ '/secrets': { status: 401, body: { error: 'unauthorized' } } })(arrival),
    );
    const observed = await observeApp({ fly: bench.fly, app: 'shop', clock: bench.clock });
    expect(observed).toMatchObject({ secrets: { status: 'unread' }, machines: { status: 'read' } });
  });

  it('throws a refused token, once all calls have come to an end', async () => {
    const expired: Reply = { status: 401, body: { error: 'expired' } };
    await using bench = await speakTo((arrival) =>
      arrival.path === '/v1/tokens/current' ? expired : shop({ '/secrets': expired, '/volumes': 'reset' })(arrival),
    );
    const error = await thrownBy(observeApp({ fly: bench.fly, app: 'shop', clock: bench.clock }));
    expect(error).toMatchObject({ kind: 'stalled', status: 401 });
    expect(bench.clock.pending).toBe(0);
  });
});
