/** Which hosts an address that stands in a config file may lead to. */
import ipaddr from 'ipaddr.js';

/** What the operator allows beside the public internet. */
export interface AllowedHosts {
  /** Lower case; `*.corp.example` is every name below it. */
  readonly names: ReadonlySet<string>;
  readonly ranges: readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[];
}

/** Why FlyCD does not ask a host that a config file names, and what the operator writes where it should. */
export class HostRefused extends Error {
  readonly host: string;
  readonly next: string;

  constructor(host: string, why: string) {
    super(why);
    this.name = 'HostRefused';
    this.host = host;
    this.next = `where this host is meant, add it to your flycd.yaml: allow_hosts: [${JSON.stringify(host)}], or to FLYCD_ALLOW_HOSTS`;
  }
}

const plainName = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?$/;

/** Names, addresses and CIDRs; `wrong`: the first text that is none of them. */
export function parseAllowedHosts(texts: readonly string[]): AllowedHosts | { readonly wrong: string } {
  const names = new Set<string>();
  const ranges: [ipaddr.IPv4 | ipaddr.IPv6, number][] = [];
  for (const text of texts) {
    const range = rangeOf(text);
    const name = text.toLowerCase();
    if (range !== undefined) ranges.push(range);
    else if (plainName.test(name) && addressOf(name) === undefined) names.add(name);
    else return { wrong: text };
  }
  return { names, ranges };
}

function rangeOf(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  if (text.includes('/')) {
    // `10.20/16` would be 10.0.0.20, and a range of mapped addresses nothing: those are compared as IPv4.
    const isWhole = ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text);
    const range = isWhole && !/^0\d|\.0\d/.test(text) ? ipaddr.parseCIDR(text) : undefined;
    return range !== undefined && range[0].range() === 'ipv4Mapped' ? undefined : range;
  }
  const bare = withoutBrackets(text);
  if (!ipaddr.IPv4.isValidFourPartDecimal(bare) && !ipaddr.IPv6.isValid(bare)) return undefined;
  const address = ipaddr.process(bare);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/**
 * Throws a HostRefused for a name that is only known inside (localhost, .internal) and an address that is not public, unless it is
 * allowed. What a name resolves to is not asked here. `host`: as in a URL, an IPv6 address in brackets, without its port.
 */
export function checkHost(host: string, allowed: AllowedHosts): void {
  const address = addressOf(host);
  if (address !== undefined) return checkAddress(host, address, allowed);
  const name = nameOf(host);
  if (isInside(name) && !isNamed(name, allowed)) throw new HostRefused(host, `${host} is a name of a private network`);
}

/**
 * Throws a HostRefused where a name resolves to an address that is not public, unless the name or the address is allowed. One such
 * address among others is enough: which of them is taken is nobody's to choose.
 */
export function checkResolved(host: string, addresses: readonly string[], allowed: AllowedHosts): void {
  if (isNamed(nameOf(host), allowed)) return;
  for (const text of addresses) checkAddress(host, ipaddr.process(text.replace(/%.*$/, '')), allowed);
}

function checkAddress(host: string, address: ipaddr.IPv4 | ipaddr.IPv6, { names, ranges }: AllowedHosts): void {
  const kind = address.range();
  const isPublic = kind === 'unicast' && (address.kind() === 'ipv4' || address.match(publicIPv6, 3));
  if (isPublic || isNamed(nameOf(host), { names })) return;
  if (ranges.some((range) => range[0].kind() === address.kind() && address.match([...range]))) return;
  const shown = address.toString();
  const which = kinds[kind] ?? 'not public';
  throw new HostRefused(
    host,
    withoutBrackets(host) === shown ? `${shown} is ${which}` : `${host} is ${shown}, which is ${which}`,
  );
}

/** All that is given out (RFC 4291, 2.4); ipaddr.js calls also the rest unicast. */
const publicIPv6 = ipaddr.IPv6.parse('2000::');

/** ipaddr.js names ranges after their documents. Fly's private network, 6PN, is fdaa::/16 and so a unique local one. */
const kinds: Readonly<Record<string, string>> = {
  loopback: 'this machine itself',
  unspecified: 'this machine itself',
  private: 'an address of a private network',
  uniqueLocal: 'an address of a private network',
  carrierGradeNat: 'an address of a private network',
  linkLocal: 'a link-local address',
};

/** Names that never mean a public host: this machine, Fly's private network, a network's own zone (RFC 6761, 6762, 8375). */
const insideZones = ['localhost', 'internal', 'local', 'localdomain', 'home.arpa'];

function isInside(name: string): boolean {
  return insideZones.some((zone) => name === zone || name.endsWith(`.${zone}`));
}

function isNamed(name: string, { names }: Pick<AllowedHosts, 'names'>): boolean {
  if (names.has(name)) return true;
  return [...names].some((one) => one.startsWith('*.') && name.endsWith(one.slice(1)));
}

/** A dot at its end makes a name absolute, and no other host. */
function nameOf(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/**
 * The address that a host is, also in the short, octal and hexadecimal forms (`127.1`, `0x7f000001`) that resolvers take; undefined: a
 * name. URL reads those as resolvers do.
 */
function addressOf(host: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const url = `http://${nameOf(host)}/`;
  const read = withoutBrackets(URL.canParse(url) ? new URL(url).hostname : host);
  return ipaddr.isValid(read) ? ipaddr.process(read) : undefined;
}
