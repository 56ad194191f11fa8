import { connect } from 'node:net';
import { join } from 'node:path';
import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { SecretValue } from '../../src/model/base/secret-value.ts';
import { signatureCheck } from '../../src/server/signature.ts';
import { temporaryFolder, testStore } from '../record/stores.ts';
import { answerOf, pushPayload, secret, serving, sign } from './serving.ts';

const mebibyte = 1024 * 1024;

function isSigned(body: Uint8Array, header: string | undefined, key: SecretValue): boolean {
  const check = signatureCheck(header, key);
  check?.update(body);
  return check?.holds() ?? false;
}

describe('signatures', () => {
  test("GitHub's own example holds", () => {
    const key = new SecretValue("It's a Secret to Everybody");
    const header = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    expect(isSigned(Buffer.from('Hello, World!'), header, key)).toBe(true);
    expect(isSigned(Buffer.from('Hello, World'), header, key)).toBe(false);
  });

  test('missing, forged, cut, of another secret or another hash: 401, nothing stored, nobody woken', async () => {
    const { post, wakes, pending, url } = await serving();
    const body = pushPayload();
    const right = sign(body);
    const forged = [
      '',
      'sha256=',
      right.slice(0, -1),
      `${right}0`,
      right.replace('sha256=', ''),
      right.replace('sha256=', 'sha1='),
      `${right.slice(0, -1)}${right.endsWith('0') ? '1' : '0'}`,
      sign(body, 'another secret'),
      sign(body, ''),
      sign(`${body} `),
    ];
    for (const header of forged) {
      expect([header, (await post(body, { 'x-hub-signature-256': header })).status]).toEqual([header, 401]);
    }
    const unsigned = await fetch(`${url}/webhook`, { method: 'POST', body });
    expect(unsigned.status).toBe(401);
    expect(await pending()).toEqual([]);
    expect(wakes).toEqual([]);
    expect((await post(body, { 'x-hub-signature-256': right.toUpperCase().replace('SHA256', 'sha256') })).status).toBe(
      202,
    );
  });

  test('are of the bytes as sent: spaces, line ends and bytes that are no UTF-8 stay as they are', async () => {
    const { post } = await serving();
    expect((await post(`\r\n ${pushPayload()}\t\n`)).status).toBe(202);
    const bytes = new Uint8Array([0x22, 0xff, 0xfe, 0x22]);
    expect((await post(bytes)).status).toBe(202);
    expect((await post(bytes, { 'x-hub-signature-256': sign(Buffer.from(bytes).toString('utf8')) })).status).toBe(401);
  });

  test('property: no single changed byte passes', () => {
    const key = new SecretValue(secret);
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (body, at, by) => {
          const header = sign(body);
          const changed = Uint8Array.from(body);
          changed[at % body.length] = (body[at % body.length] ?? 0) ^ by;
          expect([isSigned(body, header, key), isSigned(changed, header, key)]).toEqual([true, false]);
        },
      ),
    );
  });
});

describe('bodies', () => {
  const payload = (size: number): string => {
    const empty = pushPayload({ padding: '' }).length;
    return pushPayload({ padding: 'x'.repeat(size - empty) });
  };

  test('of 1 MiB are read; up to 25 MiB they are verified, and git is asked about every app', async () => {
    const { post, wakes, pending } = await serving();
    expect((await post(payload(mebibyte))).body['status']).toBe('accepted');
    expect([wakes.splice(0), (await pending()).length]).toEqual([['webhook'], 1]);
    for (const size of [mebibyte + 1, 25 * mebibyte]) {
      expect((await post(payload(size), { 'x-hub-signature-256': sign(payload(size), 'other') })).status).toBe(401);
      expect(wakes).toEqual([]);
      expect((await post(payload(size))).status).toBe(202);
      expect([wakes.splice(0), (await pending()).length]).toEqual([['timer'], 1]);
    }
  });

  test('beyond what is kept of all are verified, and git is asked about every app; later ones are read again', async () => {
    const { post, wakes, url } = await serving({ limits: { keptBytes: mebibyte } });
    const held = connect(Number(new URL(url).port), '127.0.0.1');
    held.on('error', () => undefined);
    const head = `POST /webhook HTTP/1.1\r\nhost: x\r\nx-hub-signature-256: ${sign('')}\r\ncontent-length: ${mebibyte}\r\n\r\n`;
    await new Promise<void>((resolve) => held.write(head + 'x'.repeat(mebibyte - 100), () => resolve()));
    const long = pushPayload({ padding: 'x'.repeat(100_000) });
    await expect.poll(async () => String((await post(long)).body['reason'])).toContain('too much is being received');
    expect(wakes.splice(0)).toContain('timer');
    // One of a few commits is read all the same.
    expect((await post(pushPayload(), { 'x-github-delivery': 'small' })).body['delivery']).toBe('small');
    held.destroy();
    await expect.poll(async () => (await post(long, { 'x-github-delivery': 'late' })).body['delivery']).toBe('late');
  });

  test('over 25 MiB are refused before they are read', async () => {
    const { url, said } = await serving();
    const header = `x-hub-signature-256: ${sign('')}\r\ncontent-length: ${25 * mebibyte + 1}`;
    expect(await answerOf(url, `POST /webhook HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
    expect(said.join()).toContain('webhook refused: the body is over 25 MB');
  });

  test('without a stated length are cut off as they stream', async () => {
    const { url } = await serving();
    let sent = 0;
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      let text = '';
      socket.on('data', (data: Buffer) => (text += data.toString()));
      socket.on('close', () => resolve(text));
      socket.on('error', () => undefined);
      const signature = `x-hub-signature-256: ${sign('')}`;
      socket.write(`POST /webhook HTTP/1.1\r\nhost: x\r\n${signature}\r\ntransfer-encoding: chunked\r\n\r\n`);
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      const more = (): void => {
        if (socket.destroyed || sent >= 128 * mebibyte) return;
        sent += 0x10000;
        socket.write(chunk, () => setImmediate(more));
      };
      more();
    });
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(sent).toBeLessThan(64 * mebibyte);
  });

  test('that are not JSON are told so, once they are signed', async () => {
    const { post } = await serving();
    for (const body of ['payload=%7B%7D', '{', '']) {
      const { status, body: answer } = await post(body, { 'content-type': 'application/x-www-form-urlencoded' });
      expect([body, status, answer['next']]).toEqual([body, 400, 'set the content type to application/json']);
    }
  });

  test('are JSON whatever the content type says, or none', async () => {
    const { post, url } = await serving();
    expect((await post(pushPayload(), { 'content-type': 'text/plain' })).status).toBe(202);
    const body = Buffer.from(pushPayload({ nothing: 'else' }));
    const bare = await fetch(`${url}/webhook`, {
      method: 'POST',
      body,
      headers: { 'x-hub-signature-256': sign(body) },
    });
    expect(bare.status).toBe(202);
  });
});

describe('deliveries', () => {
  test('are stored, then answered 202, then wake', async () => {
    const { post, wakes, pending, clock } = await serving();
    const { status, body } = await post(pushPayload(), { 'x-github-delivery': 'd-1' });
    expect([status, body]).toEqual([202, { status: 'accepted', delivery: 'd-1' }]);
    expect(await pending()).toEqual([
      { id: 'd-1', repo: 'https://github.com/acme/fleet.git', ref: 'refs/heads/main', receivedAt: clock.now() },
    ]);
    expect(wakes).toEqual(['webhook']);
  });

  test('sent twice act once, even at the same moment', async () => {
    const { post, wakes, pending } = await serving();
    const answers = await Promise.all([1, 2, 3, 4].map(() => post(pushPayload())));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect((await post(pushPayload({ after: 'd'.repeat(40) }))).status).toBe(200);
    expect(await pending()).toHaveLength(1);
    expect(wakes).toHaveLength(1);
  });

  test('without an id, or with one that is none, are known by their content', async () => {
    const { post, pending } = await serving();
    for (const id of ['', 'x'.repeat(5_000), "'; DROP TABLE delivery; --"]) {
      expect((await post(pushPayload(), { 'x-github-delivery': id })).status).toBe(202);
      expect((await post(pushPayload(), { 'x-github-delivery': id })).status).toBe(200);
      expect((await post(pushPayload({ after: id }), { 'x-github-delivery': id })).status).toBe(202);
    }
    for (const { id } of await pending()) expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test('answered 202 are there after a kill', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const { post } = await serving({ store: testStore({ path }) });
    await post(pushPayload(), { 'x-github-delivery': 'd-1' });
    expect((await testStore({ path }).pendingDeliveries()).map(({ id }) => id)).toEqual(['d-1']);
  });

  test('that cannot be stored are not accepted, and git is looked at for them all the same', async () => {
    const { post, wakes, said } = await serving({
      store: {
        storeDelivery: () => Promise.reject(new Error('database or disk is full')),
        checkStorage: () => Promise.resolve(),
      },
    });
    expect((await post(pushPayload())).status).toBe(503);
    expect(wakes).toEqual(['timer']);
    expect(said.join()).toContain('disk is full');
  });

  test('no secret and no signature reaches a log', async () => {
    const { post, said } = await serving();
    await post(pushPayload());
    await post(pushPayload(), { 'x-hub-signature-256': 'sha256=forged' });
    expect(said.length).toBeGreaterThan(1);
    expect(said.join()).not.toContain(secret);
    expect(said.join()).not.toContain('forged');
  });
});

describe('what is followed', () => {
  const fleet = 'https://github.com/acme/fleet.git';
  test.each([
    ['the branch', [fleet, 'main'], {}, 'accepted'],
    ['another branch', [fleet, 'production'], {}, 'ignored'],
    ['a branch whose name ends alike', [fleet, 'main'], { ref: 'refs/heads/not/main' }, 'ignored'],
    ['a tag', [fleet, 'v1.2'], { ref: 'refs/tags/v1.2' }, 'accepted'],
    ['a branch with slashes', [fleet, 'team/x'], { ref: 'refs/heads/team/x' }, 'accepted'],
    ['a full ref', [fleet, 'refs/heads/main'], {}, 'accepted'],
    ['the default branch', [fleet, 'HEAD'], {}, 'accepted'],
    ['the default branch, another is pushed', [fleet, 'HEAD'], { ref: 'refs/heads/topic' }, 'ignored'],
    ['the default branch, a tag of its name is pushed', [fleet, 'HEAD'], { ref: 'refs/tags/main' }, 'ignored'],
    ['another repository', ['https://github.com/acme/other.git', 'main'], {}, 'ignored'],
    ['neither branch nor tag', [fleet, 'refs/pull/1/head'], { ref: 'refs/pull/1/head' }, 'ignored'],
    ['no ref', [fleet, 'main'], { ref: 7 }, 'ignored'],
    ['no repository', [fleet, 'main'], { repository: 'acme/fleet' }, 'ignored'],
  ] as const)('%s', async (_name, followed, parts, status) => {
    const { post, wakes, pending } = await serving({ followed: [followed] });
    const answer = await post(pushPayload(parts));
    expect([answer.status, answer.body['status']]).toEqual([202, status]);
    expect(wakes).toHaveLength(status === 'accepted' ? 1 : 0);
    expect(await pending()).toHaveLength(status === 'accepted' ? 1 : 0);
  });

  test.each(['url', 'clone_url', 'html_url', 'git_url', 'svn_url', 'ssh_url'])('is found by %s', async (key) => {
    const address = 'ssh://git@forge.example/acme/fleet';
    const { post, pending } = await serving({ followed: [[address, 'main']] });
    expect((await post(pushPayload({}, { [key]: address }))).body['status']).toBe('accepted');
    expect((await pending())[0]?.repo).toBe('ssh://forge.example/acme/fleet');
  });

  test('is a ping or another event: 202 and nobody woken', async () => {
    const { post, wakes } = await serving();
    for (const event of ['ping', 'issues', 'star']) {
      const { status, body } = await post(pushPayload(), { 'x-github-event': event });
      expect([status, body]).toEqual([202, { status: 'ignored', reason: `event ${event}` }]);
    }
    expect(wakes).toEqual([]);
  });

  test('is not known before the first desired state: every signed push is kept', async () => {
    const { post, wakes, pending } = await serving({ ready: false, followed: [] });
    expect((await post(pushPayload())).body['status']).toBe('accepted');
    expect((await pending())[0]?.repo).toBe(fleet);
    expect(wakes).toEqual(['webhook']);
    expect((await post(pushPayload(), { 'x-hub-signature-256': '' })).status).toBe(401);
  });
});
