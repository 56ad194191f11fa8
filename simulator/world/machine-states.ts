/**
 * A machine's states and what may be done in which. Source: Fly's docs on machine states and flyctl's waits.
 * An action that a state does not list is refused with 412.
 */
export type MachineState =
  | 'creating'
  | 'created'
  | 'starting'
  | 'started'
  | 'stopping'
  | 'stopped'
  | 'suspending'
  | 'suspended'
  | 'restarting'
  | 'updating'
  | 'replacing'
  | 'launch_failed'
  | 'failed'
  | 'destroying'
  | 'destroyed';

export type MachineAction = 'start' | 'stop' | 'suspend' | 'restart' | 'signal' | 'destroy';

/** `does` = carried out, `done` = answered ok without doing anything. */
type Allowed = Readonly<Record<MachineAction, Partial<Record<MachineState, 'does' | 'done'>>>>;

export const allowedActions: Allowed = {
  start: { stopped: 'does', suspended: 'does', failed: 'does', starting: 'done', started: 'done' },
  stop: {
    starting: 'does',
    started: 'does',
    restarting: 'does',
    suspended: 'does',
    stopping: 'done',
    stopped: 'done',
    failed: 'done',
  },
  suspend: { started: 'does', suspending: 'done', suspended: 'done' },
  restart: { started: 'does', starting: 'does', restarting: 'done' },
  signal: { started: 'does' },
  // Without force; with it any state will do.
  destroy: { created: 'does', stopped: 'does', suspended: 'does', failed: 'does', launch_failed: 'does' },
};

const persistent: ReadonlySet<MachineState> = new Set(['created', 'started', 'stopped', 'suspended', 'failed']);

/** The pseudo-state `settled`: anything that does not move on by itself. */
export function isSettled(state: MachineState, movesOn: boolean): boolean {
  return persistent.has(state) && !movesOn;
}

/** Its process runs: checks are reported and an exit is recorded when it ends. */
export function isRunning(state: MachineState): boolean {
  return state === 'started' || state === 'stopping' || state === 'suspending';
}
