import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { percentile, type Figure } from '../figures.ts';
import type { SyncedWorld } from './pass.ts';
import type { Workspace } from '../workspace.ts';

const p99BoundMs = 20;
const perSecond = 200;
const secret = 'an-invented-secret-for-the-bench';
/** A push as GitHub tells it is some 8 kB. */
const payloadBytes = 8_000;
/** The first answers of a process are its slowest, and a server's first second is long ago. */
const warmUpSeconds = 1;
const readyWithinMs = 60_000;
/** After the first pass nothing is asked of Fly for so long: the measuring begins on a server with nothing else to do. */
const quietMs = 1_000;

/**
 * Signed pushes to `flycd serve` at a steady pace, whatever the answers do; each makes the server look at git. When the
 * last is answered the server is killed with SIGKILL: what its database then lacks of what it took is lost.
 */
export async function webhooks(
  workspace: Workspace,
  entry: URL,
  world: SyncedWorld,
  seconds: number,
): Promise<readonly Figure[]> {
  const server = workspace.fork(
    entry,
    ['serve', world.fleet.url, '--data-dir', world.dataDirectory, '--webhook-interface', '127.0.0.1', '-p', '0'],
    { ...world.environment, FLYCD_WEBHOOK_SECRET: secret },
  );
  const agent = new Agent({ keepAlive: true });
  try {
    const [, address = ''] = await server.line(/"url":"(http[^"]+)"/);
    const url = new URL(address);
    await ready(url);
    await world.simulator.quiet(quietMs);
    const target = { url: new URL('/webhook', url), agent, repo: world.fleet.url };
    await deliverSteadily(target, perSecond * warmUpSeconds);
    const sent = await deliverSteadily(target, perSecond * seconds);
    await server.stop('SIGKILL');
    const stored = new Set(storedIn(world.dataDirectory));
    const accepted = sent.filter(({ status }) => status === 202);
    const lost = accepted.filter(({ id }) => !stored.has(id));
    const times = sent.map(({ ms }) => ms);
    const what = `webhook, ${perSecond} a second for ${seconds} s`;
    return [
      { what: `${what}: median`, value: percentile(times, 0.5), unit: 'ms' },
      { what: `${what}: 99 of 100 within`, value: percentile(times, 0.99), unit: 'ms', bound: p99BoundMs },
      { what: `${what}: accepted`, value: accepted.length, unit: 'calls' },
      { what: `${what}: lost by kill -9 after the last`, value: lost.length, unit: 'calls' },
    ];
  } finally {
    agent.destroy();
    await server.stop('SIGKILL');
  }
}

async function ready(url: URL): Promise<void> {
  const start = performance.now();
  for (;;) {
    const response = await fetch(new URL('/readyz', url));
    const text = await response.text();
    if (response.ok) return;
    if (performance.now() - start > readyWithinMs) throw new Error(`flycd serve did not get ready: ${text}`);
    await sleep(50);
  }
}

interface Target {
  readonly url: URL;
  readonly agent: Agent;
  readonly repo: string;
}

interface Delivery {
  readonly id: string;
  readonly status: number;
  readonly ms: number;
}

/** So many at their pace: one that waits for its answer holds up no other. */
async function deliverSteadily(target: Target, count: number): Promise<readonly Delivery[]> {
  const start = performance.now();
  const sent: Promise<Delivery>[] = [];
  while (sent.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - start) / 1000) * perSecond) + 1);
    while (sent.length < due) sent.push(deliver(target));
    await sleep(1);
  }
  return Promise.all(sent);
}

function deliver({ url, agent, repo }: Target): Promise<Delivery> {
  const id = randomUUID();
  const payload = { ref: 'refs/heads/main', repository: { clone_url: repo, default_branch: 'main' }, padding: '' };
  const padding = 'x'.repeat(payloadBytes - JSON.stringify(payload).length);
  const body = JSON.stringify({ ...payload, padding });
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-github-event': 'push',
    'x-github-delivery': id,
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  };
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('end', () => resolve({ id, status: response.statusCode ?? 0, ms: performance.now() - start }));
    });
    sending.once('error', reject);
    sending.end(body);
  });
}

function storedIn(dataDirectory: string): readonly string[] {
  const database = new Sqlite(join(dataDirectory, 'flycd.db'), { readonly: true });
  try {
    const rows = database.prepare<[], { id: string }>('SELECT id FROM delivery').all();
    return rows.map(({ id }) => id);
  } finally {
    database.close();
  }
}
