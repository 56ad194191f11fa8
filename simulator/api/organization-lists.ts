import { flag, listed, type RequestContext, type Route } from '../http/request-context.ts';
import { organizationOf } from '../http/access.ts';
import { orgMachineView } from '../machines/views.ts';
import type { Machine, Volume } from '../world/records.ts';
import { ok, refusal, timestamp, type Reply } from '../wire/replies.ts';
import { volumeView } from './volumes.ts';

/** Also where no limit is named. */
const mostLimit = 1000;

interface Listed {
  readonly sequence: number;
  readonly region: string;
  readonly state: string;
  readonly updatedAt: number;
}

/** One page in order of creation. The cursor is the last item's place; regions that do not answer are left out. */
function page<T extends Listed>(call: RequestContext, items: Iterable<T>, isGone: (item: T) => boolean) {
  const { query, world } = call;
  const asked = Number(query.get('limit') ?? mostLimit);
  if (!Number.isInteger(asked) || asked < 1) throw refusal(400, 'invalid_argument: limit must be a positive number');
  const { pageMost = mostLimit, emptyPages = false } = world.lag.settings;
  const limit = Math.min(mostLimit, pageMost, asked);
  const after = cursorOf(query);
  // The cursor of an empty page ends in a dot: the next one is not empty.
  if (emptyPages && !(query.get('cursor') ?? '').endsWith('.')) {
    return { found: [], next: `${cursorText(after ?? 0)}.` };
  }
  const since = after === undefined ? Date.parse(query.get('updated_after') ?? '') : Number.NaN;
  const inRegions = listed(query, 'region');
  const inStates = listed(query, 'state');
  const includeDeleted = flag(query, 'include_deleted');
  const found: T[] = [];
  let more = false;
  for (const item of items) {
    if (item.sequence <= (after ?? 0) || world.errorRegions.has(item.region)) continue;
    if (!includeDeleted && isGone(item)) continue;
    if (inRegions.size > 0 && !inRegions.has(item.region)) continue;
    if (inStates.size > 0 && !inStates.has(item.state)) continue;
    if (item.updatedAt <= since) continue;
    if (found.length === limit) {
      more = true;
      break;
    }
    found.push(item);
  }
  return { found, next: more ? cursorText(found.at(-1)?.sequence ?? 0) : '' };
}

function cursorOf(query: URLSearchParams): number | undefined {
  const text = query.get('cursor');
  if (text === null || text === '') return undefined;
  const sequence = Number(Buffer.from(text.replace(/\.$/, ''), 'base64url').toString());
  if (!Number.isInteger(sequence)) throw refusal(400, 'invalid_argument: cursor is invalid');
  return sequence;
}

const cursorText = (sequence: number): string => Buffer.from(String(sequence)).toString('base64url');

function lastUpdate(items: readonly Listed[]): string {
  return items.length === 0 ? '' : timestamp(Math.max(...items.map((item) => item.updatedAt)));
}

function machines(call: RequestContext): Reply {
  const organization = organizationOf(call, call.params['org'] ?? '');
  const gone = (machine: Machine): boolean => machine.state === 'destroyed';
  const { lag } = call.world;
  const seen = lag.machines(organization.machines.values(), lag.settings.organizationMs ?? 0);
  const { found, next } = page(call, seen, gone);
  const summary = flag(call.query, 'summary');
  return ok({
    machines: found.map((machine) => orgMachineView(machine, summary)),
    next_cursor: next,
    last_machine_id: found.at(-1)?.id ?? '',
    last_updated_at: lastUpdate(found),
    error_regions: [...call.world.errorRegions],
  });
}

function volumes(call: RequestContext): Reply {
  const organization = organizationOf(call, call.params['org'] ?? '');
  const gone = (volume: Volume): boolean => call.world.isVolumeGone(volume);
  const { lag } = call.world;
  const seen = lag.volumes(organization.volumes.values(), lag.settings.organizationMs ?? 0);
  const { found, next } = page(call, seen, gone);
  const summary = flag(call.query, 'summary');
  return ok({
    volumes: found.map((volume) => ({
      ...volumeView(call.world, volume, summary),
      app_name: volume.app.name,
      updated_at: timestamp(volume.updatedAt),
    })),
    next_cursor: next,
    last_volume_id: found.at(-1)?.id ?? '',
    last_updated_at: lastUpdate(found),
    error_regions: [...call.world.errorRegions],
  });
}

export const organizationRoutes: readonly Route[] = [
  { operation: 'GET /orgs/{org}/machines', handle: machines },
  { operation: 'GET /orgs/{org}/volumes', handle: volumes },
];
