import { expect, test } from 'vitest';
import { run } from '../../terminal.ts';

test('flycd simulator says at once all that points clients at it, and serves until it is stopped', async () => {
  const stop = new AbortController();
  const writes: string[] = [];
  const listens = Promise.withResolvers<void>();
  const ended = run(['simulator', '--org', 'acme'], {
    signal: stop.signal,
    onStdout: (text) => void writes.push(text),
    onStderr: () => listens.resolve(),
  });
  await listens.promise;
  const exports = Object.fromEntries(
    [...(writes[0] ?? '').matchAll(/^export (\w+)=(\S+)$/gm)].map(([, ...pair]) => pair),
  );
  expect(exports).toMatchObject({ FLY_NO_UPDATE_CHECK: '1', FLY_SEND_METRICS: '0' });
  const tokens = () =>
    fetch(`${exports['FLY_FLAPS_BASE_URL']}/v1/tokens/current`, {
      headers: { authorization: `Bearer ${exports['FLY_API_TOKEN']}` },
    });
  expect(await (await tokens()).json()).toMatchObject({ tokens: [{ org_slug: 'acme' }] });
  stop.abort();
  expect(await ended).toMatchObject({ code: 0, stdout: writes[0] });
  await expect(tokens()).rejects.toThrow('fetch failed');
});
