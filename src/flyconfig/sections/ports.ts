/** Ports that two services of one process group open, and checks of ports on which no service of the group listens. */
import { orList } from '../../model/base/text.ts';
import { fieldOf, keyPath, type Table } from '../reading/values.ts';
import type { NoteList } from '../reading/notes.ts';
import type { PlacedService } from './services.ts';

/** A message that names more helps nobody. */
const shownPortsMax = 5;

export interface PortsRequest {
  readonly groups: readonly string[];
  readonly services: readonly PlacedService[];
  readonly checks: readonly { readonly table: Table; readonly groups: readonly string[] }[];
  readonly metrics: readonly { readonly groups: readonly string[]; readonly metrics: Record<string, unknown> }[];
  readonly notes: NoteList;
}

/** Warnings all: Fly takes such a config, and so does flyctl. */
export function notePorts(request: PortsRequest): void {
  for (const group of request.groups) {
    const services = request.services.filter(({ groups }) => groups.includes(group));
    noteTwins(services, request.notes);
    if (services.some(({ service }) => service.protocol !== 'udp')) noteUnservedChecks(group, services, request);
  }
}

interface OpenPorts {
  readonly path: string;
  readonly order: number;
  readonly from: number;
  readonly to: number;
}

function noteTwins(services: readonly PlacedService[], notes: NoteList): void {
  const byProtocol = Map.groupBy(services, ({ service }) => service.protocol ?? 'tcp');
  for (const [protocol, alike] of byProtocol) {
    const ranges = rangesOf(alike).toSorted((one, other) => one.from - other.from || one.order - other.order);
    let widest: OpenPorts | undefined;
    for (const range of ranges) {
      if (widest !== undefined && range.from <= widest.to) {
        const [earlier, later] = widest.order < range.order ? [widest, range] : [range, widest];
        const message = `${earlier.path} opens ${protocol} port ${range.from} for the same process group`;
        notes.warning(later.path, message, 'leave the port to one of them');
      }
      if (widest === undefined || range.to > widest.to) widest = range;
    }
  }
}

function rangesOf(services: readonly PlacedService[]): readonly OpenPorts[] {
  const ports = services.flatMap(({ service, portPaths }) =>
    (service.ports ?? []).map((port, index) => ({ port, path: portPaths[index] ?? '' })),
  );
  return ports.flatMap(({ port, path }, order): readonly OpenPorts[] => {
    const from = port.port ?? port.start_port ?? port.end_port;
    if (from === undefined || from === null) return []; // said where it is mapped
    return [{ path, order, from, to: port.port ?? port.end_port ?? from }];
  });
}

/** A group without services, or with udp ones alone, may be checked wherever its program listens. */
function noteUnservedChecks(group: string, services: readonly PlacedService[], request: PortsRequest): void {
  const served = new Set(services.map(({ service }) => service.internal_port));
  const known = [...served].filter((port) => typeof port === 'number').map(String);
  if (known.length === 0) return; // their ports are what is wrong
  const listened = known.length > shownPortsMax ? [...known.slice(0, shownPortsMax), 'others'] : known;
  const scraped = request.metrics.find(({ groups }) => groups.includes(group))?.metrics['port'];
  for (const { table, groups } of request.checks) {
    const port = fieldOf(table.values, 'port');
    if (!groups.includes(group) || typeof port !== 'number' || served.has(port) || port === scraped) continue;
    const message = `no service of ${group} listens on port ${port}: they listen on ${orList(listened)}`;
    const hint = 'right only where the program answers on that port, too';
    request.notes.warning(keyPath(table.path, 'port'), message, hint);
  }
}
