import { describe, expect, it } from 'vitest';
import type { FlyWriter } from '../../../src/fly/api.ts';
import { FlyError } from '../../../src/fly/http/error.ts';
import { retryAtOf, type FaultKind } from '../../../src/model/base/fault.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { SecretValue } from '../../../src/model/base/secret-value.ts';
import { speakTo, thrownBy, type Reply } from '../fake-fly.ts';

const start = new IdleClock().now();
const update = (fly: FlyWriter) => fly.updateMachine('shop', '148e1', { config: {} }, 'n1');
const create = (fly: FlyWriter) => fly.createMachine('shop', { name: 'web-arn-1-g1', config: {} });
const begin = (fly: FlyWriter) => fly.startMachine('shop', '148e1');
const list = (fly: FlyWriter) => fly.machines('shop');
const volumes = (fly: FlyWriter) => fly.createVolume('shop', { name: 'data', region: 'arn', size_gb: 1 });

interface Row {
  readonly name: string;
  readonly call: (fly: FlyWriter) => Promise<unknown>;
  readonly reply: Reply;
  readonly kind: FaultKind;
  readonly outcome: 'refused' | 'unknown';
  readonly what: RegExp;
  readonly why?: RegExp;
  readonly next?: RegExp;
  /** Milliseconds from now. */
  readonly retryIn?: number;
  readonly requests: number;
}

const refused = (status: number, error: string, more: object = {}): Reply => ({ status, body: { error, ...more } });

const rows: readonly Row[] = [
  {
    name: '401',
    call: list,
    reply: refused(401, 'unauthorized'),
    kind: 'stalled',
    outcome: 'refused',
    what: /refused the token/,
    next: /fly tokens create/,
    // And two that ask whether another call is refused as well, and still is a moment later.
    requests: 3,
  },
  {
    name: '403',
    call: update,
    reply: refused(403, 'unauthorized'),
    kind: 'stalled',
    outcome: 'refused',
    what: /The token may not update the machine/,
    next: /token of the organization/,
    requests: 1,
  },
  {
    name: '404 where an app is made: its organization',
    call: (fly) => fly.createApp({ name: 'shop', org: 'acmee', network: undefined }),
    reply: refused(404, 'Could not find Organization "acmee"'),
    kind: 'stalled',
    outcome: 'refused',
    what: /create the app shop in an organization/,
    why: /"acmee"/,
    next: /org.*FLY_ORG/,
    requests: 1,
  },
  {
    name: '404 where something must be there',
    call: update,
    reply: refused(404, 'machine not found'),
    kind: 'transient',
    outcome: 'refused',
    what: /not there/,
    why: /machine not found/,
    requests: 1,
  },
  {
    name: '409 lease held',
    call: update,
    reply: refused(
      409,
      'machine ID 148e1 lease currently held by 9af60c27@tokens.fly.io, expires at 2026-01-01T00:00:42Z',
    ),
    kind: 'waiting',
    outcome: 'refused',
    what: /^9af60c27@tokens\.fly\.io is working on the machine/,
    retryIn: 42_000,
    requests: 1,
  },
  {
    name: '409 lease held, in the form of the edge',
    call: (fly) => fly.acquireLease('shop', '148e1', { ttlSeconds: 30, description: 'flycd:f:1' }),
    reply: {
      status: 409,
      body: {
        status: 'error',
        code: 'conflict',
        message: 'machine ID 148e1 lease currently held by me@example.com, expires at 2026-01-01T03:00:00Z',
        error: 'not this one',
      },
    },
    kind: 'waiting',
    outcome: 'refused',
    what: /^me@example\.com is working/,
    why: /lease currently held/,
    retryIn: 5 * 60_000,
    requests: 1,
  },
  {
    name: '409 lease without words',
    call: (fly) => fly.acquireLease('shop', '148e1', { ttlSeconds: 30, description: 'flycd:f:1' }),
    reply: { status: 409, body: '' },
    kind: 'waiting',
    outcome: 'refused',
    what: /Somebody else/,
    why: /HTTP 409/,
    retryIn: 15_000,
    requests: 1,
  },
  {
    name: '409 version',
    call: update,
    reply: refused(409, 'aborted: current version is 01B'),
    kind: 'transient',
    outcome: 'refused',
    what: /would not update the machine in its present state/,
    next: /plans anew/,
    requests: 1,
  },
  {
    name: '409 taken machine name',
    call: create,
    reply: refused(409, 'already_exists: unique machine name violation, machine ID 99 already exists with name "web"'),
    kind: 'transient',
    outcome: 'refused',
    what: /create the machine web-arn-1-g1/,
    why: /machine ID 99 already exists with name/,
    requests: 1,
  },
  {
    name: '412',
    call: begin,
    reply: refused(412, "failed_precondition: unable to start machine from current state: 'created'"),
    kind: 'transient',
    outcome: 'refused',
    what: /would not start the machine/,
    requests: 1,
  },
  {
    name: '422',
    call: create,
    reply: refused(422, 'invalid_argument: config.guest.cpus must be positive'),
    kind: 'stalled',
    outcome: 'refused',
    what: /refused to create the machine/,
    why: /cpus must be positive/,
    next: /git/,
    requests: 1,
  },
  {
    name: '422 name taken',
    call: (fly) => fly.createApp({ name: 'shop', org: 'personal' }),
    reply: refused(422, 'Name has already been taken', { status: 'name_taken' }),
    kind: 'stalled',
    outcome: 'refused',
    what: /refused to create the app shop/,
    next: /Choose another name/,
    requests: 1,
  },
  {
    name: '400',
    call: (fly) => fly.allocateAddress('shop', { type: 'v4', network: 'x' }),
    reply: refused(400, 'network not found'),
    kind: 'stalled',
    outcome: 'refused',
    what: /allocate an IP address \(v4\)/,
    requests: 1,
  },
  {
    name: '429 on a write that is sent once is tried again for a minute, and is somebody else’s doing',
    call: create,
    reply: refused(429, 'rate limit exceeded'),
    kind: 'waiting',
    outcome: 'refused',
    what: /limits the rate/,
    retryIn: 75_005,
    requests: 18,
  },
  {
    name: '408 on create',
    call: create,
    reply: refused(408, 'timed out'),
    kind: 'transient',
    outcome: 'unknown',
    what: /failed to create/,
    requests: 1,
  },
  {
    name: '500 on a write that is sent once',
    call: update,
    reply: refused(500, 'unknown: boom'),
    kind: 'transient',
    outcome: 'unknown',
    what: /failed to update/,
    requests: 1,
  },
  {
    name: '503 on a write that may be sent again',
    call: begin,
    reply: { status: 503, body: '<html><h1>Service\nUnavailable</h1></html>' },
    kind: 'transient',
    outcome: 'unknown',
    what: /failed to start/,
    why: /Service Unavailable/,
    requests: 4,
  },
  {
    name: '502 on a read',
    call: list,
    reply: refused(502, 'bad gateway'),
    kind: 'transient',
    outcome: 'refused',
    what: /failed to list/,
    requests: 4,
  },
  {
    name: 'no answer to a create',
    call: create,
    reply: 'reset',
    kind: 'transient',
    outcome: 'unknown',
    what: /did not answer when asked to create/,
    requests: 1,
  },
  {
    name: 'no answer to a cordon',
    call: (fly) => fly.cordonMachine('shop', '148e1'),
    reply: 'reset',
    kind: 'transient',
    outcome: 'unknown',
    what: /did not answer when asked to cordon/,
    requests: 4,
  },
  {
    name: 'no answer to a restart: twice would be two outages',
    call: (fly) => fly.restartMachine('shop', '148e1'),
    reply: 'reset',
    kind: 'transient',
    outcome: 'unknown',
    what: /restart/,
    requests: 1,
  },
  {
    name: 'no answer to setting secrets',
    call: (fly) => fly.setSecrets('shop', { A: new SecretValue('long enough') }),
    reply: 'reset',
    kind: 'transient',
    outcome: 'unknown',
    what: /set the secrets A/,
    requests: 1,
  },
  {
    name: 'no answer to an extend',
    call: (fly) => fly.extendVolume('shop', 'vol_1', 3),
    reply: 'reset',
    kind: 'transient',
    outcome: 'unknown',
    what: /extend the volume to 3 GB/,
    requests: 1,
  },
  {
    name: 'capacity as text',
    call: create,
    reply: refused(412, 'could not reserve resource for machine: insufficient memory available'),
    kind: 'waiting',
    outcome: 'refused',
    what: /no room/,
    retryIn: 5 * 60_000,
    requests: 1,
  },
  {
    name: 'capacity as status',
    call: create,
    reply: refused(422, 'no capacity', { status: 'insufficient_capacity' }),
    kind: 'waiting',
    outcome: 'refused',
    what: /no room/,
    retryIn: 5 * 60_000,
    requests: 1,
  },
  {
    name: 'capacity for a volume',
    call: volumes,
    reply: refused(422, 'no host', { status: 'volume_placement_capacity' }),
    kind: 'waiting',
    outcome: 'refused',
    what: /no room to create a volume data in arn/,
    retryIn: 5 * 60_000,
    requests: 1,
  },
  {
    name: 'capacity on a start is not asked for again within seconds',
    call: begin,
    reply: refused(503, 'could not reserve resource for machine'),
    kind: 'waiting',
    outcome: 'unknown',
    what: /no room/,
    retryIn: 5 * 60_000,
    requests: 1,
  },
  {
    name: 'payment',
    call: create,
    reply: refused(422, 'To create more machines please add a payment method.'),
    kind: 'held',
    outcome: 'refused',
    what: /can pay/,
    next: /billing/,
    requests: 1,
  },
  {
    name: 'a redirect is not followed',
    call: list,
    reply: { status: 302, headers: { location: 'http://elsewhere.test/' }, body: '' },
    kind: 'stalled',
    outcome: 'refused',
    what: /refused to list/,
    why: /HTTP 302/,
    requests: 1,
  },
  {
    name: 'nor is one that a write gets done',
    call: create,
    reply: { status: 300, body: '' },
    kind: 'stalled',
    outcome: 'refused',
    what: /refused to create/,
    why: /HTTP 300/,
    requests: 1,
  },
  {
    name: 'an answer that does not fit',
    call: list,
    reply: { status: 200, body: [{ id: '148e1', name: 'a', state: 7, region: 'arn' }] },
    kind: 'transient',
    outcome: 'refused',
    what: /list the machines/,
    why: /at \[0\]\.state: .*expected string/,
    requests: 1,
  },
  {
    name: 'an answer to a create that does not fit',
    call: create,
    reply: { status: 200, body: { name: 'a' } },
    kind: 'transient',
    outcome: 'unknown',
    what: /create the machine/,
    why: /at id: /,
    requests: 1,
  },
  {
    name: 'an answer to a create that breaks off',
    call: create,
    reply: { truncate: { id: '148e1', name: 'a' } },
    kind: 'transient',
    outcome: 'unknown',
    what: /did not answer/,
    why: /broke off/,
    requests: 1,
  },
];

describe('what FlyCD makes of what Fly answers', () => {
  it.each(rows)('$name', async (row) => {
    await using bench = await speakTo(() => row.reply);
    const error = await thrownBy(row.call(bench.fly));
    if (!(error instanceof FlyError)) throw error;
    expect({ kind: error.kind, outcome: error.outcome }).toEqual({ kind: row.kind, outcome: row.outcome });
    expect(error.what).toMatch(row.what);
    if (row.why !== undefined) expect(error.why).toMatch(row.why);
    if (row.next !== undefined) expect(error.next).toMatch(row.next);
    expect(error.next).not.toBe('');
    expect(retryAtOf(error, start)).toBe(row.retryIn === undefined ? undefined : start + row.retryIn);
    expect(bench.server.arrivals).toHaveLength(row.requests);
    expect(bench.clock.pending).toBe(0);
  });

  it('says where, which call, and the id that Fly support asks for', async () => {
    await using bench = await speakTo(() => refused(422, 'no'));
    const error = await thrownBy(bench.fly.updateMachine('shop', '148e1', { config: {} }));
    expect(error).toMatchObject({
      where: 'app shop, machine 148e1',
      operation: 'POST /apps/{app}/machines/{machine}',
      requestId: 'req-7',
      reply: 'no',
      status: 422,
      message: 'Fly refused to update the machine: no',
    });
  });

  it('keeps terminal escapes and long pages out of the words', async () => {
    await using bench = await speakTo(() => ({ status: 422, body: `\u001b[2Jboo\u0007 ${'x'.repeat(100_000)}` }));
    const error = await thrownBy(bench.fly.machines('shop'));
    if (!(error instanceof FlyError)) throw error;
    expect(error.reply?.startsWith('[2Jboo x')).toBe(true);
    expect(error.reply?.length).toBe(1000);
  });
});
