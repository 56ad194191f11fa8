/** `deploy_params` and `launch_params`: the flyctl flags that mean something to FlyCD, and `deploy` of the fly config. */
import { durationSeconds } from '../../schemas/written.ts';
import type { Owned } from '../../schemas/app.ts';
import type { DesiredApp } from '../model/desired.ts';
import { isObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { FindingList } from './finding.ts';

export interface DeployParameters extends Pick<
  DesiredApp,
  'highAvailability' | 'strategy' | 'maxUnavailable' | 'waitTimeoutSeconds'
> {
  readonly org: string | undefined;
  /** A `vm` section for every process group; undefined: no flag names a size. */
  readonly vm: JsonObject | undefined;
}

/** flyctl's own. */
const maxUnavailableDefault = 0.33;
const waitTimeoutSecondsDefault = 300;
/** Longer than a day without progress is a mistake in the unit. */
const waitTimeoutSecondsMax = 86_400;

const launchOnly: ReadonlySet<string> = new Set([
  'auto-confirm',
  'now',
  'copy-config',
  'name',
  'region',
  'yes',
  'build-only',
]);
const vmFlags: Readonly<Record<string, string>> = {
  'vm-size': 'size',
  'vm-memory': 'memory',
  'vm-cpus': 'cpus',
  'vm-cpu-kind': 'cpu_kind',
  'vm-cpukind': 'cpu_kind',
};
const read: ReadonlySet<string> = new Set([
  'ha',
  'strategy',
  'max-unavailable',
  'wait-timeout',
  'org',
  ...Object.keys(vmFlags),
]);
const switches: ReadonlySet<string> = new Set(['ha', 'auto-confirm', 'now', 'copy-config', 'yes', 'build-only']);

interface Flag {
  readonly name: string;
  readonly value: string;
  /** Position in the list. */
  readonly index: number;
}

export function deployParameters(owned: Owned, fly: JsonObject, findings: FindingList): DeployParameters {
  const flags = flagsOf(owned.deploy_params ?? []);
  const launch = flagsOf(owned.launch_params ?? []);
  noteUnread('deploy_params', flags, findings);
  noteUnread('launch_params', launch, findings);
  const flag = (name: string): Flag | undefined => flags.findLast((candidate) => candidate.name === name);
  const deploy = isObject(fly['deploy']) ? fly['deploy'] : {};
  const named = (name: string, field: string): Setting | undefined => {
    const given = flag(name);
    if (given !== undefined) return { value: given.value, path: ['deploy_params', given.index] };
    return deploy[field] === undefined ? undefined : { value: deploy[field], path: ['deploy', field] };
  };
  const org = flag('org') ?? launch.findLast(({ name }) => name === 'org');
  return {
    highAvailability: flag('ha')?.value !== 'false',
    strategy: strategyOf(named('strategy', 'strategy'), findings),
    maxUnavailable: maxUnavailableOf(named('max-unavailable', 'max_unavailable'), findings),
    waitTimeoutSeconds: waitTimeoutOf(named('wait-timeout', 'wait_timeout'), findings),
    org: org === undefined || org.value === '' ? undefined : org.value,
    vm: vmOf(flags),
  };
}

interface Setting {
  readonly value: JsonValue;
  readonly path: readonly (string | number)[];
}

/** `--flag=value`, `--flag value`, and a switch by itself. */
function flagsOf(words: readonly string[]): readonly Flag[] {
  const flags: Flag[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    const match = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(word);
    if (match === null) continue;
    const name = match[1] ?? '';
    const next = words[index + 1];
    const takesNext = match[2] === undefined && !switches.has(name) && next !== undefined && !next.startsWith('-');
    flags.push({ name: name === 'o' ? 'org' : name, value: match[2] ?? (takesNext ? next : 'true'), index });
    if (takesNext) index += 1;
  }
  return flags;
}

function noteUnread(field: 'deploy_params' | 'launch_params', flags: readonly Flag[], findings: FindingList): void {
  for (const { name, index } of flags) {
    if (read.has(name) || launchOnly.has(name)) continue;
    findings.warning([field, index], `FlyCD does not read the flag --${name}`, 'remove it, or say it in the config');
  }
}

function vmOf(flags: readonly Flag[]): JsonObject | undefined {
  const vm: { [key: string]: JsonValue } = {};
  for (const { name, value } of flags) {
    const field = vmFlags[name];
    if (field !== undefined) vm[field] = field === 'cpus' && /^[0-9]+$/.test(value) ? Number(value) : value;
  }
  return Object.keys(vm).length === 0 ? undefined : vm;
}

function strategyOf(setting: Setting | undefined, findings: FindingList): 'rolling' | 'immediate' {
  const value = setting?.value;
  if (value === undefined || value === 'rolling') return 'rolling';
  if (value === 'immediate') return 'immediate';
  // The mapper has refused it in `deploy`.
  if (setting?.path[0] === 'deploy_params') {
    findings.error(setting.path, `expected the strategy rolling or immediate, found ${JSON.stringify(value)}`);
  }
  return 'rolling';
}

function maxUnavailableOf(setting: Setting | undefined, findings: FindingList): number {
  if (setting === undefined) return maxUnavailableDefault;
  const value = Number(setting.value);
  if (Number.isFinite(value) && value > 0 && (value < 1 || Number.isInteger(value))) return value;
  findings.error(setting.path, 'expected a fraction under 1 or a number of machines, found another value');
  return maxUnavailableDefault;
}

function waitTimeoutOf(setting: Setting | undefined, findings: FindingList): number {
  if (setting === undefined) return waitTimeoutSecondsDefault;
  const { value } = setting;
  const seconds = typeof value === 'string' || typeof value === 'number' ? durationSeconds(value) : undefined;
  if (seconds !== undefined && seconds > 0 && seconds <= waitTimeoutSecondsMax) return seconds;
  findings.error(setting.path, 'expected a duration of at most 24h, such as 5m or 300 (seconds), found another value');
  return waitTimeoutSecondsDefault;
}
