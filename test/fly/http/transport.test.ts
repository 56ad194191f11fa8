import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { FlyWriter } from '../../../src/fly/api.ts';
import { createFlyWriter } from '../../../src/fly/client.ts';
import { FlyError } from '../../../src/fly/http/error.ts';
import { createTransport } from '../../../src/fly/http/transport.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { Fault } from '../../../src/model/base/fault.ts';
import type { Log } from '../../../src/model/base/log.ts';
import { Redactor, SecretValue } from '../../../src/model/base/secret-value.ts';
import {
  machine,
  optionsFor,
  speakTo,
  startFakeFly,
  thrownBy,
  token,
  volume,
  type Arrival,
  type Reply,
} from '../fake-fly.ts';

const busy: Reply = { status: 503, body: { error: 'try later' } };

describe('trying again', () => {
  it('waits half a second, doubling, on the clock', async () => {
    await using bench = await speakTo((_arrival, nth) => (nth < 4 ? busy : { status: 200, body: [] }));
    expect(await bench.fly.volumes('shop')).toEqual([]);
    expect(bench.server.arrivals.map(({ at }) => at)).toEqual([0, 500, 1500, 3500]);
    expect(bench.clock.pending).toBe(0);
  });

  it('spreads the pauses by the randomness it is given, down to half', async () => {
    await using bench = await speakTo(() => busy, { random: () => 0 });
    await thrownBy(bench.fly.volumes('shop'));
    // The fourth waits for the limit of one list a second and app, not for its pause.
    expect(bench.server.arrivals.map(({ at }) => at).slice(0, 3)).toEqual([0, 250, 750]);
  });

  it('waits as long as Retry-After says, in seconds or as a date', async () => {
    const pauses = ['7', 'Thu, 01 Jan 2026 00:00:30 GMT', '60'];
    await using bench = await speakTo((_arrival, nth) => {
      const after = pauses[nth - 1];
      return after === undefined
        ? { status: 200, body: [] }
        : { status: 429, body: { error: 'rate limit exceeded' }, headers: { 'retry-after': after } };
    });
    await bench.fly.volumes('shop');
    expect(bench.server.arrivals.map(({ at }) => at)).toEqual([0, 7_000, 30_000, 90_000]);
  });

  it.each([
    [429, '61', 61_000],
    [503, 'Thu, 01 Jan 2026 00:10:00 GMT', 600_000],
    [500, '86400', 3_600_000],
  ])(
    'waits for no %i that says %j: the loop comes back then, in an hour at the latest',
    async (status, after, comes) => {
      await using bench = await speakTo(() => ({ status, body: {}, headers: { 'retry-after': after } }));
      const error = await thrownBy(bench.fly.volumes('shop'));
      const retryAt = Date.parse('2026-01-01T00:00:00Z') + comes;
      expect(error).toMatchObject({ state: { kind: 'waiting', retryAt } });
      expect(bench.server.arrivals).toHaveLength(1);
    },
  );

  it('gives up a Retry-After of less with what it said', async () => {
    await using bench = await speakTo(() => ({ status: 503, body: {}, headers: { 'retry-after': '20' } }));
    expect(await thrownBy(bench.fly.volumes('shop'))).toMatchObject({
      state: { kind: 'transient', retryAfterMs: 20_000 },
    });
  });

  it('reads again what Fly gave up on', async () => {
    await using bench = await speakTo((_arrival, nth) =>
      nth < 3 ? { status: 408, body: { error: 'deadline_exceeded' } } : { status: 200, body: [volume] },
    );
    expect(await bench.fly.volumes('shop')).toMatchObject([{ id: 'vol_1' }]);
  });

  it('reads again when the answer was lost or broke off', async () => {
    const list = [volume];
    await using bench = await speakTo((_arrival, nth) => {
      if (nth === 1) return 'reset';
      if (nth === 2) return { truncate: list };
      if (nth === 3) return { status: 200, body: '[{"id":' };
      return { status: 200, body: list };
    });
    expect(await bench.fly.volumes('shop')).toMatchObject([{ id: 'vol_1' }]);
    expect(bench.server.arrivals).toHaveLength(4);
  });

  it('counts a write as done once Fly said so, though the rest of the answer is lost', async () => {
    await using bench = await speakTo(() => ({ truncate: { ok: true } }));
    await bench.fly.startMachine('shop', '148e1');
    expect(bench.server.arrivals).toHaveLength(1);
  });

  it('gives up on a read after 30 s without an answer, four times', async () => {
    await using bench = await speakTo(async (_arrival, _nth, clock): Promise<Reply> => {
      await clock.park(30_000);
      return 'reset';
    });
    const error = await thrownBy(bench.fly.volumes('shop'));
    expect(error).toMatchObject({ kind: 'transient', status: undefined, why: 'no answer within 30 s' });
    expect(bench.server.arrivals.map(({ at }) => at)).toEqual([0, 30_500, 61_500, 93_500]);
  });

  it('gives up on a write after 60 s, once, as unknown', async () => {
    await using bench = await speakTo(async (_arrival, _nth, clock): Promise<Reply> => {
      await clock.park(60_000);
      return 'reset';
    });
    const error = await thrownBy(bench.fly.createMachine('shop', { config: {} }));
    expect(error).toMatchObject({ outcome: 'unknown', why: 'no answer within 60 s' });
    expect(bench.server.arrivals).toHaveLength(1);
  });

  it('says which connection failed', async () => {
    const clock = new IdleClock();
    const server = await startFakeFly(clock, () => 'reset');
    await server[Symbol.asyncDispose]();
    const fly = createFlyWriter(createTransport(optionsFor(server.url, clock)));
    expect(await thrownBy(fly.createMachine('shop', { config: {} }))).toMatchObject({
      outcome: 'unknown',
      why: expect.stringContaining(`ECONNREFUSED ${server.url.replace('http://', '')}`) as string,
    });
  });
});

describe('limits of a single client', () => {
  it('holds at most 96 reads, 8 writes and any usual number of waits in flight, each kind by itself', async () => {
    const clock = new IdleClock();
    const now = { read: 0, write: 0, wait: 0 };
    const most = { read: 0, write: 0, wait: 0 };
    const slow = async (input: unknown, init?: { method?: string }): Promise<Response> => {
      const kind = String(input).includes('/wait') ? 'wait' : init?.method === 'GET' ? 'read' : 'write';
      now[kind] += 1;
      most[kind] = Math.max(most[kind], now[kind]);
      await clock.park(1000);
      now[kind] -= 1;
      return new Response(JSON.stringify(machine));
    };
    const fly = createFlyWriter(createTransport(optionsFor('http://fly.test', clock, { fetch: slow })));
    await Promise.all(
      Array.from({ length: 200 }, async (_unused, index) => {
        const id = `m${index}`;
        await Promise.all([
          fly.machine('shop', id),
          fly.startMachine('shop', id),
          fly.wait('shop', id, { states: ['started'], timeoutSeconds: 60 }),
        ]);
      }),
    );
    expect(most).toEqual({ read: 96, write: 8, wait: 200 });
    expect(clock.pending).toBe(0);
  });

  it('renews a lease in time behind creates that fill every place for writes', async () => {
    const clock = new IdleClock();
    const slow = async (input: unknown): Promise<Response> => {
      if (!String(input).endsWith('/lease')) {
        await clock.park(50_000);
        return Response.json(machine);
      }
      return Response.json({ status: 'success', data: { nonce: 'n', expires_at: 0 } });
    };
    const fly = createFlyWriter(createTransport(optionsFor('http://fly.test', clock, { fetch: slow })));
    const creates = Array.from({ length: 16 }, (_unused, index) => fly.createMachine(`shop-${index}`, { config: {} }));
    await clock.sleep(1000);
    const asked = clock.now();
    await fly.refreshLease('shop-0', '148e1', 'n', { ttlSeconds: 30, patienceMs: 10_000 });
    expect(clock.now() - asked).toBeLessThan(1000);
    await Promise.all(creates);
  });

  it('sends again what may happen twice when Fly ran out of time', async () => {
    const answers = [{ status: 408, body: { error: 'deadline_exceeded' } }, { status: 204 }];
    await using bench = await speakTo((_arrival, nth) => answers[nth - 1] ?? { status: 500 });
    await bench.fly.patchMetadata('shop', '148e1', { flycd_read: 'r1:x' });
    expect(bench.server.arrivals).toHaveLength(2);
  });

  it('reads no more of an answer than an app can need', async () => {
    await using bench = await speakTo(() => ({
      status: 200,
      body: [{ ...volume, note: 'x'.repeat(5 * 1024 * 1024) }],
    }));
    expect(await thrownBy(bench.fly.volumes('shop'))).toMatchObject({ kind: 'transient', why: /larger/ });
    expect(bench.server.arrivals).toHaveLength(1);
  });

  it('takes one of 4 MiB, and none that is a byte longer', async () => {
    const limit = 4 * 1024 * 1024;
    const padded = (bytes: number) => {
      const bare = JSON.stringify([{ ...volume, note: '' }]).length;
      return [{ ...volume, note: 'x'.repeat(bytes - bare) }];
    };
    await using bench = await speakTo((_arrival, nth) => ({ status: 200, body: padded(limit + nth - 1) }));
    expect(await bench.fly.volumes('shop')).toHaveLength(1);
    expect(await thrownBy(bench.fly.volumes('shop'))).toMatchObject({ why: /larger/ });
  });

  it('takes a list of machines of many megabytes', async () => {
    const many = Array.from({ length: 60 }, (_unused, index) => ({
      ...machine,
      id: `m${index}`,
      note: 'x'.repeat(1e5),
    }));
    await using bench = await speakTo(() => ({ status: 200, body: many }));
    expect(await bench.fly.machines('shop')).toHaveLength(60);
  });
});

describe('requests', () => {
  it('go below /v1 of the host, whatever path the base URL has, with the user agent', async () => {
    const clock = new IdleClock();
    await using server = await startFakeFly(clock, () => ({ status: 200, body: [] }));
    const fly = createFlyWriter(createTransport(optionsFor(`${server.url}/some/path?x=1`, clock)));
    await fly.volumes('shop');
    expect(server.arrivals[0]).toMatchObject({
      path: '/v1/apps/shop/volumes',
      headers: { 'user-agent': 'flycd/test' },
    });
  });

  it.each([
    ['fm2_aaaaaa', 'FlyV1 fm2_aaaaaa'],
    ['FlyV1 fm2_aaaaaa,fm2_bbbbbb\n', 'FlyV1 fm2_aaaaaa,fm2_bbbbbb'],
    ['fo1_uuuuuu,fm1r_aaaaaa', 'FlyV1 fm1r_aaaaaa'],
    ['fo1_uuuuuu', 'Bearer fo1_uuuuuu'],
    ['Bearer opaque-simulator-token', 'Bearer opaque-simulator-token'],
  ])('carry the token %j as flyctl does', async (given, header) => {
    await using bench = await speakTo(() => ({ status: 200, body: [] }), { token: given });
    await bench.fly.volumes('shop');
    expect(bench.server.arrivals[0]?.headers.authorization).toBe(header);
  });

  it.each([
    ['no token', { token: ' \n' }, /no token/],
    ['a token with a line break inside', { token: 'fm2_canary\nfm2_canary' }, /cannot be used/],
    ['a base URL that is none', { baseUrl: 'api.machines.dev' }, /address of Fly/],
    ['a base URL with a password', { baseUrl: 'https://me:canary@fly.test' }, /address of Fly/],
    ['a file URL', { baseUrl: 'file:///etc' }, /address of Fly/],
  ])('are not made with %s', (_name, wrong, what) => {
    const build = () => createTransport(optionsFor('http://fly.test', new IdleClock(), wrong));
    expect(build).toThrow(Fault);
    expect(build).toThrow(what);
    try {
      build();
    } catch (error) {
      expect(error).toMatchObject({ kind: 'stalled', next: expect.stringContaining('FLY_') as string });
      expect(inspect(error)).not.toContain('canary');
    }
  });

  it.each(['..', '.', ''])('are not sent for an app named %j: a URL would fold it away', async (name) => {
    await using bench = await speakTo(() => ({ status: 200, body: {} }));
    expect(await thrownBy(bench.fly.deleteApp(name))).toMatchObject({ kind: 'stalled' });
    expect(bench.server.arrivals).toHaveLength(0);
  });

  it('escape what would change their path', async () => {
    await using bench = await speakTo(() => ({ status: 404, body: {} }));
    expect(await bench.fly.machine('shop', 'a/../b?c')).toBeUndefined();
    expect(bench.server.arrivals[0]?.path).toBe('/v1/apps/shop/machines/a%2F..%2Fb%3Fc');
  });
});

const secret = 'canary-value-of-a-secret\n"quoted"';

/** Every way a call can fail, with a server that throws back whatever it was sent. */
const failures: readonly [string, (echo: string) => Reply][] = [
  ...[302, 400, 401, 403, 404, 408, 409, 412, 418, 422, 429, 500, 503].flatMap(
    (status): [string, (e: string) => Reply][] => [
      [`${status} as JSON`, (echo) => ({ status, body: { error: `no: ${echo}`, status: echo } })],
      [`${status} as text`, (echo) => ({ status, body: `<p>${echo}</p>` })],
      [`${status} cut short`, (echo) => ({ truncate: { error: echo }, status })],
    ],
  ),
  ['reset', () => 'reset'],
  ['misfit', (echo) => ({ status: 200, body: { [echo]: echo, id: 1, secrets: echo, ips: echo, apps: echo } })],
  ['not JSON', (echo) => ({ status: 200, body: echo })],
  ['cut short', (echo) => ({ truncate: { echo } })],
];

const calls: readonly [string, (fly: FlyWriter) => Promise<unknown>][] = [
  ['list', (fly) => fly.machines('shop')],
  ['create', (fly) => fly.createMachine('shop', { config: {} })],
  ['start', (fly) => fly.startMachine('shop', '148e1', 'nonce')],
  ['wait', (fly) => fly.wait('shop', '148e1', { states: ['started'], timeoutSeconds: 5 })],
  ['lease', (fly) => fly.acquireLease('shop', '148e1', { ttlSeconds: 30, description: 'flycd' })],
  ['app', (fly) => fly.createApp({ name: 'shop', org: 'personal' })],
  ['secrets', (fly) => fly.setSecrets('shop', { PASSWORD: new SecretValue(secret) })],
];

describe('token and secrets', () => {
  it.each(failures)('are in no error and no log line: %s', async (_name, reply) => {
    const lines: unknown[] = [];
    const note = (fields: object, message: string): void => void lines.push(fields, message);
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const echoOf = ({ headers, body, path }: Arrival): string =>
      `${JSON.stringify(headers)} ${token} ${JSON.stringify(body)} ${path.endsWith('/secrets') ? secret : ''}`;
    await using bench = await speakTo((arrival) => reply(echoOf(arrival)), { log });
    const seen: unknown[] = lines;
    for (const [, call] of calls) {
      try {
        await call(bench.fly);
      } catch (error) {
        if (!(error instanceof FlyError)) throw error;
        seen.push(error, error.message, error.stack, error.cause, error.reply);
      }
    }
    const told = inspect(seen, { depth: 20, maxStringLength: null, maxArrayLength: null, showHidden: true });
    expect(told).not.toContain(token);
    expect(told).not.toContain('canary');
  });

  it('reach Fly in the body and nowhere else', async () => {
    await using bench = await speakTo(() => ({
      status: 200,
      body: { secrets: [{ name: 'A', digest: 'd1' }], version: 4 },
    }));
    const written = await bench.fly.setSecrets('shop', { A: new SecretValue(secret), B: null });
    expect(written).toEqual({ version: 4, secrets: [{ name: 'A', digest: 'd1' }] });
    const [arrival] = bench.server.arrivals;
    expect(arrival?.body).toEqual({ values: { A: secret, B: null } });
    expect(`${arrival?.path} ${String(arrival?.query)} ${JSON.stringify(arrival?.headers)}`).not.toContain(
      'canary-value',
    );
  });

  it('teach the redactor the token whole and in parts', () => {
    const redactor = new Redactor();
    createTransport(
      optionsFor('http://fly.test', new IdleClock(), { token: 'FlyV1 fm2_canaryA,fo1_canaryB', redactor }),
    );
    expect(redactor.redact('say fo1_canaryB and fm2_canaryA')).not.toContain('canary');
  });
});
