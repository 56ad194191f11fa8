/** A question before a write takes time, and asks Fly by itself: whatever happens meanwhile, and however it ends. */
import { describe, expect, test } from 'vitest';
import type { FlyWriter } from '../../../src/fly/api.ts';
import type { IdleClock } from '../../../src/model/base/clock.ts';
import { machine, speakTo, volume, type Reply } from '../fake-fly.ts';

const made: Reply = { status: 200, body: { ...machine, ...volume } };
const request = { config: { image: 'shop:1' } };
const disk = { name: 'data', region: 'arn', size_gb: 1 };
const numbered = <T>(count: number, work: (nth: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_unused, nth) => work(nth)));
const slowly = async (clock: IdleClock, ms: number, reply: Reply = made): Promise<Reply> => {
  await clock.park(ms);
  return reply;
};

describe('what a question asks of Fly waits for no place that its own call holds', () => {
  test.each([8, 9, 12, 16, 24, 64])('%i creates that label the lock first, behind slow creates', async (count) => {
    await using bench = await speakTo(({ path }, _nth, clock) =>
      slowly(clock, path.endsWith('/machines') ? 4000 : 100),
    );
    const { fly, server, clock } = bench;
    const began = clock.now();
    const others = numbered(8, (nth) => fly.createMachine(`slow-${nth}`, request));
    await clock.sleep(10);
    const label = (nth: number) => () => fly.patchMetadata(`shop-${nth}`, `m${nth}`, { a: '1' });
    await numbered(count, (nth) => fly.createVolume(`shop-${nth}`, disk, label(nth)));
    await others;
    expect(server.arrivals.filter(({ path }) => path.endsWith('/volumes'))).toHaveLength(count);
    // The slow ones, and then eight at once, each with its question in place.
    expect(clock.now() - began).toBeLessThan(4000 + (count / 8 + 1) * 500);
  });

  const lease = { ttlSeconds: 30, description: 'flycd' };
  const release = { definition: {}, image: 'shop:1', strategy: 'rolling' } as const;
  const asking: ReadonlyArray<readonly [string, (fly: FlyWriter, app: string, id: string) => Promise<unknown>]> = [
    ['a label', (fly, app, id) => fly.patchMetadata(app, id, { a: '1' })],
    ['a lease', (fly, app, id) => fly.acquireLease(app, id, lease)],
    ['the renewal of a lease', (fly, app, id) => fly.refreshLease(app, id, 'n', { ...lease, patienceMs: 5000 })],
    ['the end of a lease', (fly, app, id) => fly.releaseLease(app, id, 'n')],
    ['a record', (fly, app) => fly.createRelease(app, release)],
    ['what became of a record', (fly, app, id) => fly.updateRelease(app, id, 'complete')],
    ['a list', (fly, app) => fly.volumes(app)],
    ['one machine', (fly, app, id) => fly.machine(app, id)],
  ];
  test.each(asking)('%s', async (_what, ask) => {
    const answers: Readonly<Record<string, unknown>> = {
      lease: { status: 'success', data: { nonce: 'n', expires_at: 0 } },
      releases: { release: { id: '1', version: 1 } },
    };
    await using bench = await speakTo(({ method, path }) => {
      if (method === 'GET' && path.endsWith('/volumes')) return { status: 200, body: [] };
      const body = answers[path.split('/').at(-1) ?? ''];
      return body === undefined ? made : { status: 200, body };
    });
    const { fly, server, clock } = bench;
    await numbered(8, (nth) =>
      fly.createVolume(`shop-${nth}`, disk, async () => {
        // For longer than a place is held at first: the second time all eight ask in place.
        await clock.sleep(4000);
        await ask(fly, `shop-${nth}`, `m${nth}`);
      }),
    );
    const creates = server.arrivals.filter(({ method, path }) => method === 'POST' && path.endsWith('/volumes'));
    expect(creates).toHaveLength(8);
    expect(clock.now() - Date.UTC(2026, 0, 1)).toBeLessThan(10_000);
  });
});
