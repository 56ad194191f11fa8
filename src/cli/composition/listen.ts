import type { Settings } from '../../../schemas/settings.ts';
import { Fault } from '../../model/base/fault.ts';
import { variable, type Io } from '../shell/io.ts';

export interface Listen {
  readonly port: number;
  /** Begins with a slash. */
  readonly path: string;
  /** Address of a network interface. */
  readonly host: string;
}

export interface ListenFlags {
  readonly webhookInterface?: string;
  readonly webhookPath?: string;
  readonly webhookPort?: number;
}

const portMax = 65_535;
/** The defaults of flycd 0.x. All interfaces: on Fly the proxy comes from outside. */
const defaults: Listen = { port: 80, path: '/webhook', host: '0.0.0.0' };

/** Where `serve` listens: flag, then WEBHOOK_*, then flycd.yaml. Throws a stalled Fault for a port that is none. */
export function resolveListen(io: Pick<Io, 'env'>, flags: ListenFlags, written: Settings['webhook']): Listen {
  const path = flags.webhookPath ?? variable(io.env, 'WEBHOOK_PATH') ?? written?.path ?? defaults.path;
  return {
    port: flags.webhookPort ?? portOf(variable(io.env, 'WEBHOOK_PORT')) ?? written?.port ?? defaults.port,
    path: path.startsWith('/') ? path : `/${path}`,
    host: flags.webhookInterface ?? variable(io.env, 'WEBHOOK_INTERFACE') ?? written?.interface ?? defaults.host,
  };
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= portMax) return port;
  throw new Fault({
    kind: 'stalled',
    what: 'WEBHOOK_PORT is no port',
    why: `expected a whole number from 0 to ${portMax}, got ${JSON.stringify(text)}`,
    next: 'set it to a port such as 8080, or unset it for 80',
  });
}
