/**
 * `deploy_params` and `launch_params`: the flyctl flags that mean something to FlyCD, and `deploy` of the fly config. As in
 * flyctl a flag of deploy beats the file; a flag of launch counts where neither says anything. `--vm-*` is no size of the
 * machines that are there: new ones take it, where no `vm` names theirs.
 */
import type { Owned } from '../../../schemas/app.ts';
import type { MachineGuest } from '../../../schemas/fly/machine.ts';
import { durationSeconds } from '../../../schemas/written.ts';
import { shortened } from '../../model/base/text.ts';
import { parseDuration, second } from '../../flyconfig/reading/duration.ts';
import { guestOf } from '../../flyconfig/sections/guest.ts';
import { strangeRegion } from '../../flyconfig/reading/regions.ts';
import type { DesiredApp } from '../../model/desired.ts';
import { isObject, type JsonObject, type JsonValue } from '../../model/base/json.ts';
import { parsePath, type DocumentPath } from '../documents/path.ts';
import type { FindingList } from '../documents/finding.ts';
import {
  flagsOf,
  flagVariables,
  needsValue,
  noteUnread,
  truthOf,
  type Flag,
  type ParameterField,
} from '../source/flyctl-flags.ts';

export interface DeployParameters extends Pick<
  DesiredApp,
  'org' | 'highAvailability' | 'strategy' | 'maxUnavailable' | 'waitTimeoutSeconds'
> {
  /** Size of a new machine whose size nothing else names; undefined: Fly's own default. */
  readonly newGuest: MachineGuest | undefined;
}

/** flyctl's own. */
const maxUnavailableDefault = 0.33;
const waitTimeoutSecondsDefault = 300;
/** Longer than a day without progress is a mistake in the unit. */
const waitTimeoutSecondsMax = 86_400;

const vmFields: Readonly<Record<string, string>> = {
  'vm-size': 'size',
  'vm-memory': 'memory',
  'vm-cpus': 'cpus',
  'vm-cpu-kind': 'cpu_kind',
};

export function deployParameters(owned: Owned, fly: JsonObject, findings: FindingList): DeployParameters {
  noteUnread(owned, 'deploy_params', findings);
  noteUnread(owned, 'launch_params', findings);
  const flags = valuedFlags(owned, findings);
  const last = (field: keyof Flags, name: string): Flag | undefined =>
    flags[field].findLast((candidate) => candidate.name === name);
  const flag = (name: string): Flag | undefined => last('deploy', name) ?? last('launch', name);
  const deploy = isObject(fly['deploy']) ? fly['deploy'] : {};
  const named = (name: string, field: string): Setting | undefined => {
    const written = deploy[field] === undefined ? undefined : { value: deploy[field], path: ['deploy', field] };
    return last('deploy', name) ?? written ?? last('launch', name);
  };
  return {
    org: orgOf(owned, flag('org'), findings),
    highAvailability: highAvailabilityOf(flag('ha'), findings),
    strategy: strategyOf(named('strategy', 'strategy'), findings),
    maxUnavailable: maxUnavailableOf(named('max-unavailable', 'max_unavailable'), findings),
    waitTimeoutSeconds: waitTimeoutOf(named('wait-timeout', 'wait_timeout'), findings),
    newGuest: guestOfFlags(flags, findings),
  };
}

interface Flags {
  readonly deploy: readonly Flag[];
  readonly launch: readonly Flag[];
}

/** Without flags that lack the value they need: flyctl refuses them too. */
function valuedFlags(owned: Owned, findings: FindingList): Flags {
  const valued = (field: ParameterField): readonly Flag[] =>
    flagsOf(owned, field).filter(({ name, value, path }) => {
      if (value !== undefined || !needsValue(field, name)) return true;
      findings.error(path, `--${name} needs a value, found none`, `write --${name}=…`);
      return false;
    });
  return { deploy: valued('deploy_params'), launch: valued('launch_params') };
}

/** As v0: the organization of the flags is the one its app was made in, whatever `org` says. */
function orgOf(owned: Owned, flag: Flag | undefined, findings: FindingList): string | undefined {
  if (flag?.value === undefined || flag.value === '') return owned.org;
  if (owned.org !== undefined && owned.org !== flag.value) {
    findings.warning(flag.path, 'this flag names another organization than org, and counts', 'keep one of the two');
  }
  return flag.value;
}

function highAvailabilityOf(flag: Flag | undefined, findings: FindingList): boolean {
  if (flag?.value === undefined) return true;
  const truth = truthOf(flag.value);
  if (truth === undefined) findings.error(flag.path, 'expected true or false, found another value');
  return truth ?? true;
}

const regionPattern = /^[a-z]{2,8}$/;

/**
 * The primary region: of the last deploy flag, else of the file, else of launch. v0's launch only made the app; its
 * machines and volumes came to be where primary_region said.
 */
export function primaryRegionOf(owned: Owned, written: string | undefined, findings: FindingList): string | undefined {
  const last = (field: ParameterField): Flag | undefined => {
    const flag = flagsOf(owned, field).findLast(({ name, value }) => name === 'region' && value !== undefined);
    if (flag === undefined || regionPattern.test(flag.value ?? '')) return flag;
    findings.error(flag.path, 'expected a region code such as arn, found another value');
    return undefined;
  };
  const deploy = last('deploy_params');
  const launch = last('launch_params');
  const differs = ({ value }: Flag): boolean => written !== undefined && value !== written;
  if (deploy !== undefined && differs(deploy)) {
    const message = 'this flag names another region than primary_region, and counts';
    findings.warning(deploy.path, message, 'keep one of the two');
  } else if (deploy === undefined && launch !== undefined && differs(launch)) {
    const message = 'primary_region names another region, and counts: launch makes no machines';
    findings.warning(launch.path, message, 'keep one of the two');
  }
  const chosen = deploy ?? (written === undefined ? launch : { value: written, path: ['primary_region'] });
  const strange = strangeRegion(chosen?.value ?? '');
  if (strange !== undefined) findings.warning(chosen?.path ?? [], strange.message, strange.hint);
  return chosen?.value;
}

/** As in flyctl, `--env` of deploy_params stands over what the file says. */
export function environmentOver(owned: Owned, env: JsonValue, findings: FindingList): JsonValue {
  const over: Record<string, JsonValue> = {};
  for (const { name, value, path } of flagVariables(owned)) {
    if (name === undefined) {
      findings.error(path, '--env needs a name and a value', 'write --env=NAME=value');
      continue;
    }
    over[name] = value;
    const written = isObject(env) && Object.hasOwn(env, name) ? env[name] : undefined;
    if (written === undefined || (!(written instanceof Object) && String(written) === value)) continue;
    const message = `this flag gives ${shortened(name)} another value than env, and counts`;
    findings.warning(path, message, 'keep one of the two');
  }
  const isWhole = env === undefined || isObject(env);
  return isWhole && Object.keys(over).length > 0 ? { ...env, ...over } : env;
}

function guestOfFlags({ deploy, launch }: Flags, findings: FindingList): MachineGuest | undefined {
  const places = new Map<string, DocumentPath>();
  const vm: { [key: string]: JsonValue } = {};
  for (const { name, value = '', path } of [...launch, ...deploy]) {
    const field = Object.hasOwn(vmFields, name) ? vmFields[name] : undefined;
    if (field === undefined) continue;
    vm[field] = field === 'cpus' && /^[0-9]{1,9}$/.test(value) ? Number(value) : value;
    places.set(field, path);
  }
  const [any] = places.values();
  if (any === undefined) return undefined;
  const { guest, notes } = guestOf(vm);
  for (const note of notes) {
    const field = String(parsePath(note.path)[0]);
    const path = places.get(field === 'memory_mb' ? 'memory' : field) ?? any;
    if (note.severity === 'error') findings.error(path, note.message, note.hint);
    else findings.warning(path, note.message, note.hint);
  }
  return guest;
}

interface Setting {
  readonly value: JsonValue | undefined;
  readonly path: readonly (string | number)[];
}

/** Said by a flag, not by `deploy` of the file: that the mapper has judged already. */
function isFlag({ path }: Setting): boolean {
  return path[0] !== 'deploy';
}

function strategyOf(setting: Setting | undefined, findings: FindingList): 'rolling' | 'immediate' {
  if (setting === undefined) return 'rolling';
  const { value } = setting;
  if (value === 'rolling' || value === 'immediate') return value;
  if (!isFlag(setting)) return 'rolling';
  if (value === 'canary' || value === 'bluegreen') {
    findings.error(setting.path, `the strategy ${value} is not supported yet`, 'rolling or immediate');
  } else findings.error(setting.path, `expected the strategy rolling or immediate, found ${JSON.stringify(value)}`);
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
  const { value, path } = setting;
  const text = typeof value === 'string' ? value : '';
  // A flag may be a number of seconds; in the file that is no duration.
  const nanoseconds = parseDuration(text);
  if (!isFlag(setting) && nanoseconds === undefined) return waitTimeoutSecondsDefault;
  const seconds = isFlag(setting) ? durationSeconds(text) : (nanoseconds ?? 0) / second;
  if (seconds !== undefined && seconds > 0 && seconds <= waitTimeoutSecondsMax) return seconds;
  const forms = isFlag(setting) ? '5m or 300 (seconds)' : '5m';
  findings.error(path, `expected a duration of at most 24h, such as ${forms}, found another value`);
  return waitTimeoutSecondsDefault;
}
