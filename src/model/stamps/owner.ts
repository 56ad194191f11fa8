/** Whose a machine is: the fleet it was stamped with, and for fleets that nobody named the repo it was stamped from. */
import { stampKeys } from './keys.ts';
import { compareOrigins, formatOrigin, mergeOrigins, namedMark, parseOrigin, type Origin } from './origin.ts';
import { isFrom, type Predecessor } from './predecessor.ts';

type Metadata = Readonly<Record<string, string>>;

/** A fleet as an owner. */
export interface FleetOwner {
  readonly name: string;
  /** The name it would have if nobody had written one; undefined: nobody has. */
  readonly unwritten?: string | undefined;
  /** undefined: not known, as of a folder outside of git. */
  readonly origin?: Origin | undefined;
  /** A person's word: machines of this one are ours from now on. */
  readonly from?: Predecessor | undefined;
}

/** The owner of a machine that is not ours. */
export interface OtherOwner {
  readonly fleet: string;
  /** Of a fleet that nobody named. */
  readonly origin: Origin | undefined;
}

/**
 * true: the machine is this fleet's. Between fleets that nobody named the origin decides, where both are known. A machine
 * from before the fleet's name was written is this fleet's still: by its origin, or without one by the name it had. A fleet
 * that has a name leaves a mark in the place of an origin, so that its machines are never mistaken for such.
 */
export function isOwn(metadata: Metadata, owner: FleetOwner): boolean {
  const name = metadata[stampKeys.fleet] ?? '';
  if (name === '') return false;
  if (isFrom(metadata, owner)) return true;
  if (metadata[stampKeys.origin] === namedMark) return owner.unwritten !== undefined && name === owner.name;
  const origin = parseOrigin(metadata[stampKeys.origin]);
  const how = compareOrigins(origin, owner.origin);
  if (owner.unwritten === undefined) return name === owner.name && how !== 'other';
  if (origin === undefined || how === 'unknown') return name === owner.name || name === owner.unwritten;
  return how === 'same';
}

/**
 * true: it carries the name that was written for this fleet, and no other repo's origin. What git does not name, and may be
 * destroyed for that, has to be ours beyond doubt: a name that this fleet would have unwritten may have been another's so.
 */
export function isNamedOwn(metadata: Metadata, { name, unwritten, origin: ours }: FleetOwner): boolean {
  if (metadata[stampKeys.fleet] !== name) return false;
  const text = metadata[stampKeys.origin];
  if (text === namedMark) return unwritten !== undefined;
  const origin = parseOrigin(text);
  return origin === undefined ? name !== unwritten : compareOrigins(origin, ours) === 'same';
}

/**
 * true: ours by nothing but a name that nobody wrote, or of which nobody knows whether somebody did; from which repo, nobody
 * knows. A folder outside of git whose fleet nobody named has no more than that to know its machines by.
 */
export function isPresumed(metadata: Metadata, owner: FleetOwner): boolean {
  const { name, unwritten, origin: ours } = owner;
  if (!isOwn(metadata, owner) || isFrom(metadata, owner)) return false;
  const text = metadata[stampKeys.origin];
  if (unwritten === undefined) return text === undefined && ours !== undefined;
  if (text === namedMark || (metadata[stampKeys.fleet] === name && name !== unwritten)) return false;
  return compareOrigins(parseOrigin(text), ours) === 'unknown';
}

/** undefined: ours, or nobody's. */
export function otherOwner(metadata: Metadata, owner: FleetOwner): OtherOwner | undefined {
  const fleet = metadata[stampKeys.fleet] ?? '';
  if (fleet === '' || isOwn(metadata, owner)) return undefined;
  return { fleet, origin: parseOrigin(metadata[stampKeys.origin]) };
}

/** true: one owner, as far as anybody can tell. */
export function isSameOwner(one: OtherOwner, other: OtherOwner | undefined): boolean {
  return one.fleet === other?.fleet && compareOrigins(one.origin, other.origin) !== 'other';
}

/**
 * What says that a machine is ours, over what it carries. Of what one of two clones of a repo does not know
 * (a shallow one no root, one without a remote no address) the other's word stays, or they would take turns for ever. null: what
 * says otherwise is taken away.
 */
export function ownerStamps(owner: FleetOwner, metadata: Metadata): Readonly<Record<string, string | null>> {
  const origin = originStamp(owner, metadata[stampKeys.origin]);
  return { [stampKeys.fleet]: owner.name, ...(origin === undefined ? {} : { [stampKeys.origin]: origin }) };
}

function originStamp({ unwritten, origin: ours }: FleetOwner, text: string | undefined): string | null | undefined {
  if (unwritten !== undefined) return namedMark;
  // Of a fleet that nobody named, and of which nobody knows the repo, the mark of one with a name would say that it is another's.
  if (ours === undefined) return text === namedMark ? null : undefined;
  const there = parseOrigin(text);
  if (there === undefined) return formatOrigin(ours);
  switch (compareOrigins(there, ours)) {
    case 'other':
      return formatOrigin(ours);
    case 'same':
      return formatOrigin(mergeOrigins(there, ours));
    case 'unknown':
      return undefined;
  }
}
