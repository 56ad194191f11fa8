/** The machine that runs the release command before any machine changes. Source: flyctl's ToReleaseMachineConfig. */
import type { MachineConfig, MachineGuest } from '../../../schemas/fly/machine.ts';
import { defaultGuest, guestPresets, releaseCommandGroup } from '../../../schemas/fly/presets.ts';
import { splitCommand } from '../reading/command.ts';
import { formatDuration, minute } from '../reading/duration.ts';
import { durationOf, nonEmptyTextOf, textsOf } from '../reading/fields.ts';
import { present } from '../../model/base/json.ts';
import { tableOf } from '../reading/tables.ts';
import { keyPath, type Table } from '../reading/values.ts';
import type { MachineFile } from './files.ts';
import { guestOfTable } from './guest.ts';

export interface ReleaseCommand {
  /** As written. */
  readonly command: string;
  /** In wire names; without image; `guest` only where release_command_vm names a size. */
  readonly config: MachineConfig;
  /** For which the command may run, in nanoseconds. */
  readonly timeout: number;
}

/** flyctl's own. */
const defaultTimeout = 5 * minute;

export interface ReleaseContext {
  /** Of every machine, without FLY_PROCESS_GROUP. */
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly MachineFile[];
  readonly stopConfig: Record<string, unknown> | undefined;
}

/** Built from scratch: no services, mounts, checks, metrics, statics, and nothing of machine_config. */
export function releaseCommandOf(root: Table, { env, files, stopConfig }: ReleaseContext): ReleaseCommand | undefined {
  const deploy = tableOf(root, 'deploy');
  if (deploy === undefined) return undefined;
  const timeout = durationOf(deploy, 'release_command_timeout') ?? defaultTimeout;
  if (timeout === 0) {
    const message = `the command needs some time, found ${formatDuration(timeout)}`;
    deploy.notes.error(keyPath(deploy.path, 'release_command_timeout'), message, 'write "5m", or leave it out');
  }
  const vm = tableOf(deploy, 'release_command_vm');
  const host = nonEmptyTextOf(root, 'host_dedication_id');
  // Without a size of its own it takes one that is inferred, on the app's host all the same.
  const guest =
    vm !== undefined ? guestOfTable(vm, host) : host === undefined ? undefined : { host_dedication_id: host };
  const command = nonEmptyTextOf(deploy, 'release_command');
  if (command === undefined) return undefined;
  const words = splitCommand(command);
  if (!words.ok) {
    const message = `cannot be split into words: ${words.problem}`;
    deploy.notes.error(keyPath(deploy.path, 'release_command'), message);
    return undefined;
  }
  const experimental = tableOf(root, 'experimental');
  const entrypoint = experimental === undefined ? undefined : textsOf(experimental, 'entrypoint');
  const swap = root.values['swap_size_mb'];
  const config: MachineConfig = present({
    env: { ...env, RELEASE_COMMAND: '1', FLY_PROCESS_GROUP: releaseCommandGroup },
    init: present({
      entrypoint: entrypoint?.length === 0 ? undefined : entrypoint,
      cmd: words.words.length === 0 ? undefined : words.words,
      swap_size_mb: typeof swap === 'number' ? swap : undefined,
    }),
    guest,
    files: files.length === 0 ? undefined : files.map((file) => ({ ...file })),
    stop_config: stopConfig,
    restart: { policy: 'no' },
    auto_destroy: true,
    dns: { skip_registration: true },
  });
  return { command, config, timeout };
}

/** What flyctl takes where nothing else says. */
const usualSize = 'shared-cpu-2x';

/**
 * The size of a release machine that release_command_vm does not name: that of the default group's machine with the most
 * memory, else the one asked for on the command line unless it is the default one, else shared-cpu-2x. Source: flyctl's
 * inferReleaseCommandGuest.
 */
export function releaseGuest(
  machines: readonly (MachineGuest | null | undefined)[],
  asked: MachineGuest | undefined,
): MachineGuest {
  const memory = (guest: MachineGuest | null | undefined): number => guest?.memory_mb ?? 0;
  let largest: MachineGuest | undefined;
  for (const guest of machines) {
    if (guest !== null && guest !== undefined && memory(guest) > memory(largest)) largest = guest;
  }
  const keys = ['cpu_kind', 'cpus', 'memory_mb'] as const;
  const named = asked !== undefined && keys.some((key) => asked[key] !== defaultGuest[key]) ? asked : undefined;
  return { ...(largest ?? named ?? guestPresets[usualSize] ?? defaultGuest) };
}
