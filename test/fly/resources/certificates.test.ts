import { describe, expect, it } from 'vitest';
import type { Certificate } from '../../../simulator/world/records.ts';
import { startSimulator } from '../../../simulator/simulator.ts';
import { createFlyWriter } from '../../../src/fly/client.ts';
import { createTransport } from '../../../src/fly/http/transport.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { optionsFor, speakTo, thrownBy } from '../fake-fly.ts';

const named = (...hostnames: string[]) => hostnames.map((hostname) => ({ hostname, status: 'active' }));

const certificate: Omit<Certificate, 'hostname'> = {
  createdAt: 0,
  updatedAt: 0,
  acmeRequested: true,
  issuedAt: undefined,
  customSince: undefined,
  validating: undefined,
};

describe('certificates', () => {
  it('are listed with all their pages', async () => {
    await using bench = await speakTo(({ query }) => {
      const isFirst = query.get('cursor') === null;
      const page = isFirst ? { certificates: named('a.test'), next_cursor: 'on' } : { certificates: named('b.test') };
      return { status: 200, body: { ...page, total_count: 2 } };
    });
    expect(await bench.fly.certificates('shop')).toMatchObject(named('a.test', 'b.test'));
    expect(bench.server.arrivals.map(({ path }) => path)).toEqual(Array(2).fill('/v1/apps/shop/certificates'));
    expect(bench.server.arrivals.map(({ query }) => query.get('cursor'))).toEqual([null, 'on']);
  });

  it('whose pages run in circles are given up', async () => {
    await using bench = await speakTo(() => ({ status: 200, body: { certificates: [], next_cursor: 'same' } }));
    expect(await thrownBy(bench.fly.certificates('shop'))).toMatchObject({
      kind: 'transient',
      what: expect.stringContaining('did not come to an end') as string,
    });
    expect(bench.server.arrivals).toHaveLength(2);
  });

  it('are the simulator’s, also more of them than one page holds', async () => {
    const clock = new IdleClock();
    await using simulator = await startSimulator({ clock }).then((one) => ({
      ...one,
      [Symbol.asyncDispose]: () => one.close(),
    }));
    const { url, token } = simulator;
    const transport = createTransport(optionsFor(url, clock, { token }));
    const fly = createFlyWriter(transport);
    await fly.createApp({ name: 'shop', org: 'personal' });
    expect(await fly.certificates('shop')).toEqual([]);
    const hostnames = Array.from({ length: 501 }, (_none, index) => `h${String(index).padStart(3, '0')}.example.com`);
    const app = simulator.world.apps.get('shop');
    for (const hostname of hostnames) app?.certificates.set(hostname, { ...certificate, hostname });
    expect((await fly.certificates('shop')).map(({ hostname }) => hostname)).toEqual(hostnames);
  });
});
