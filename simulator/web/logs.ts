import type { MachineEvent } from '../../schemas/fly/machine.ts';
import { isObject } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { appOf } from '../http/access.ts';
import type { Machine } from '../world/records.ts';
import { ok, timestamp, type Reply } from '../wire/replies.ts';

/** Lines of one answer; the next token brings the rest. */
const linesMost = 100;

interface Line {
  /** Orders lines of one time as well, and is the token that goes on after this one. */
  readonly place: string;
  readonly machine: Machine;
  readonly event: MachineEvent;
}

/**
 * Nothing runs here that could write, so the lines are the platform's own, one for each event of a machine. Without a
 * token the newest, then what came after the token. `instance` is a machine's id.
 */
function logs(call: RequestContext): Reply {
  const app = appOf(call);
  const token = call.query.get('next_token') ?? '';
  const instance = call.query.get('instance') ?? '';
  const region = call.query.get('region') ?? '';
  const lines = [...app.machines.values()]
    .filter((machine) => (instance === '' || machine.id === instance) && (region === '' || machine.region === region))
    .flatMap((machine) => machine.events.map((event) => ({ place: placeOf(machine, event), machine, event })))
    .filter((line) => line.place > token)
    .sort((a, b) => (a.place < b.place ? -1 : 1));
  const shown = token === '' ? lines.slice(-linesMost) : lines.slice(0, linesMost);
  return ok({ data: shown.map(view), meta: { next_token: shown.at(-1)?.place ?? token } });
}

/** Within one millisecond machines by id, and a machine's events in the order they happened. */
function placeOf(machine: Machine, event: MachineEvent): string {
  const older = machine.events.length - machine.events.indexOf(event);
  return `${String(event.timestamp).padStart(14, '0')}-${machine.id}-${String(older).padStart(3, '0')}`;
}

function view({ place, machine, event }: Line) {
  const { id, region } = machine;
  return {
    id: place,
    type: 'log',
    attributes: {
      timestamp: timestamp(event.timestamp ?? 0),
      message: messageOf(event),
      level: 'info',
      instance: id,
      region,
      meta: { instance: id, region, event: { provider: 'runner' } },
    },
  };
}

function messageOf(event: MachineEvent): string {
  const exit = event.request?.['exit_event'];
  if (isObject(exit)) return `Main child exited with code: ${String(exit['exit_code'])}`;
  return `Machine ${event.type}: ${event.status ?? ''}`;
}

export const logRoutes: readonly Route[] = [{ operation: 'GET /api/v1/apps/{app}/logs', handle: logs }];
