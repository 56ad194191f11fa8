import { quietHost } from '../terminal.ts';
import { expect, test } from 'vitest';
import type { Io } from '../../../src/cli/shell/io.ts';
import { createServiceLog, createTerminalLog } from '../../../src/cli/shell/log.ts';
import { learnEnvironment, redacted } from '../../../src/cli/shell/redaction.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { Redactor } from '../../../src/model/base/secret-value.ts';

const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAAsecretline\n-----END OPENSSH PRIVATE KEY-----\n';
const secrets = { FLY_API_TOKEN: 'FlyV1 fm2_first,fm2_second', GITHUB_TOKEN: 'ghp_"quoted"', FLY_SSH_PRIVATE_KEY: key };

function terminal(env: Io['env'] = {}) {
  const lines: string[] = [];
  const write = (text: string): void => {
    lines.push(text);
  };
  const all = { ...secrets, ...env };
  const redactor = new Redactor();
  learnEnvironment(redactor, all);
  const io: Io = {
    env: all,
    cwd: '/',
    stdout: { isTTY: false, write: () => expect.unreachable('a log never writes to stdout') },
    stderr: { isTTY: false, write },
    clock: new IdleClock(),
    fetch,
    signal: new AbortController().signal,
    random: () => 0,
    host: quietHost,
  };
  return { io, redactor, lines };
}

test('a command warns in plain lines and keeps the rest for FLYCD_DEBUG', () => {
  const quiet = terminal();
  const log = createTerminalLog(quiet.io, quiet.redactor);
  log.debug({}, 'detail');
  log.info({}, 'news');
  log.warn({ file: 'a.yaml', error: new Error('no \u001b[2J'), count: 3 }, 'something is off');
  expect(quiet.lines).toEqual([String.raw`warning: something is off file=a.yaml error="no \u001b[2J" count=3` + '\n']);
  const loud = terminal({ FLYCD_DEBUG: '1' });
  createTerminalLog(loud.io, loud.redactor).debug({ app: 'web' }, 'detail');
  expect(loud.lines).toEqual(['debug: detail app=web\n']);
});

test('a service logs JSON lines', async () => {
  const { io, redactor, lines } = terminal();
  (await createServiceLog(io, redactor)).info({ app: 'web' }, 'synced');
  expect(JSON.parse(lines.join(''))).toEqual({
    level: 'info',
    time: '2026-01-01T00:00:00.000Z',
    app: 'web',
    msg: 'synced',
  });
});

test.each(['terminal', 'service'] as const)(
  'no secret passes the %s log: message, field, error, URL, key',
  async (kind) => {
    const { io, redactor, lines } = terminal({ FLYCD_DEBUG: '1' });
    const log = kind === 'terminal' ? createTerminalLog(io, redactor) : await createServiceLog(io, redactor);
    log.error(
      { deep: { token: 'fm2_second' }, error: new Error(`https://user:pass@host/ ghp_"quoted" ${key}`) },
      'fm2_first',
    );
    log.error({}, '-----BEGIN OPENSSH PRIVATE KEY----- is missing');
    const text = lines.join('');
    expect(text).toContain('BEGIN OPENSSH');
    for (const hidden of ['fm2_first', 'fm2_second', 'quoted', 'AAAAsecretline', 'user:pass']) {
      expect(text).not.toContain(hidden);
    }
  },
);

test('data for people is redacted in depth', () => {
  const { redactor } = terminal();
  const data = { list: [{ text: 'a fm2_first b', number: 1, nothing: undefined }], none: null };
  expect(redacted(redactor, data)).toEqual({
    list: [{ text: 'a [secret] b', number: 1, nothing: undefined }],
    none: null,
  });
});
