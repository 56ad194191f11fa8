/**
 * What the platform makes of a machine config that was sent: defaults filled in, durations and autostop in its own
 * form, empty lists dropped. Written from the facts about Fly, a second time: the controller has its own, and the two
 * share nothing.
 */
import type { MachineCheck, MachineConfig, MachineGuest, MachineService } from '../../schemas/fly/machine.ts';
import { defaultGuest, guestPresets } from '../../schemas/fly/presets.ts';
import { isObject } from '../wire/body.ts';
import { formatDuration, parseDuration, second } from '../wire/duration.ts';
import { refusal } from '../wire/replies.ts';

/** Checks of services run at least every second and at most every minute; a run may take as long. */
const serviceCheckLimits = { interval: [second, 60 * second], timeout: [second, 60 * second] } as const;
/** Top-level checks: interval from 2 s, timeout up to 60 s; the other ends are open. */
const topCheckLimits = { interval: [2 * second, Infinity], timeout: [0, 60 * second] } as const;
type CheckLimits = Readonly<Record<'interval' | 'timeout', readonly [number, number]>>;

/** More is refused, not clamped. */
const stopTimeoutMost = 300 * second;

const defaultRetries = 10;
const sharedCpus = [1, 2, 4, 6, 8];
/** MB per CPU. */
const memoryBounds = {
  shared: { least: 256, most: 2048, step: 256 },
  performance: { least: 2048, most: 8192, step: 1024 },
};
const serviceProtocols = ['tcp', 'udp'];

export function canonicalConfig(sent: MachineConfig): MachineConfig {
  const { size, ...rest } = sent;
  const config: MachineConfig = { ...withoutEmptyLists(rest) };
  config.dns = isObject(sent.dns) ? sent.dns : {};
  config.init = { exec: null, entrypoint: null, cmd: null, ...sent.init };
  config.guest = canonicalGuest(sent.guest ?? {}, size);
  config.restart = canonicalRestart(sent.restart ?? {});
  if (sent.services?.length) config.services = sent.services.map(canonicalService);
  if (sent.checks != null) {
    config.checks = Object.fromEntries(
      Object.entries(sent.checks).map(([name, check]) => [name, canonicalCheck(check, topCheckLimits)]),
    );
  }
  if (isObject(sent.stop_config)) config.stop_config = canonicalStop(sent.stop_config);
  for (const container of Array.isArray(sent['containers']) ? (sent['containers'] as readonly unknown[]) : []) {
    if (isObject(container) && isObject(container['stop'])) canonicalStop(container['stop']);
  }
  return config;
}

function canonicalStop(sent: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const named = duration(sent, 'timeout');
  if ((parseDuration(named['timeout']) ?? 0) > stopTimeoutMost) {
    throw invalid(`stop timeout ${named['timeout']} cannot exceed 5 minutes`);
  }
  return { ...sent, ...named };
}

function withoutEmptyLists(config: MachineConfig): MachineConfig {
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => !(Array.isArray(value) && value.length === 0)),
  );
}

function canonicalGuest(sent: MachineGuest, size: unknown): MachineGuest {
  const { size: guestSize, ...fields } = sent;
  const preset = presetOf(guestSize ?? size);
  const kind = fields.cpu_kind ?? preset?.cpu_kind ?? defaultGuest.cpu_kind;
  const cpus = fields.cpus ?? preset?.cpus ?? defaultGuest.cpus;
  if (kind !== 'shared' && kind !== 'performance') throw invalid(`guest.cpu_kind ${JSON.stringify(kind)} is unknown`);
  const bounds = memoryBounds[kind];
  const memory = fields.memory_mb ?? preset?.memory_mb ?? cpus * bounds.least;
  if (kind === 'shared' ? !sharedCpus.includes(cpus) : !Number.isInteger(cpus) || cpus < 1 || cpus > 128) {
    throw invalid(`guest.cpus ${cpus} is not offered for ${kind} machines`);
  }
  if (memory < cpus * bounds.least || memory > cpus * bounds.most || memory % bounds.step !== 0) {
    const range = `${cpus * bounds.least} to ${cpus * bounds.most} MiB in steps of ${bounds.step}`;
    throw invalid(`guest.memory_mb ${memory} is not possible with ${cpus} ${kind} CPUs: ${range}`);
  }
  return { ...fields, cpu_kind: kind, cpus, memory_mb: memory };
}

function presetOf(size: unknown): (typeof guestPresets)[string] | undefined {
  if (size === undefined || size === null || size === '') return undefined;
  const preset = typeof size === 'string' && Object.hasOwn(guestPresets, size) ? guestPresets[size] : undefined;
  if (preset === undefined) throw invalid(`guest size ${JSON.stringify(size)} is unknown`);
  return preset;
}

function canonicalRestart(sent: NonNullable<MachineConfig['restart']>): MachineConfig['restart'] {
  const policy = sent.policy ?? 'on-failure';
  if (!['no', 'always', 'on-failure', 'spot-price'].includes(policy)) {
    throw invalid(`restart.policy ${JSON.stringify(policy)} is unknown`);
  }
  if (policy !== 'on-failure') return { ...sent, policy };
  return { ...sent, policy, max_retries: sent.max_retries ?? defaultRetries };
}

function canonicalService(sent: MachineService): MachineService {
  const protocol = sent.protocol ?? 'tcp';
  if (!serviceProtocols.includes(protocol)) throw invalid(`service protocol ${JSON.stringify(protocol)} is unknown`);
  const port = sent.internal_port;
  // flyctl's 0 is not sent at all, and what it deploys then is taken.
  if (port != null && (!Number.isInteger(port) || port < 0 || port > 65_535)) {
    throw invalid(`service internal_port must be 1 to 65535, got ${JSON.stringify(port)}`);
  }
  const service: MachineService = { ...sent, protocol };
  if (sent.autostop != null) service.autostop = canonicalAutostop(sent.autostop);
  if (sent.checks != null) {
    const checks = sent.checks.map((check) => canonicalCheck(check, serviceCheckLimits));
    service.checks = checks.length === 0 ? null : checks;
  }
  if (sent.ports != null) service.ports = sent.ports.length === 0 ? null : sent.ports.map(canonicalPort);
  return service;
}

function canonicalPort(sent: Record<string, unknown>): Record<string, unknown> {
  const options = sent['http_options'];
  if (!isObject(options)) return sent;
  const durations = { ...duration(options, 'idle_timeout'), ...duration(options, 'headers_read_timeout') };
  return { ...sent, http_options: { ...options, ...durations } };
}

/** Sent as "off", "stop", "suspend" or a boolean; read back as false, true or "suspend". */
function canonicalAutostop(sent: string | boolean): string | boolean {
  if (sent === 'off' || sent === false) return false;
  if (sent === 'stop' || sent === true) return true;
  if (sent === 'suspend') return 'suspend';
  throw invalid(`service autostop ${JSON.stringify(sent)} is unknown: off, stop or suspend`);
}

function canonicalCheck(sent: MachineCheck, limits: CheckLimits): MachineCheck {
  return {
    ...sent,
    ...duration(sent, 'interval', limits.interval),
    ...duration(sent, 'timeout', limits.timeout),
    ...duration(sent, 'grace_period'),
  };
}

/** The named field in canonical form, clamped; nothing where it was not sent. */
function duration(
  sent: Readonly<Record<string, unknown>>,
  name: string,
  [least, most]: readonly [number, number] = [0, Infinity],
): Record<string, string> {
  const value = sent[name];
  if (value === undefined || value === null) return {};
  const nanoseconds = parseDuration(value);
  if (nanoseconds === undefined || nanoseconds < 0) throw invalid(`${name} ${JSON.stringify(value)} is not a duration`);
  return { [name]: formatDuration(Math.min(most, Math.max(least, nanoseconds))) };
}

function invalid(what: string) {
  return refusal(422, `invalid_argument: unable to validate machine config: ${what}`);
}
