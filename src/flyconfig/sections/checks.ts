import type { MachineCheck } from '../../../schemas/fly/machine.ts';
import { formatDuration, minute, second } from '../reading/duration.ts';
import { durationOf, flagOf, integerOf, textOf, wordOf, optionalWordOf } from '../reading/fields.ts';
import { present } from '../../model/base/json.ts';
import { tableOf } from '../reading/tables.ts';
import { fieldOf, keyPath, kindOf, type Table } from '../reading/values.ts';

/** Fly's bounds of a service's checks: it raises and lowers what lies outside without a word. */
export const serviceCheckMin = second;
export const serviceCheckMax = minute;
/** Fly's bounds of a top-level check: it refuses what lies outside. */
export const namedCheckIntervalMin = 2 * second;
export const namedCheckTimeoutMax = minute;
export const portMax = 65_535;

export function tcpServiceCheck(table: Table): MachineCheck {
  return { type: 'tcp', ...timesOf(table), ...serviceTimesChecked(table) };
}

export function httpServiceCheck(table: Table): MachineCheck {
  return {
    type: 'http',
    ...timesOf(table),
    ...serviceTimesChecked(table),
    ...requestOf(table, textOf(table, 'method')),
  };
}

/** A top-level check. `httpPort` is the internal port of the group's http_service, which a check without a port takes. */
export function namedCheck(table: Table, httpPort: number | undefined): MachineCheck {
  const type = wordOf(table, 'type', ['http', 'tcp']);
  if (fieldOf(table.values, 'type') === undefined) {
    table.notes.error(table.path, 'a check needs a type', 'type: http or type: tcp');
  }
  const interval = durationOf(table, 'interval');
  if (interval !== undefined && interval < namedCheckIntervalMin) {
    const message = `an interval is at least 2s, found ${formatDuration(interval)}`;
    table.notes.error(keyPath(table.path, 'interval'), message);
  }
  const timeout = durationOf(table, 'timeout');
  if (timeout !== undefined && timeout > namedCheckTimeoutMax) {
    const message = `a timeout is at most 1m0s, found ${formatDuration(timeout)}`;
    table.notes.error(keyPath(table.path, 'timeout'), message);
  }
  if (timeout === 0)
    table.notes.warning(keyPath(table.path, 'timeout'), 'a check that may take no time may never pass', 'write "2s"');
  const named = integerOf(table, 'port', { min: 1, max: portMax });
  if (fieldOf(table.values, 'port') === undefined && httpPort === undefined) {
    const hint = `add ${keyPath(table.path, 'port')}`;
    table.notes.error(table.path, 'the check has no port and its process group no http_service to take it from', hint);
  }
  const method = textOf(table, 'method')?.toUpperCase();
  return present({ type, port: named ?? httpPort, ...timesOf(table), ...requestOf(table, method) });
}

function timesOf(table: Table): MachineCheck {
  const text = (key: string): string | undefined => {
    const duration = durationOf(table, key);
    return duration === undefined ? undefined : formatDuration(duration);
  };
  return present({ interval: text('interval'), timeout: text('timeout'), grace_period: text('grace_period') });
}

/** Says what Fly will make of times out of bounds. Adds nothing to the check: it is sent as written, as flyctl does. */
function serviceTimesChecked(table: Table): MachineCheck {
  for (const key of ['interval', 'timeout', 'grace_period']) {
    const duration = durationOf(table, key);
    if (duration === undefined || (key === 'grace_period' && duration === 0)) continue;
    const path = keyPath(table.path, key);
    if (duration < serviceCheckMin) table.notes.warning(path, `Fly raises ${formatDuration(duration)} to 1s`);
    if (duration > serviceCheckMax) table.notes.warning(path, `Fly lowers ${formatDuration(duration)} to 1m0s`);
  }
  return {};
}

function requestOf(table: Table, method: string | undefined): MachineCheck {
  return present({
    method,
    path: textOf(table, 'path'),
    protocol: optionalWordOf(table, 'protocol', ['http', 'https']),
    tls_skip_verify: flagOf(table, 'tls_skip_verify'),
    tls_server_name: textOf(table, 'tls_server_name'),
    headers: headersOf(table),
  });
}

/** By name, in order: flyctl's own order is random. */
function headersOf(table: Table): readonly { readonly name: string; readonly values: readonly string[] }[] | undefined {
  const headers = tableOf(table, 'headers');
  if (headers === undefined) return undefined;
  const list = Object.keys(headers.values)
    .toSorted()
    .flatMap((name) => {
      const value = fieldOf(headers.values, name);
      if (typeof value === 'string') return [{ name, values: [value] }];
      table.notes.error(keyPath(headers.path, name), `expected text, found ${kindOf(value)}`);
      return [];
    });
  return list.length === 0 ? undefined : list;
}
