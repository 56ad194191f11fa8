/** One call of Fly, and the request that it becomes. */
import type { BeforeSent } from '../api.ts';
import type { ExchangeRequest } from '../../http/exchange.ts';
import { Fault } from '../../model/base/fault.ts';
import type { Effect } from './classification.ts';
import type { RateLimit } from './rate-limit.ts';
import { below, type Surface } from './surfaces.ts';

export interface Call {
  /** Default: machines. */
  readonly surface?: Surface;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below /v1 (web: /api/v1), with names in braces that `path` fills: `/apps/{app}/machines/{machine}`. */
  readonly route: string;
  readonly path: Readonly<Record<string, string>>;
  /** Ends the sentence "Fly refused to …". */
  readonly purpose: string;
  readonly effect: Effect;
  readonly query?: ReadonlyArray<readonly [string, string]>;
  readonly body?: unknown;
  /** Lease nonce, for a machine that is leased. */
  readonly nonce?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly beforeSent?: BeforeSent | undefined;
  /** Where the documented limit is not one per second; `shared`: one bucket for all apps. */
  readonly limit?: { readonly rate: RateLimit; readonly shared: boolean };
  /** Most bytes of the answer; an answer over it does not fit. */
  readonly bytesMax?: number;
  /** A call that Fly itself holds open for so long: it has a lane and a timeout of its own. */
  readonly holdsMs?: number;
  /** For what FlyCD can do without: all tries together, with the pauses between them, end after so long. */
  readonly patienceMs?: number;
  /** A lease's call: behind eight slow creates its renewal would come when the lease is over. */
  readonly urgent?: boolean;
  /**
   * Moves no machine, and may belong to what is asked before another call is sent: it waits for no place of those, which keep
   * theirs while they ask.
   */
  readonly brief?: boolean;
}

/** What needs no more than a token that Fly takes. */
export const currentTokens: Call = {
  method: 'GET',
  route: '/tokens/current',
  path: {},
  purpose: 'read what the token reaches',
  effect: 'read',
};

const readTimeoutMs = 30_000;
/** Creating a machine pulls its image first and may take half a minute. */
const writeTimeoutMs = 60_000;
/** What a held-open call may take beyond the time Fly was asked to hold it. */
const holdGraceMs = 10_000;

/** One app's secrets, volumes, addresses, or one machine: kilobytes. Far above that something is wrong. */
const bytesMaxUsual = 4 * 1024 * 1024;

/** Who sends it: where each interface is, and as whom it is spoken to. */
export interface Sender {
  readonly surfaces: Readonly<Record<Surface, { readonly base: URL; readonly authorization: string }>>;
  readonly userAgent: string;
}

/** What Fly counts: an action on one machine, volume or app; of what names none, the action and what it asks for. */
export function endpointOf({ surface = 'machines', method, route, path, query }: Call): string {
  const { app, machine, volume, org } = path;
  const identifier = machine ?? volume ?? app ?? org ?? JSON.stringify(query ?? []);
  return [surface, method, route, identifier].join(' ');
}

/** Of who sends it; `timeoutMsMax`: what is left of its time. Throws a stalled Fault where a name would lead to another resource. */
export function requestOf(sender: Sender, call: Call, timeoutMsMax: number): ExchangeRequest {
  const json = call.body === undefined ? undefined : JSON.stringify(call.body);
  const holdMs = call.holdsMs === undefined ? undefined : call.holdsMs + holdGraceMs;
  const surface = sender.surfaces[call.surface ?? 'machines'];
  return {
    url: urlOf(surface.base, call),
    method: call.method,
    headers: {
      accept: 'application/json',
      authorization: surface.authorization,
      'user-agent': sender.userAgent,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(call.nonce === undefined ? {} : { 'fly-machine-lease-nonce': call.nonce }),
    },
    body: json,
    timeoutMs: Math.min(holdMs ?? (call.effect === 'read' ? readTimeoutMs : writeTimeoutMs), timeoutMsMax),
    bytesMax: call.bytesMax ?? bytesMaxUsual,
    signal: call.signal,
  };
}

function urlOf(base: URL, call: Call): URL {
  const path = call.route.replaceAll(/\{(\w+)\}/g, (_braces, name: string) => {
    const value = call.path[name] ?? '';
    // A URL folds these away: the call would go to another resource.
    if (['', '.', '..'].includes(value)) {
      const what = `FlyCD cannot ${call.purpose}: "${value}" is not a name`;
      throw new Fault({ kind: 'stalled', what, where: whereOf(call) });
    }
    // Addresses hold colons, which a path may: written as they are, like flyctl does.
    return encodeURIComponent(value).replaceAll('%3A', ':');
  });
  const url = below(base, path);
  for (const [name, value] of call.query ?? []) url.searchParams.append(name, value);
  return url;
}

export function whereOf({ path }: Call): string | undefined {
  const known = (['app', 'machine', 'volume', 'org'] as const).filter((name) => path[name] !== undefined);
  return known.length === 0 ? undefined : known.map((name) => `${name} ${path[name] ?? ''}`).join(', ');
}
