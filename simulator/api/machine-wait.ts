import { listed, type RequestContext, type Route } from '../http/request-context.ts';
import { machineOf } from '../http/resources.ts';
import { isSettled } from '../world/machine-states.ts';
import type { Machine } from '../world/records.ts';
import { ok, refusal, type Reply } from '../wire/replies.ts';

/** Fly's proxy cuts longer waits. */
const longestWaitMs = 60_000;
/**
 * A wait looks again when the machine's own next change is due; a change that somebody else brings about meanwhile is
 * seen within this time.
 */
const glanceMs = 250;
const waitable = new Set(['started', 'stopped', 'suspended', 'destroyed', 'failed', 'settled']);

/** GET …/wait: 200 once reached, 408 at the deadline, 404 when the machine is gone. */
async function wait(call: RequestContext): Promise<Reply> {
  const { world, query } = call;
  const wanted = listed(query, 'state');
  const states = wanted.size === 0 ? new Set(['started']) : wanted;
  for (const state of states) {
    if (!waitable.has(state))
      throw refusal(400, `invalid_argument: state ${JSON.stringify(state)} cannot be waited for`);
  }
  const version = query.get('version') ?? query.get('instance_id') ?? undefined;
  const deadline = world.now() + timeoutMs(query);
  for (;;) {
    const machine = machineOf(call);
    if (reached(machine, states, version)) {
      const { state, instanceId } = machine;
      return ok({ ok: true, state, version: instanceId, event_id: machine.events[0]?.id ?? '' });
    }
    if (machine.state === 'destroyed') throw refusal(404, `not_found: machine ID ${machine.id} is destroyed`);
    const left = deadline - world.now();
    if (left <= 0) throw deadlineExceeded(machine, states, version);
    const nextChange = (machine.pending?.at ?? Infinity) - world.now();
    const stillThere = await call.pause(Math.max(1, Math.min(left, glanceMs, nextChange)));
    if (!stillThere) throw deadlineExceeded(machine, states, version);
  }
}

/** Seconds, or a Go duration in seconds ("10s"); 60 where nothing is said. */
function timeoutMs(query: URLSearchParams): number {
  const text = query.get('timeout');
  if (text === null || text === '') return longestWaitMs;
  const seconds = Number(text.replace(/s$/, ''));
  if (!Number.isFinite(seconds) || seconds < 0) {
    throw refusal(400, `invalid_argument: timeout ${JSON.stringify(text)} is not a number of seconds`);
  }
  return Math.min(longestWaitMs, Math.max(1000, seconds * 1000));
}

function reached(machine: Machine, states: ReadonlySet<string>, version: string | undefined): boolean {
  if (version !== undefined && version !== '' && version !== machine.instanceId) return false;
  if (states.has(machine.state)) return true;
  // A process that is about to exit by itself is `started` with a change pending: that counts as settled too.
  const movesOn = machine.pending !== undefined && machine.state !== 'started';
  return states.has('settled') && isSettled(machine.state, movesOn);
}

function deadlineExceeded(machine: Machine, states: ReadonlySet<string>, version: string | undefined) {
  const old = version !== undefined && version !== '' && version < machine.instanceId;
  const current = old ? 'replaced' : machine.state;
  return refusal(
    408,
    `deadline_exceeded: machine failed to reach desired state, ${[...states].join(',')}, currently ${current}`,
  );
}

export const waitRoutes: readonly Route[] = [{ operation: 'GET /apps/{app}/machines/{machine}/wait', handle: wait }];
