import { expect, test } from 'vitest';
import { resolveListen } from '../../../src/cli/composition/listen.ts';

const env = { WEBHOOK_PORT: '8080', WEBHOOK_PATH: 'hook', WEBHOOK_INTERFACE: '127.0.0.1' };
const written = { port: 9090, path: '/written', interface: '::1' };

test('where serve listens: flag, then environment, then flycd.yaml, then the ways of flycd 0.x', () => {
  const flags = { webhookPort: 1, webhookPath: '/flag', webhookInterface: 'localhost' };
  expect(resolveListen({ env }, flags, written)).toEqual({ port: 1, path: '/flag', host: 'localhost' });
  expect(resolveListen({ env }, {}, written)).toEqual({ port: 8080, path: '/hook', host: '127.0.0.1' });
  expect(resolveListen({ env: {} }, {}, written)).toEqual({ port: 9090, path: '/written', host: '::1' });
  expect(resolveListen({ env: {} }, {}, undefined)).toEqual({ port: 80, path: '/webhook', host: '0.0.0.0' });
});

test.each(['http', '70000', '-1', '8080x'])('WEBHOOK_PORT=%s is refused', (port) => {
  expect(() => resolveListen({ env: { WEBHOOK_PORT: port } }, {}, undefined)).toThrow(/WEBHOOK_PORT is no port/);
});
