/** What runs inside a machine: exec, ps and the memory it may use. */
import { fieldsOf, numberField, textField } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { heldLease, livingMachineOf, machineOf } from '../http/resources.ts';
import type { Machine } from '../world/records.ts';
import { ok, refusal, type Reply } from '../wire/replies.ts';

/** What a process of an image named `listens-locally` binds to; the proxy cannot reach it there. */
const everywhere = '0.0.0.0';
const loopback = '127.0.0.1';

/** `echo`, `true`, `false` and `exit` do what they say; anything else ends well and prints nothing. */
function exec(call: RequestContext): Reply {
  const machine = livingMachineOf(call);
  const lease = heldLease(call.world, machine);
  // Even its holder is refused: observed of the platform.
  if (lease !== undefined) throw refusal(409, `failed_precondition: machine ${machine.id} is leased by ${lease.owner}`);
  requireStarted(machine, 'exec');
  const [command = '', ...rest] = commandOf(call.body);
  const { code, stdout } = ran(command, rest);
  return ok({ exit_code: code, exit_signal: 0, stdout, stderr: '' });
}

function commandOf(body: unknown): readonly string[] {
  const fields = fieldsOf(body);
  const { command } = fields;
  const words = Array.isArray(command)
    ? command.filter((word) => typeof word === 'string')
    : (textField(fields, 'cmd') ?? '').split(' ');
  if ((words[0] ?? '') === '') throw refusal(400, 'invalid_argument: command is required');
  return words;
}

function ran(command: string, rest: readonly string[]): { readonly code: number; readonly stdout: string } {
  if (command === 'echo') return { code: 0, stdout: `${rest.join(' ')}\n` };
  if (command === 'false') return { code: 1, stdout: '' };
  return { code: command === 'exit' ? Number(rest[0] ?? 0) : 0, stdout: '' };
}

function requireStarted(machine: Machine, action: string): void {
  if (machine.state === 'started' && machine.hostStatus === 'ok') return;
  throw refusal(412, `failed_precondition: unable to ${action} on machine in state: '${machine.state}'`);
}

/** Fly's init and the app, which listens where its services and checks say. */
function ps(call: RequestContext): Reply {
  const machine = machineOf(call);
  requireStarted(machine, 'list processes');
  const { services, checks, image, init } = machine.config;
  const bound = (image ?? '').includes('listens-locally') ? loopback : everywhere;
  const ports = [
    ...(services ?? []).map((service) => ({ proto: service.protocol ?? 'tcp', port: service.internal_port })),
    ...Object.values(checks ?? {}).map((check) => ({ proto: 'tcp', port: check.port })),
  ];
  const sockets = new Set(
    ports.filter(({ port }) => port != null).map(({ proto, port }) => `${proto} ${bound}:${port}`),
  );
  const command = Array.isArray(init?.['cmd']) ? init['cmd'].join(' ') : 'app';
  const idle = { directory: '/', cpu: 0, rtime: 0, stime: 0 };
  return ok([
    { ...idle, pid: 1, command: '/fly/init', rss: 4_000_000, listen_sockets: [] },
    {
      ...idle,
      pid: 300,
      command,
      rss: 40_000_000,
      listen_sockets: [...sockets].map((socket) => {
        const [proto = '', address = ''] = socket.split(' ');
        return { proto, address };
      }),
    },
  ]);
}

const guestMemory = (machine: Machine): number => machine.config.guest?.memory_mb ?? 0;
const limitOf = (machine: Machine): number => machine.memoryLimitMb ?? guestMemory(machine);

function memoryView(machine: Machine): Reply {
  const limit = limitOf(machine);
  return ok({ limit_mb: limit, available_mb: Math.floor(limit / 2) });
}

function limitMemory(call: RequestContext): Reply {
  const machine = livingMachineOf(call);
  const limit = numberField(fieldsOf(call.body), 'limit_mb') ?? 0;
  if (!Number.isInteger(limit) || limit < 1 || limit > guestMemory(machine)) {
    throw refusal(422, `invalid_argument: limit_mb must be 1 to ${guestMemory(machine)}`);
  }
  machine.memoryLimitMb = limit;
  return memoryView(machine);
}

/** Half of what is in use can be given back. */
function reclaimMemory(call: RequestContext): Reply {
  const machine = livingMachineOf(call);
  requireStarted(machine, 'reclaim memory');
  const wanted = numberField(fieldsOf(call.body), 'amount_mb') ?? 0;
  return ok({ actual_mb: Math.max(0, Math.min(wanted, Math.floor(limitOf(machine) / 4))) });
}

const path = '/apps/{app}/machines/{machine}';

export const processRoutes: readonly Route[] = [
  { operation: `POST ${path}/exec`, handle: exec },
  { operation: `GET ${path}/ps`, handle: ps },
  { operation: `GET ${path}/memory`, handle: (call) => memoryView(machineOf(call)) },
  { operation: `PUT ${path}/memory`, handle: limitMemory },
  { operation: `POST ${path}/memory/reclaim`, handle: reclaimMemory },
];
