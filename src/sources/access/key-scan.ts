import { spawn } from 'node:child_process';
import type { Clock } from '../../model/base/clock.ts';
import type { GitLocation } from '../tree/location.ts';
import { knownHostName } from './known-hosts.ts';

/** What a host says of itself, believed by nobody. */
export interface OfferedKey {
  /** `ssh-ed25519` */
  readonly type: string;
  /** Base64. */
  readonly key: string;
  /** For known_hosts. */
  readonly line: string;
}

export interface KeyScan {
  readonly location: Pick<GitLocation, 'host' | 'port'>;
  /** Where it is asked; undefined: at what its name resolves to. */
  readonly address?: string | undefined;
  readonly clock: Clock;
  /** Where ssh-keyscan is looked for. */
  readonly path: string;
}

/** A host that answers a fetch does so within seconds; this is asked beside one that was refused already. */
const scanMs = 10_000;
/** One key of each type: an RSA key of 16,384 bits, the largest that ssh takes, has 2,800 characters. */
const scanBytesMax = 16 * 1024;
/** The newest first. */
const types = ['ed25519', 'ecdsa', 'rsa'] as const;

const offered = /^\S+ ((?:ssh|ecdsa)-[a-z0-9-]{1,40}) ([A-Za-z0-9+/]{40,4000}={0,2})$/;

/** Asks a host for its keys, without logging in. Never throws: a host that shows none gives none. */
export function scanHostKeys({ location, address, clock, path }: KeyScan): Promise<readonly OfferedKey[]> {
  const { host, port } = location;
  const args = ['-T', String(scanMs / 2000), '-t', types.join(','), ...(port === '' ? [] : ['-p', port])];
  return clock.busy(
    () =>
      new Promise((resolve) => {
        const child = spawn('ssh-keyscan', [...args, '--', address ?? host.replace(/^\[|\]$/g, '')], {
          env: { PATH: path, LC_ALL: 'C' },
          stdio: ['ignore', 'pipe', 'ignore'],
          shell: false,
        });
        let text = '';
        const end = (): void => {
          cancel();
          child.kill('SIGKILL');
          child.stdout.destroy(); // a child of its own may hold it open
          resolve(keysIn(text.slice(0, scanBytesMax), knownHostName(location)));
        };
        const cancel = clock.timer(scanMs, end);
        child.stdout.setEncoding('latin1').on('data', (more: string) => {
          text += more;
          if (text.length > scanBytesMax) end();
        });
        child.on('error', end);
        child.on('close', end);
      }),
  );
}

function keysIn(text: string, name: string): readonly OfferedKey[] {
  const keys = text.split('\n').flatMap((line) => {
    const [, type = '', key = ''] = offered.exec(line.trim()) ?? [];
    return isKey(type, key) ? [{ type, key, line: `${name} ${type} ${key}` }] : [];
  });
  const rank = ({ type }: OfferedKey): number => types.findIndex((one) => type.includes(one));
  return keys.toSorted((a, b) => rank(a) - rank(b));
}

/** A key begins with its own type. */
function isKey(type: string, key: string): boolean {
  const bytes = Buffer.from(key, 'base64');
  return type !== '' && bytes.length > 4 && bytes.toString('latin1', 4, 4 + bytes.readUInt32BE(0)) === type;
}
