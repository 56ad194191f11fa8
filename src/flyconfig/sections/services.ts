/** http_service and services[] to the services of a machine. Source: flyctl's ToService and toMachineService. */
import type { MachineCheck, MachinePort, MachineService } from '../../../schemas/fly/machine.ts';
import { httpServiceCheck, portMax, tcpServiceCheck } from './checks.ts';
import { flagOf, integerOf, textOf, textsOf, wordOf, optionalWordOf } from '../reading/fields.ts';
import { present } from '../../model/base/json.ts';
import { orList, shortened } from '../../model/base/text.ts';
import { tableOf, tablesOf } from '../reading/tables.ts';
import { fieldOf, isList, isTable, itemPath, keyPath, kindOf, type Table } from '../reading/values.ts';
import { groupsOf, type ProcessGroups } from './groups.ts';

export interface PlacedService {
  readonly groups: readonly string[];
  readonly service: MachineService;
  /** From http_service: its internal port is what checks without a port take. */
  readonly http: boolean;
  /** Where each of the service's ports was written. */
  readonly portPaths: readonly string[];
}

const handlerNames = ['http', 'tls', 'pg_tls', 'proxy_proto'];

/** Every service with its process groups; http_service comes first, as in flyctl. */
export function placedServices(root: Table, groups: ProcessGroups): readonly PlacedService[] {
  const services: PlacedService[] = [];
  const http = tableOf(root, 'http_service');
  if (http !== undefined) {
    checkUnplaced(http, groups);
    const service = httpService(http);
    const portPaths = (service.ports ?? []).map(() => http.path);
    services.push({ groups: groupsOf(http, groups), service, http: true, portPaths });
  }
  for (const table of tablesOf(root, 'services')) {
    checkUnplaced(table, groups);
    const service = plainService(table);
    const portPaths = tablesOf(table, 'ports').map(({ path }) => path);
    services.push({ groups: groupsOf(table, groups), service, http: false, portPaths });
  }
  return services;
}

/**
 * flyctl refuses to deploy a service that names no group as soon as [processes] names any. With one group nothing else
 * can be meant, so that is only said.
 */
function checkUnplaced(table: Table, groups: ProcessGroups): void {
  const named = fieldOf(table.values, 'processes');
  if (!groups.named || (isList(named) ? named.length > 0 : named !== undefined)) return;
  const hint = `add processes: [${groups.defaultGroup}]${groups.known.size > 1 ? ' or another group' : ''}`;
  if (groups.known.size > 1) {
    const message = 'there are several process groups, and the service says of none that it is theirs';
    table.notes.error(table.path, message, hint);
  } else {
    const message = `the service names no process group: it belongs to ${groups.defaultGroup}; flyctl would refuse it`;
    table.notes.warning(table.path, message, hint);
  }
}

function httpService(table: Table): MachineService {
  const httpOptions = httpOptionsOf(table);
  const forceHttps = flagOf(table, 'force_https') === true ? true : undefined;
  const plain = present({ port: 80, handlers: ['http'], force_https: forceHttps, http_options: httpOptions });
  const secure = present({
    port: 443,
    handlers: ['http', 'tls'],
    http_options: httpOptions,
    tls_options: tlsOptionsOf(table),
  });
  const checks = tablesOf(table, 'checks').map((check) => httpServiceCheck(check));
  return { protocol: 'tcp', ...commonOf(table), ports: [plain, secure], ...checkList(checks) };
}

function plainService(table: Table): MachineService {
  const ports = tablesOf(table, 'ports').map((port) => portOf(port));
  if (ports.length === 0) {
    table.notes.warning(table.path, 'the service opens no port, so nothing reaches it from outside', 'add ports');
  }
  const checks = [
    ...tablesOf(table, 'tcp_checks').map((check) => tcpServiceCheck(check)),
    ...tablesOf(table, 'http_checks').map((check) => httpServiceCheck(check)),
  ];
  const listed = ports.length === 0 ? {} : { ports };
  return {
    ...present({ protocol: optionalWordOf(table, 'protocol', ['tcp', 'udp']) }),
    ...commonOf(table),
    ...listed,
    ...checkList(checks),
  };
}

function checkList(checks: MachineCheck[]): { checks?: MachineCheck[] } {
  return checks.length === 0 ? {} : { checks };
}

/** 0 is flyctl's none, which its launch has written into files: it takes that and sends no port. */
function internalPortOf(table: Table): number | undefined {
  const hint = 'the port your program listens on, such as 8080';
  const written = fieldOf(table.values, 'internal_port');
  if (written === undefined) table.notes.error(table.path, 'internal_port is required', hint);
  if (written !== 0) return integerOf(table, 'internal_port', { min: 1, max: portMax });
  const message = 'nobody is sent to port 0: the service has no effect';
  table.notes.warning(keyPath(table.path, 'internal_port'), message, `${hint}; or remove the service`);
  return undefined;
}

function commonOf(table: Table): MachineService {
  return present({
    internal_port: internalPortOf(table),
    autostop: autostopOf(table),
    autostart: flagOf(table, 'auto_start_machines'),
    min_machines_running: integerOf(table, 'min_machines_running', { min: 0 }),
    concurrency: concurrencyOf(table),
  });
}

function autostopOf(table: Table): string | undefined {
  const value = fieldOf(table.values, 'auto_stop_machines');
  if (typeof value === 'boolean') return value ? 'stop' : 'off';
  return wordOf(table, 'auto_stop_machines', ['off', 'stop', 'suspend']);
}

function concurrencyOf(table: Table): object | undefined {
  const written = fieldOf(table.values, 'concurrency');
  if (typeof written === 'string') {
    const path = keyPath(table.path, 'concurrency');
    const message = `expected a table, found "${shortened(written)}"`;
    table.notes.error(path, message, 'concurrency: {type: requests, soft_limit: 20, hard_limit: 25}');
    return undefined;
  }
  const concurrency = tableOf(table, 'concurrency');
  if (concurrency === undefined) return undefined;
  return present({
    type: optionalWordOf(concurrency, 'type', ['connections', 'requests']),
    soft_limit: limitOf(concurrency, 'soft_limit'),
    hard_limit: limitOf(concurrency, 'hard_limit'),
  });
}

/** 0 is no limit, which flyctl does not send. */
function limitOf(concurrency: Table, key: string): number | undefined {
  const limit = integerOf(concurrency, key, { min: 0 });
  return limit === 0 ? undefined : limit;
}

function portOf(table: Table): MachinePort {
  const bounds = { min: 1, max: portMax };
  const single = integerOf(table, 'port', bounds);
  const start = integerOf(table, 'start_port', bounds);
  const end = integerOf(table, 'end_port', bounds);
  if (['port', 'start_port', 'end_port'].every((key) => fieldOf(table.values, key) === undefined)) {
    table.notes.error(table.path, 'a port needs a number', 'port, or start_port and end_port');
  }
  if (start !== undefined && end !== undefined && start > end) {
    table.notes.error(keyPath(table.path, 'end_port'), `expected ${start} or more, found ${end}`);
  }
  const handlers = textsOf(table, 'handlers');
  for (const [index, handler] of (handlers ?? []).entries()) {
    if (handlerNames.includes(handler)) continue;
    const path = itemPath(keyPath(table.path, 'handlers'), index);
    table.notes.error(path, `expected ${orList(handlerNames)}, found "${shortened(handler)}"`);
  }
  return present({
    port: single,
    start_port: start,
    end_port: end,
    handlers: handlers === undefined || handlers.length === 0 ? undefined : [...handlers],
    force_https: flagOf(table, 'force_https') === true ? true : undefined,
    tls_options: tlsOptionsOf(table),
    http_options: httpOptionsOf(table),
    proxy_proto_options: proxyProtoOptionsOf(table),
  });
}

function tlsOptionsOf(table: Table): object | undefined {
  const options = tableOf(table, 'tls_options');
  if (options === undefined) return undefined;
  return present({
    alpn: textsOf(options, 'alpn'),
    versions: textsOf(options, 'versions'),
    default_self_signed: flagOf(options, 'default_self_signed'),
  });
}

function proxyProtoOptionsOf(table: Table): object | undefined {
  const options = tableOf(table, 'proxy_proto_options');
  return options === undefined ? undefined : present({ version: optionalWordOf(options, 'version', ['v1', 'v2']) });
}

function httpOptionsOf(table: Table): object | undefined {
  const options = tableOf(table, 'http_options');
  if (options === undefined) return undefined;
  const replayCache = tablesOf(options, 'replay_cache').map((cache) =>
    present({
      path_prefix: textOf(cache, 'path_prefix'),
      ttl_seconds: integerOf(cache, 'ttl_seconds', { min: 0 }),
      type: wordOf(cache, 'type', ['cookie', 'header']),
      name: textOf(cache, 'name'),
      allow_bypass: flagOf(cache, 'allow_bypass'),
    }),
  );
  return present({
    compress: flagOf(options, 'compress'),
    h2_backend: flagOf(options, 'h2_backend'),
    idle_timeout: integerOf(options, 'idle_timeout', { min: 0 }),
    headers_read_timeout: integerOf(options, 'headers_read_timeout', { min: 0 }),
    response: responseOf(options),
    replay_cache: replayCache.length === 0 ? undefined : replayCache,
  });
}

function responseOf(options: Table): object | undefined {
  const response = tableOf(options, 'response');
  if (response === undefined) return undefined;
  const headers = tableOf(response, 'headers');
  const entries = Object.entries(headers?.values ?? {}).filter(([name, value]) => {
    const fits = isList(value) ? value.every((item) => typeof item === 'string') : !isTable(value);
    if (!fits) {
      const message = `expected text, a list of texts or false, found ${kindOf(value)}`;
      response.notes.error(keyPath(headers?.path ?? response.path, name), message);
    }
    return fits && value !== null && value !== undefined;
  });
  return present({
    headers: entries.length === 0 ? undefined : Object.fromEntries(entries),
    pristine: flagOf(response, 'pristine'),
  });
}
