/** What runs in a machine, how it is stopped and when it starts again. Source: flyctl's InitCmd and updateMachineConfig. */
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { splitCommand } from '../reading/command.ts';
import { formatDuration, second } from '../reading/duration.ts';
import { durationOf, integerOf, nonEmptyTextOf, textOf, textsOf } from '../reading/fields.ts';
import { present } from '../../model/base/json.ts';
import { orList, shortened } from '../../model/base/text.ts';
import { tableOf } from '../reading/tables.ts';
import { fieldOf, keyPath, kindOf, type Table } from '../reading/values.ts';
import type { ProcessGroups } from './groups.ts';

export interface MachineInit {
  readonly [key: string]: unknown;
  readonly exec?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly swap_size_mb?: number;
}

/** The longest that Fly waits between the signal and the kill. */
const killTimeoutMax = 300 * second;
/** Those that Fly's API and docs name. */
const signals = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGKILL', 'SIGUSR1', 'SIGUSR2', 'SIGTERM', 'SIGSTOP'];

/** Each group's init, where there is anything to say. A group's own command beats experimental.cmd. */
export function initsByGroup(root: Table, groups: ProcessGroups): ReadonlyMap<string, MachineInit> {
  const experimental = tableOf(root, 'experimental');
  const words = (key: string): readonly string[] | undefined => {
    const list = experimental === undefined ? undefined : textsOf(experimental, key);
    return list?.length === 0 ? undefined : list;
  };
  const common = {
    entrypoint: words('entrypoint'),
    exec: words('exec'),
    swap_size_mb: integerOf(root, 'swap_size_mb', { min: 0 }),
  };
  const fallback = words('cmd');
  const processes = tableOf(root, 'processes');
  const inits = new Map<string, MachineInit>();
  const commands = groups.names.map((name) => (processes === undefined ? undefined : commandOf(processes, name)));
  if (fallback !== undefined && commands.every((own) => own !== undefined)) {
    const message = 'it has no effect: each process group names its own command, and that counts';
    root.notes.warning('experimental.cmd', message, 'keep one of the two');
  }
  for (const [index, name] of groups.names.entries()) {
    const own = commands[index];
    const command = own ?? fallback;
    const init = present({ ...common, cmd: command?.length === 0 ? undefined : command });
    if (Object.keys(init).length > 0) inits.set(name, init);
  }
  return inits;
}

/** undefined: the image's own command. */
function commandOf(processes: Table, name: string): readonly string[] | undefined {
  const value = fieldOf(processes.values, name);
  const path = keyPath(processes.path, name);
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') {
    processes.notes.error(path, `expected a command as text, found ${kindOf(value)}`);
    return undefined;
  }
  const command = splitCommand(value);
  if (command.ok) return command.words;
  processes.notes.error(path, `the command cannot be split into words: ${command.problem}`);
  return undefined;
}

/** Used by `fly console` alone, but a broken one is a mistake. */
export function checkConsoleCommand(root: Table): void {
  const command = splitCommand(textOf(root, 'console_command') ?? '');
  if (!command.ok) root.notes.error('console_command', `cannot be split into words: ${command.problem}`);
}

const restartPolicies = new Map([
  ['always', 'always'],
  ['on-failure', 'on-failure'],
  ['never', 'no'],
]);

export function restartOf(table: Table): MachineConfig['restart'] {
  const named = textOf(table, 'policy');
  const policy = named === undefined ? undefined : restartPolicies.get(named);
  if (policy === undefined) {
    const found = named === undefined ? 'nothing' : `"${shortened(named)}"`;
    const message = `expected ${orList([...restartPolicies.keys()])}, found ${found}`;
    table.notes.error(keyPath(table.path, 'policy'), message);
  }
  const retries = integerOf(table, 'retries', { min: 0 });
  return present({ policy, max_retries: retries === 0 ? undefined : retries });
}

/** Nanoseconds of the app's or a container's time to stop. */
export function refuseLongStop(timeout: number | undefined, { path, notes }: Pick<Table, 'path' | 'notes'>): void {
  if (timeout === undefined || timeout <= killTimeoutMax) return;
  const most = formatDuration(killTimeoutMax);
  notes.error(path, `Fly refuses more than ${most}, found ${formatDuration(timeout)}`, `write "${most}" or less`);
}

/** undefined: the platform's own, SIGINT and 5 s. */
export function stopConfigOf(root: Table): Record<string, unknown> | undefined {
  const signal = nonEmptyTextOf(root, 'kill_signal');
  if (signal !== undefined && !signals.includes(signal)) {
    const message = `Fly may refuse the signal "${shortened(signal)}"`;
    root.notes.warning('kill_signal', message, `it knows ${orList(signals)}`);
  }
  const timeout = durationOf(root, 'kill_timeout');
  refuseLongStop(timeout, { path: 'kill_timeout', notes: root.notes });
  if (signal === undefined && timeout === undefined) return undefined;
  return present({ signal, timeout: timeout === undefined ? undefined : formatDuration(timeout) });
}
