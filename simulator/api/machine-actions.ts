import { fieldsOf } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { livingMachineOf, unleasedMachineOf } from '../http/resources.ts';
import { parseDuration } from '../wire/duration.ts';
import { record, restart, signal, start, stop, suspend } from '../machines/lifecycle.ts';
import { allowedActions, type MachineAction } from '../world/machine-states.ts';
import type { Machine } from '../world/records.ts';
import { done, ok, refusal, type Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** Names as sent, with or without SIG. Numbers are those of Linux. */
const signals = ['ABRT', 'ALRM', 'FPE', 'HUP', 'ILL', 'INT', 'KILL', 'PIPE', 'QUIT', 'SEGV', 'TERM', 'TRAP', 'USR1'];
const signalNumbers: Readonly<Record<number, string>> = {
  1: 'HUP',
  2: 'INT',
  3: 'QUIT',
  9: 'KILL',
  10: 'USR1',
  15: 'TERM',
};

/** true: to be carried out; false: nothing to do. Refused from a state that does not allow it. */
function allows(machine: Machine, action: MachineAction): boolean {
  const allowed = allowedActions[action][machine.state];
  if (allowed !== undefined) return allowed === 'does';
  if (machine.state === 'replacing') {
    throw refusal(412, `failed_precondition: machine getting replaced, refusing to ${action}`);
  }
  throw refusal(412, `failed_precondition: unable to ${action} machine from current state: '${machine.state}'`);
}

function startMachine(call: RequestContext): Reply {
  const machine = unleasedMachineOf(call);
  const previous = machine.state;
  if (allows(machine, 'start')) start(call.world, machine);
  return ok({ previous_state: previous, migrated: false, new_host: '' });
}

function stopMachine(call: RequestContext): Reply {
  const machine = unleasedMachineOf(call);
  const { signal: sent, timeout } = fieldsOf(call.body);
  if (sent !== undefined && sent !== null && sent !== '') signalNamed(sent);
  if (timeout !== undefined && timeout !== null && parseDuration(timeout) === undefined) {
    throw refusal(400, `invalid_argument: timeout ${JSON.stringify(timeout)} is not a duration`);
  }
  if (allows(machine, 'stop')) stop(call.world, machine);
  return done;
}

function sendSignal(call: RequestContext): Reply {
  const machine = livingMachineOf(call);
  const name = signalNamed(fieldsOf(call.body)['signal']);
  if (allows(machine, 'signal')) signal(call.world, machine, name);
  return done;
}

function signalNamed(sent: unknown): string {
  const name =
    typeof sent === 'number' ? signalNumbers[sent] : typeof sent === 'string' ? sent.replace(/^SIG/, '') : '';
  if (name === undefined || !signals.includes(name)) {
    throw refusal(422, `invalid_argument: signal ${JSON.stringify(sent)} is unknown`);
  }
  return name;
}

/** Carries the action out where the state allows and asks for it. */
function acting(action: MachineAction, act: (world: World, machine: Machine) => void): Route {
  return {
    operation: `POST /apps/{app}/machines/{machine}/${action}`,
    handle(call) {
      const machine = unleasedMachineOf(call);
      if (allows(machine, action)) act(call.world, machine);
      return done;
    },
  };
}

/** The proxy sends a cordoned machine nothing; it keeps running and its version stays. */
function cordoning(action: 'cordon' | 'uncordon'): Route {
  return {
    operation: `POST /apps/{app}/machines/{machine}/${action}`,
    handle(call) {
      const machine = unleasedMachineOf(call);
      machine.cordoned = action === 'cordon';
      machine.updatedAt = call.world.now();
      record(call.world, machine, {
        type: action,
        status: action === 'cordon' ? 'cordoned' : 'uncordoned',
        source: 'user',
      });
      return done;
    },
  };
}

export const actionRoutes: readonly Route[] = [
  { operation: 'POST /apps/{app}/machines/{machine}/start', handle: startMachine },
  { operation: 'POST /apps/{app}/machines/{machine}/stop', handle: stopMachine },
  { operation: 'POST /apps/{app}/machines/{machine}/signal', handle: sendSignal },
  acting('suspend', suspend),
  acting('restart', restart),
  cordoning('cordon'),
  cordoning('uncordon'),
];
