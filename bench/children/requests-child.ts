/**
 * A server to send requests to: `fly` is Fly in a box without rate limits, `empty` Node's own HTTP server that gives
 * each path the same answer. Sends {url, token} when it listens; {answer} sets the empty server's answer; any other
 * message is answered with {cpuMs, memoryMb}.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startSimulator } from '../../simulator/simulator.ts';
import { systemClock } from '../../src/model/base/clock.ts';
import { argumentsOf, report } from './invocation.ts';

let answer = '';

async function listening(): Promise<{ readonly url: string; readonly token: string }> {
  if (argumentsOf('kind').kind === 'fly') return startSimulator({ clock: systemClock, rateLimits: false });
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: '' };
}

const { url, token } = await listening();
process.on('message', (wish: { readonly answer?: string }) => {
  if (wish.answer !== undefined) answer = wish.answer;
  const { user, system } = process.cpuUsage();
  report({ cpuMs: (user + system) / 1000, memoryMb: process.memoryUsage.rss() / 2 ** 20 });
});
process.on('disconnect', () => process.exit());
report({ url, token });
