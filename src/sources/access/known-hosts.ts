import { createHash } from 'node:crypto';
import type { GitLocation } from '../tree/location.ts';
import { shippedHosts } from './shipped-hosts.ts';

/** The text of a known_hosts file: the hosts that come with FlyCD, then the operator's lines. */
export function knownHostsText(operators: readonly string[]): string {
  const shipped = shippedHosts.flatMap(({ names, keys }) => keys.map((key) => `${names.join(',')} ${key}`));
  return `${[...shipped, ...operators].join('\n')}\n`;
}

/** A host and its port as known_hosts writes them: `git.example.com`, `[git.example.com]:2222`. */
export function knownHostName({ host, port }: Pick<GitLocation, 'host' | 'port'>): string {
  const bare = host.replace(/^\[|\]$/g, '');
  return port === '' ? bare : `[${bare}]:${port}`;
}

/** As ssh and the hosts' own pages show it. */
export function fingerprintOf(key: string): string {
  const hash = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
  return `SHA256:${hash.replace(/=+$/, '')}`;
}
