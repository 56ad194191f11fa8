/** Flags of flyctl as `launch_params` and `deploy_params` hold them: read as flyctl reads them, each with its place. */
import type { Owned } from '../../../schemas/app.ts';
import { shortened } from '../../model/base/text.ts';
import type { DocumentPath } from '../documents/path.ts';
import type { FindingList } from '../documents/finding.ts';

export type ParameterField = 'launch_params' | 'deploy_params';

export interface Flag {
  /** As the table below calls it, whatever alias was written. */
  readonly name: string;
  /** undefined: none was written. */
  readonly value: string | undefined;
  readonly path: DocumentPath;
}

/** Shorthands and second names. Source: flyctl's flags of launch and deploy. */
const aliases: Readonly<Record<string, string>> = {
  e: 'env',
  o: 'org',
  r: 'region',
  'primary-region': 'region',
  'vm-cpukind': 'vm-cpu-kind',
  cpus: 'vm-cpus',
  memory: 'vm-memory',
  y: 'yes',
  'auto-confirm': 'yes',
  a: 'app',
  c: 'config',
  'no-create': 'no-create-app',
  wg: 'wireguard',
  'http-failover': 'https-failover',
};

/** Of the machines, so of whichever command makes them. */
const ofMachines = [
  'ha',
  'strategy',
  'max-unavailable',
  'wait-timeout',
  'org',
  'region',
  'vm-size',
  'vm-memory',
  'vm-cpus',
  'vm-cpu-kind',
];

/** Flags that FlyCD acts on, by the list they count in. */
const read: Readonly<Record<ParameterField, ReadonlySet<string>>> = {
  deploy_params: new Set([...ofMachines, 'env', 'build-arg', 'build-target', 'dockerfile', 'ignorefile']),
  launch_params: new Set(ofMachines),
};

const asksNobody = 'FlyCD asks nobody: what it may not do alone it holds';
const isOneStep = 'v0 launched and deployed in two steps; FlyCD makes the app and its machines in one plan';
const saysApp = 'the config says which app and which file this is';
const ownConnection = 'how flyctl reaches its builder or Fly; FlyCD has its own connection';
const launchExtras = 'fly launch offers what FlyCD never adds by itself';

/** Flags without effect here, each with the reason: accepted without a word. */
const noOperations: Readonly<Record<ParameterField, Readonly<Record<string, string>>>> = {
  deploy_params: {
    yes: asksNobody,
    now: asksNobody,
    app: saysApp,
    config: saysApp,
    'remote-only': ownConnection,
    wireguard: ownConnection,
    'https-failover': ownConnection,
    'recreate-builder': ownConnection,
    detach: 'v0 always said so; FlyCD waits for its machines itself',
    'lease-timeout': 'FlyCD renews its own leases',
    'deploy-retries': 'FlyCD tries again by itself, without end',
    'dns-checks': 'FlyCD checks no names after a deployment',
    'force-machines': 'there is no other platform any more',
    verbose: 'a matter of flyctl’s output',
    json: 'a matter of flyctl’s output',
  },
  launch_params: {
    yes: asksNobody,
    now: isOneStep,
    'no-deploy': isOneStep,
    'build-only': isOneStep,
    detach: isOneStep,
    'copy-config': saysApp,
    name: saysApp,
    'force-name': saysApp,
    'generate-name': saysApp,
    app: saysApp,
    config: saysApp,
    path: saysApp,
    'reuse-app': saysApp,
    'no-create-app': saysApp,
    'remote-only': ownConnection,
    wireguard: ownConnection,
    'https-failover': ownConnection,
    'recreate-builder': ownConnection,
    'no-db': launchExtras,
    'no-redis': launchExtras,
    'no-object-storage': launchExtras,
    'no-github-workflow': launchExtras,
    'dockerignore-from-gitignore': launchExtras,
    'force-machines': 'there is no other platform any more',
    legacy: 'a matter of flyctl’s dialogue',
    verbose: 'a matter of flyctl’s output',
    json: 'a matter of flyctl’s output',
    yaml: 'a matter of flyctl’s output',
  },
};

/** Flags that take no word after them; --ha takes one where it says yes or no. */
const switches: ReadonlySet<string> = new Set([
  'ha',
  'yes',
  'now',
  'detach',
  'copy-config',
  'build-only',
  'no-deploy',
  'remote-only',
  'local-only',
  'wireguard',
  'https-failover',
  'recreate-builder',
  'dns-checks',
  'smoke-checks',
  'force-machines',
  'force-name',
  'generate-name',
  'reuse-app',
  'no-create-app',
  'no-public-ips',
  'flycast',
  'no-cache',
  'nixpacks',
  'buildkit',
  'push',
  'update-only',
  'skip-release-command',
  'no-db',
  'no-redis',
  'no-object-storage',
  'no-github-workflow',
  'dockerignore-from-gitignore',
  'legacy',
  'verbose',
  'json',
  'yaml',
]);

/** Go's own words for a truth. */
const truths: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false] as const),
]);

export function truthOf(word: string): boolean | undefined {
  return Object.hasOwn(truths, word) ? truths[word] : undefined;
}

type Parameters = Pick<Owned, ParameterField>;

/**
 * In order: of several of one name the last counts. `--flag=value`, `--flag value` in one item or two, a switch alone, and
 * of shorthands `-fvalue` and several switches in one.
 */
export function flagsOf(owned: Parameters, field: ParameterField): readonly Flag[] {
  return wordsOf(owned, field).flags;
}

export interface FlagVariable {
  /** undefined: the flag is not NAME=VALUE. */
  readonly name: string | undefined;
  readonly value: string;
  readonly path: DocumentPath;
}

/** `--env` of deploy_params, one variable each, in order. As in flyctl the value begins at the first `=`, and commas are a part of it. */
export function flagVariables(owned: Parameters): readonly FlagVariable[] {
  return flagsOf(owned, 'deploy_params')
    .filter(({ name, value }) => name === 'env' && value !== undefined)
    .map(({ value = '', path }) => {
      const at = value.indexOf('=');
      return { name: at > 0 ? value.slice(0, at) : undefined, value: value.slice(at + 1), path };
    });
}

interface Words {
  readonly flags: readonly Flag[];
  /** Positions of words that belong to no flag. */
  readonly stray: readonly number[];
}

function wordsOf(owned: Parameters, field: ParameterField): Words {
  const words = owned[field] ?? [];
  const flags: Flag[] = [];
  const stray: number[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const path = [field, index];
    const found = flagsIn((words[index] ?? '').trimStart());
    const last = found.at(-1);
    if (last === undefined) {
      stray.push(index);
      continue;
    }
    const next = last.value === undefined ? words[index + 1] : undefined;
    const takesNext = next !== undefined && takes(last.name, next);
    for (const { name, value } of found.slice(0, -1)) flags.push({ name, value, path });
    flags.push({ ...last, value: takesNext ? next : last.value, path });
    if (takesNext) index += 1;
  }
  return { flags, stray };
}

type FoundFlag = Pick<Flag, 'name' | 'value'>;

/** Of one word: several where shorthands stand in one. Empty: it is no flag. */
function flagsIn(word: string): readonly FoundFlag[] {
  const switched: FoundFlag[] = [];
  let rest = /^-([A-Za-z].*)$/s.exec(word)?.[1] ?? '';
  for (let short = shorthand(rest); short !== undefined; short = shorthand(rest)) {
    const more = rest.slice(1);
    if (more === '') return [...switched, { name: short, value: undefined }];
    if (!switches.has(short) || /^[=\s]/.test(more)) return [...switched, { name: short, value: valueOf(short, more) }];
    switched.push({ name: short, value: undefined });
    rest = more;
  }
  const match = /^--?([A-Za-z][\w-]*)((?:=|\s+).*)?$/s.exec(switched.length === 0 ? word : `-${rest}`);
  if (match === null) return switched;
  const written = match[1] ?? '';
  const name = Object.hasOwn(aliases, written) ? (aliases[written] ?? written) : written;
  return [...switched, { name, value: match[2] === undefined ? undefined : valueOf(name, match[2]) }];
}

function shorthand(word: string): string | undefined {
  const letter = word.slice(0, 1);
  return Object.hasOwn(aliases, letter) ? aliases[letter] : undefined;
}

/** What stands after a flag's name. Blanks round it are a slip, but for those of a variable. */
function valueOf(name: string, rest: string): string {
  const value = rest.replace(/^(?:=|\s+)/, '');
  return name === 'env' ? value : value.trim();
}

/** Of a flag that FlyCD acts on: it says nothing without one, and flyctl refuses it. */
export function needsValue(field: ParameterField, name: string): boolean {
  return read[field].has(name) && !switches.has(name);
}

function takes(flag: string, word: string): boolean {
  return switches.has(flag) ? truthOf(word) !== undefined : !word.startsWith('-');
}

/** Says of each word what FlyCD does not do with it. A value may be a secret, so none is repeated. */
export function noteUnread(owned: Owned, field: ParameterField, findings: FindingList): void {
  const { flags, stray } = wordsOf(owned, field);
  for (const { name, path } of flags) {
    if (read[field].has(name) || Object.hasOwn(noOperations[field], name)) continue;
    findings.warning(path, `FlyCD does not read the flag --${shortened(name)}`, 'remove it, or say it in the config');
  }
  for (const index of stray) {
    findings.warning([field, index], 'this word belongs to no flag, so it has no effect', 'flags begin with --');
  }
}
