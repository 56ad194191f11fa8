import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import type { GitLocation } from '../tree/location.ts';
import { scanHostKeys } from './key-scan.ts';
import { fingerprintOf, knownHostName } from './known-hosts.ts';
import { shippedHosts } from './shipped-hosts.ts';

export interface Refusal {
  /** What ssh said, in English. */
  readonly words: string;
  readonly location: GitLocation;
  /** The one that was connected to; undefined: what its name resolves to. */
  readonly address?: string | undefined;
  /** FlyCD's own file: the shipped keys and those of the settings. */
  readonly pinned: string | undefined;
  readonly clock: Clock;
  /** Where ssh-keyscan is looked for. */
  readonly path: string;
}

/** Words of OpenSSH (8.4 to 10). */
const unknown = /no (\S+) host key is known for/i;
const changed = /remote host identification has changed|has changed and you have requested strict/i;
const revoked = /revoked host key|(?:is marked as|was) revoked/i;
const shownFingerprint = /SHA256:[A-Za-z0-9+/]{43}/;
const offendingFile = /offending \S+ key in (.+?):(\d+)(?:;|$)/i;

/** Why ssh did not believe that the host is who it says. undefined: it refused for something else. */
export async function hostKeyFault(refusal: Refusal): Promise<Fault | undefined> {
  const { words, location } = refusal;
  if (location.scheme !== 'ssh') return undefined;
  if (revoked.test(words)) return revokedFault(location);
  if (changed.test(words)) return changedFault(refusal);
  const type = unknown.exec(words)?.[1];
  if (type !== undefined) return unknownFault(refusal, type.toLowerCase());
  return undefined;
}

async function unknownFault(refusal: Refusal, type: string): Promise<Fault> {
  const { location } = refusal;
  const { host } = location;
  const what = `the SSH host key of ${host} is not known`;
  const keys = await scanHostKeys(refusal);
  const key = keys.find((one) => one.type.includes(type)) ?? keys[0];
  if (key === undefined) {
    const next = `run \`${scanCommand(location)}\`, compare what it prints with the keys that ${published(location)}, and write the line under known_hosts: in flycd.yaml`;
    return new Fault({ kind: 'held', what, why: 'and it did not show one when it was asked', next });
  }
  return new Fault({
    kind: 'held',
    what,
    why: `FlyCD believes no host whose key it was not told, and this one shows ${fingerprintOf(key.key)} (${key.type})`,
    next: `compare that with the fingerprints that ${published(location)}: somebody in between would show another. Where it is among them, write this line under known_hosts: in flycd.yaml: - "${key.line}"`,
  });
}

function changedFault({ words, location, pinned }: Refusal): Fault {
  const { host } = location;
  const shown = shownFingerprint.exec(words)?.[0] ?? 'another key';
  const [, file, line = ''] = offendingFile.exec(words) ?? [];
  const known =
    file === undefined || file === pinned
      ? 'the one that comes with FlyCD or stands in known_hosts: of flycd.yaml'
      : `the one in ${file}:${line}`;
  return new Fault({
    kind: 'held',
    what: `the SSH host key of ${host} has changed`,
    why: `it shows ${shown}, and not ${known}: somebody may stand in between`,
    next: `find out whether ${host} has a new key, from what it publishes and not from the connection. Only then add the line that \`${scanCommand(location)}\` prints for ${shown} to known_hosts: in flycd.yaml`,
  });
}

function revokedFault({ host }: GitLocation): Fault {
  return new Fault({
    kind: 'held',
    what: `the SSH host key of ${host} is revoked`,
    why: 'a line of known_hosts marks it with @revoked: it may be in the wrong hands',
    next: `do not use it: ask whoever runs ${host} for the new key`,
  });
}

/** Host and port are checked before anything is fetched: they hold nothing that a shell would read. */
function scanCommand({ host, port }: GitLocation): string {
  return `ssh-keyscan ${port === '' ? '' : `-p ${port} `}${host.replace(/^\[|\]$/g, '')}`;
}

function published(location: GitLocation): string {
  const { host } = location;
  const page = shippedHosts.find(({ names }) => names.includes(knownHostName(location)))?.page;
  return page === undefined ? `${host} publishes` : `${host} publishes (${page})`;
}
