import { Agent, request } from 'node:http';
import type { Figure } from '../figures.ts';
import type { Child, Workspace } from '../workspace.ts';

/** As many as keep one core busy; flyctl and FlyCD ask in parallel too. */
const connections = 16;

export interface RequestSizes {
  readonly apps: number;
  readonly machinesPerApp: number;
  readonly reads: number;
}

/** One request as it is repeated. */
interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
}

interface Target {
  readonly child: Child;
  readonly url: string;
  readonly token: string;
  readonly agent: Agent;
}

interface Load {
  readonly cpuMs: number;
  readonly memoryMb: number;
}

/**
 * What the simulator answers in a second of its own CPU time, so that whoever asks, and whatever else the machine does,
 * counts little: a mixture of what a pass over an app reads, and updates of machines. Beside it an empty Node HTTP server
 * that gives each question an answer of the size of a list of machines.
 */
export async function simulatedRequests(workspace: Workspace, sizes: RequestSizes): Promise<readonly Figure[]> {
  const fly = await target(workspace, 'fly');
  const empty = await target(workspace, 'empty');
  try {
    const machines = await populate(fly, sizes);
    const reads = Array.from({ length: sizes.reads }, (_unused, n) => readOf(n, sizes.apps, machines));
    const updates = machines.map(({ app, id }, n) => ({
      method: 'POST' as const,
      path: `/v1/apps/${app}/machines/${id}`,
      body: { config: machineConfig(n + 1) },
    }));
    const answer = await ask(fly, { method: 'GET', path: `/v1/apps/${appName(0)}/machines` });
    await load(empty, { answer });
    // The other has long been warm.
    await askAll(empty, updates);
    const readsASecond = await perCpuSecond(fly, reads);
    const updatesASecond = await perCpuSecond(fly, updates);
    const { memoryMb } = await load(fly);
    const emptyASecond = await perCpuSecond(empty, reads);
    const what = `simulator with ${sizes.apps} apps, ${machines.length} machines`;
    return [
      { what: `${what}: reads on one core`, value: readsASecond, unit: 'calls/s' },
      { what: `${what}: updates of machines on one core`, value: updatesASecond, unit: 'calls/s' },
      { what: `${what}: CPU of a read, against an empty server`, value: emptyASecond / readsASecond, unit: 'times' },
      { what: `${what}: memory`, value: memoryMb, unit: 'MB' },
    ];
  } finally {
    for (const { agent, child } of [fly, empty]) {
      agent.destroy();
      await child.stop();
    }
  }
}

async function target(workspace: Workspace, kind: 'fly' | 'empty'): Promise<Target> {
  const child = workspace.fork(new URL('../children/requests-child.ts', import.meta.url), [kind]);
  const found = await child.message<{ readonly url: string; readonly token: string }>();
  return { ...found, child, agent: new Agent({ keepAlive: true, maxSockets: connections }) };
}

interface MadeMachine {
  readonly app: string;
  readonly id: string;
}

const appName = (app: number): string => `bench-${app}`;

/** Over HTTP, as anybody would. */
async function populate(fly: Target, { apps, machinesPerApp }: RequestSizes): Promise<readonly MadeMachine[]> {
  const names = Array.from({ length: apps }, (_unused, app) => appName(app));
  await askAll(
    fly,
    names.map((name) => ({ method: 'POST', path: '/v1/apps', body: { name, org_slug: 'personal' } })),
  );
  const owners = names.flatMap((name) => Array.from({ length: machinesPerApp }, () => name));
  const made = await askAll(
    fly,
    owners.map((app) => ({
      method: 'POST',
      path: `/v1/apps/${app}/machines`,
      body: { region: 'arn', config: machineConfig(0) },
    })),
  );
  return made.map((text, n) => ({ app: owners[n] ?? '', id: (JSON.parse(text) as { readonly id: string }).id }));
}

/** A web service's, as flyctl writes it; another number is another version. */
function machineConfig(version: number) {
  return {
    image: 'ghcr.io/example/service:v1',
    env: { LOG_LEVEL: 'info', VERSION: String(version), DATABASE_HOST: 'database.internal' },
    guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 512 },
    metadata: { fly_platform_version: 'v2', fly_process_group: 'app' },
    services: [
      {
        protocol: 'tcp',
        internal_port: 8080,
        ports: [
          { port: 80, handlers: ['http'], force_https: true },
          { port: 443, handlers: ['tls', 'http'] },
        ],
        concurrency: { type: 'requests', soft_limit: 200, hard_limit: 250 },
        checks: [{ type: 'http', port: 8080, path: '/healthz', interval: '15s', timeout: '2s' }],
      },
    ],
  };
}

/** What FlyCD and flyctl read of an app, the list of its machines most often. */
function readOf(n: number, apps: number, machines: readonly MadeMachine[]): Question {
  const app = appName(n % apps);
  const { app: owner = '', id = '' } = machines[n % machines.length] ?? {};
  const paths = [
    `/apps/${app}`,
    `/apps/${app}/machines?include_leases=true`,
    `/apps/${app}/machines`,
    `/apps/${owner}/machines/${id}`,
    `/apps/${app}/secrets`,
    `/apps/${app}/volumes`,
    `/apps/${app}/ip_assignments`,
  ];
  // Apps and paths turn at paces of their own, so that every app is asked everything.
  return { method: 'GET', path: `/v1${paths[Math.floor(n / apps + n) % paths.length] ?? ''}` };
}

async function perCpuSecond(target: Target, questions: readonly Question[]): Promise<number> {
  const before = await load(target);
  await askAll(target, questions);
  const after = await load(target);
  return questions.length / ((after.cpuMs - before.cpuMs) / 1000);
}

async function load({ child }: Target, wish: { readonly answer?: string } = {}): Promise<Load> {
  child.process.send(wish);
  return child.message<Load>();
}

/** In order, so many at a time as there are connections. */
async function askAll(target: Target, questions: readonly Question[]): Promise<readonly string[]> {
  const answers: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let n = next++; n < questions.length; n = next++) {
      const question = questions[n];
      if (question !== undefined) answers[n] = await ask(target, question);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  return answers;
}

function ask({ url, token, agent }: Target, { method, path, body }: Question): Promise<string> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = { authorization: `Bearer ${token}`, 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const sending = request(new URL(path, url), { method, agent, headers }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (more: string) => {
        answer += more;
      });
      response.once('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode < 300) resolve(answer);
        else reject(new Error(`${method} ${path} was answered ${statusCode}: ${answer}`));
      });
      response.once('error', reject);
    });
    sending.once('error', reject);
    sending.end(text);
  });
}
