/** Public and private addresses: flyctl's defaults once, else exactly those that git lists. */
import type { IpAssignment, IpAssignmentRequest } from '../../../schemas/fly/app.ts';
import type { MachinePort } from '../../../schemas/fly/machine.ts';
import type { DesiredAddress } from '../../model/desired.ts';
import type { AddressStep, Hold, Risk } from '../../model/plan.ts';
import { bySeniority, type Equal } from '../classify/seniority.ts';
import { unclearIntent } from './intents.ts';
import type { KindPlan, PlanAppInput } from '../types.ts';
import { list } from '../../model/base/text.ts';
import { holdOf } from '../steps/hold.ts';

type AddressType = IpAssignmentRequest['type'];

interface LiveAddress {
  readonly ip: string;
  readonly type: AddressType;
  /** undefined: everywhere. */
  readonly region: string | undefined;
  readonly network: string | undefined;
  readonly org: string | undefined;
  readonly createdAt: string | undefined;
}

export interface AddressFacts {
  readonly live: readonly IpAssignment[];
  /** true: Fly has the app and no release of it yet, or does not have the app. */
  readonly isNew: boolean;
  readonly machines: number;
}

export function planAddresses(input: PlanAppInput, facts: AddressFacts): KindPlan {
  const { desired, memory } = input;
  const live = facts.live.flatMap(readAddress);
  const { ips } = desired.network;
  if (ips !== undefined) return planListed(input, live, ips);
  const untouched = live.length === 0 || memory.known;
  const isFirst = facts.isNew && facts.machines === 0 && !memory.defaultAddressesGiven && untouched;
  if (!isFirst && !memory.defaultAddressesOwed) return { steps: [], holds: [], notes: doubledNotes(live) };
  const have = new Set(live.map((address) => address.type));
  const missing = defaultTypes(input).filter((type) => !have.has(type));
  return allocate(input, live, {
    missing: missing.map((type) => ({ request: { type }, number: 1 })),
    because: 'a new app with services gets an address to be reached at',
  });
}

/** Nobody needs a second one for everywhere: two FlyCDs that began the app at once may each have given it one. */
function doubledNotes(live: readonly LiveAddress[]): readonly string[] {
  const global = live.filter(({ region, network }) => region === undefined && network === undefined);
  return [...Map.groupBy(global, ({ type }) => type)]
    .filter(([, same]) => same.length > 1)
    .map(
      ([type, same]) =>
        `${same.length} ${type} addresses: ${list(same.map(({ ip }) => ip))}; git lists none, so all of them stay`,
    );
}

/** Outgoing addresses are not for reaching the app: no list of git's is about them. */
function readAddress(address: IpAssignment): LiveAddress[] {
  const type = addressType(address);
  if (type === undefined) return [];
  const known = (text: string | null | undefined): string | undefined =>
    text === undefined || text === null || text === '' || text === 'global' ? undefined : text;
  return [
    {
      ip: address.ip,
      type,
      region: known(address.region),
      network: known(address.network?.name),
      org: known(address.network?.org_slug),
      createdAt: known(address.created_at),
    },
  ];
}

/**
 * Fly's list may leave `type` out; then the address itself tells. Flycast addresses start with fdaa:. undefined: it is for
 * going out.
 */
export function addressType(address: IpAssignment): AddressType | undefined {
  if (address.egress === true || (address.type ?? '').startsWith('egress')) return undefined;
  if (address.shared === true) return 'shared_v4';
  if (!address.ip.includes(':')) return 'v4';
  return address.ip.toLowerCase().startsWith('fdaa:') ? 'private_v6' : 'v6';
}

/**
 * flyctl's choice for a first deploy: v6 and a shared v4; a dedicated v4 where a port is not plain web (Fly shares a v4
 * by host name, which only HTTP and TLS carry), and no v6 for udp, which Fly does not serve there.
 */
function defaultTypes(input: PlanAppInput): readonly AddressType[] {
  const services = input.desired.groups.flatMap((group) => group.config.services ?? []);
  if (services.length === 0) return [];
  const plain = services.every((service) => (service.ports ?? []).every((port) => isPlainWeb(port)));
  if (plain && services.every((service) => service.protocol !== 'udp')) return ['v6', 'shared_v4'];
  return services.some((service) => service.protocol === 'udp') ? ['v4'] : ['v6', 'v4'];
}

function isPlainWeb(port: MachinePort): boolean {
  const handlers = [...new Set(port.handlers ?? [])].toSorted().join(' ');
  if (port.port === 80) return handlers === 'http';
  return port.port === 443 && handlers === 'http tls';
}

function typeWanted(address: DesiredAddress): AddressType {
  if (address.version === 'v4') return address.shared ? 'shared_v4' : 'v4';
  return address.private ? 'private_v6' : 'v6';
}

function planListed(input: PlanAppInput, live: readonly LiveAddress[], ips: readonly DesiredAddress[]): KindPlan {
  const free = [...live];
  const missing: Missing[] = [];
  const seen = new Map<string, number>();
  // Those that name the most choose first, so that one which would take any does not take theirs.
  const choosy = ips.toSorted((a, b) => named(b) - named(a));
  for (const wanted of choosy) {
    const request = requestOf(wanted);
    const key = targetKey(request);
    const number = (seen.get(key) ?? 0) + 1;
    seen.set(key, number);
    const found = bestMatch(free, wanted, input.memory.made);
    if (found === undefined) missing.push({ request, number });
    else free.splice(free.indexOf(found), 1);
  }
  const allocated = allocate(input, live, { missing, because: 'git lists it, Fly lacks it' });
  const { desired } = input;
  if (free.length === 0) return allocated;
  if (!desired.network.autoPruneIps && !desired.policy.prune.includes('addresses')) {
    const note = `git does not list ${list(free.map((address) => address.ip))}; left alone`;
    return { ...allocated, notes: [note] };
  }
  const staying = live.filter((address) => !free.includes(address)).map(({ ip }) => ip);
  const releases = free.map((address) => releaseStep(desired.name, address, staying));
  return { ...allocated, steps: [...allocated.steps, ...releases] };
}

function named(address: DesiredAddress): number {
  return [address.region, address.network, address.org].filter((value) => value !== undefined).length;
}

/**
 * What git leaves open matches anything: an address that Fly describes more closely must not be bought again. Of equals the
 * senior one is git's, since others point at it.
 */
function bestMatch(
  free: readonly LiveAddress[],
  wanted: DesiredAddress,
  made: readonly string[],
): LiveAddress | undefined {
  const type = typeWanted(wanted);
  const fits = free.filter(
    (address) =>
      address.type === type &&
      (wanted.region === undefined || address.region === wanted.region) &&
      (wanted.network === undefined || address.network === wanted.network) &&
      (wanted.org === undefined || address.org === undefined || address.org === wanted.org),
  );
  const surplus = (address: LiveAddress): number =>
    Number(wanted.region === undefined && address.region !== undefined) +
    Number(wanted.network === undefined && address.network !== undefined);
  const senior = bySeniority(made);
  const equal = ({ ip, createdAt }: LiveAddress): Equal => ({ id: ip, createdAt });
  return fits.toSorted((a, b) => surplus(a) - surplus(b) || senior(equal(a), equal(b)))[0];
}

function requestOf(wanted: DesiredAddress): IpAssignmentRequest {
  const request: IpAssignmentRequest = { type: typeWanted(wanted) };
  if (wanted.region !== undefined) request.region = wanted.region;
  if (wanted.network !== undefined) request.network = wanted.network;
  if (wanted.org !== undefined) request.org_slug = wanted.org;
  return request;
}

interface Missing {
  readonly request: IpAssignmentRequest;
  /** Which of several alike, from 1. */
  readonly number: number;
}

function targetKey(request: IpAssignmentRequest): string {
  return [request.type, request.region, request.network, request.org_slug]
    .filter((part) => part !== undefined)
    .join('/');
}

function allocate(
  input: PlanAppInput,
  live: readonly LiveAddress[],
  { missing, because }: { readonly missing: readonly Missing[]; readonly because: string },
): KindPlan {
  const app = input.desired.name;
  const counts = new Map<AddressType, number>();
  for (const { type } of live) counts.set(type, (counts.get(type) ?? 0) + 1);
  const steps: AddressStep[] = [];
  const holds: Hold[] = [];
  for (const { request, number } of missing) {
    const target = `${app}/${targetKey(request)}${number > 1 ? `#${number}` : ''}`;
    // Fly charges for each dedicated v4; everything else is free.
    const risk: Risk = request.type === 'v4' ? 'costs' : 'safe';
    const changes = [{ path: 'type', from: undefined, to: request.type }];
    const there = counts.get(request.type) ?? 0;
    counts.set(request.type, there + 1);
    const step: AddressStep = { kind: 'address.allocate', app, target, because, risk, changes, request, there };
    const listed = live.filter(({ type }) => type === request.type).map(({ ip }) => ip);
    const unclear = unclearIntent(input, step, listed);
    if (unclear === undefined) steps.push(step);
    else holds.push(holdOf(app, { ...unclear, steps: [step] }));
  }
  return { steps, holds, notes: [] };
}

/** A dedicated v4 is lost for ever: it stands in people's DNS and firewalls. */
function releaseStep(app: string, address: LiveAddress, staying: readonly string[]): AddressStep {
  return {
    kind: 'address.release',
    app,
    target: `${app}/${address.ip}`,
    because: 'git no longer lists it',
    risk: address.type === 'v4' ? 'destructive' : 'safe',
    changes: [{ path: 'type', from: address.type, to: undefined }],
    address: address.ip,
    staying,
  };
}
