/** One machine against what git wants: in sync, to be stamped, or to be updated, and why. */
import { fieldChanges, withoutKept } from '../../flyconfig/live/changes.ts';
import { parseImage } from '../../flyconfig/sections/image.ts';
import { overlay } from '../../flyconfig/live/overlay.ts';
import { readHash } from '../../flyconfig/live/version.ts';
import { hashOf } from '../../model/base/json.ts';
import type { DesiredApp, DesiredGroup } from '../../model/desired.ts';
import type { FieldChange } from '../../model/plan.ts';
import type { StandingTexts } from '../../model/standing/standing.ts';
import { areInputsSame, tellsOfInputs } from '../../model/stamps/input-stamps.ts';
import { formatRead, type Sent } from '../../model/stamps/stamps.ts';
import type { Slot } from '../../model/stamps/slot.ts';
import type { FleetOwner } from '../../model/stamps/owner.ts';
import { flyctlKeys, stampKeys } from '../../model/stamps/keys.ts';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { GroupMachine, KnownImage } from '../types.ts';
import { isByHand } from '../classify/hand-made.ts';
import { versionMadeAt } from '../classify/machine-history.ts';
import { isAtRest } from '../classify/machine-state.ts';
import { isUnresolved } from '../kinds/image.ts';
import { missingMetadata, missingStamps, sentOf } from './stamps.ts';

export interface CompareInput {
  readonly desired: DesiredApp;
  readonly group: DesiredGroup;
  readonly fleet: FleetOwner;
  readonly member: GroupMachine;
  readonly live: MachineConfig;
  readonly slot: Slot;
  /** undefined: it has to be built first, so the machine cannot run it. */
  readonly image: KnownImage | undefined;
  /** What an unstamped machine's difference means: drift in an app that is ours and up to date, else a change. */
  readonly unstamped: 'change' | 'drift';
  readonly secretsStamp: string | null | undefined;
  readonly standing: StandingTexts;
  readonly regions: string | null;
  /** true: metadata that somebody changed on Fly is put right. */
  readonly healsMetadata: boolean;
}

export interface Comparison {
  /** Empty: in sync, or stamps are all it needs. */
  readonly changes: readonly FieldChange[];
  readonly reason: 'change' | 'drift';
  /** true: this machine has been brought to what git wants, whatever became of it since. */
  readonly carries: boolean;
  /** Stamps to write where nothing changes, and metadata that git names. */
  readonly stamps: Readonly<Record<string, string | null>>;
  /** Keys of the metadata among the stamps. */
  readonly metadata: readonly string[];
  /**
   * Somebody used flyctl on the machine since our last write; its release's number where known. `deployed`: the machine may have
   * another image or config for it, which one that only restarted it, as `fly secrets set` does, has not.
   */
  readonly flyctl: { readonly release: string | undefined; readonly deployed: boolean } | undefined;
  /** true: live moved since our last write, in what git names or not. */
  readonly moved: boolean;
  readonly kept: readonly string[];
  /** FlyCD made it and was killed before it started it. */
  readonly unlaunched: boolean;
  /** This FlyCD maps the same inputs differently than the one that wrote last. */
  readonly remapped: boolean;
  /** Whether these are the same inputs nobody knows: its stamp is of another scheme. */
  readonly unknownInputs: boolean;
}

export function compareMachine(input: CompareInput): Comparison {
  const { desired, group, member, live, image } = input;
  const { metadata, sent } = member;
  const unlaunched = isUnlaunched(input);
  const isPinned = image !== undefined && parseImage(image.ref).digest !== undefined;
  const imageMatches = !(unlaunched && isPinned) && (image?.matches(member.machine, live) ?? false);
  // A bare tag may mean another image than it did.
  const isSameImage = imageMatches || parseImage(live.image ?? '').digest !== undefined;
  const wasSent = sent !== undefined && sent.config === group.configVersion;
  const read = formatRead(readHash(live));
  const moved = metadata[stampKeys.read] !== undefined && metadata[stampKeys.read] !== read;
  // What the platform kept of an earlier wish says nothing about a new one.
  const kept = wasSent ? keptPaths(metadata[stampKeys.kept]) : [];
  const inSync = wasSent && imageMatches && metadata[stampKeys.read] === read;
  const fields = inSync ? [] : withoutKept(fieldChanges(live, overlaid(group, live)), kept);
  const changes = imageMatches ? fields : [...fields, imageChange(input)];
  const wantedImage = image === undefined ? undefined : hashOf(image.ref);
  const reached = wasSent && (imageMatches || sent.image === wantedImage);
  const sameInputs = areInputsSame(metadata[stampKeys.inputs], desired.inputs);
  const reason = reasonOf(input, { wasSent, reached, sameInputs });
  const writesMetadata = reason === 'change' || input.healsMetadata;
  const named = writesMetadata ? missingMetadata(group, live.metadata ?? {}) : {};
  return {
    changes,
    reason,
    carries: reached || changes.length === 0,
    stamps: { ...stampsOf(input, readAfter(live, named), wasSent && imageMatches ? sent : undefined), ...named },
    metadata: Object.keys(named),
    flyctl: isByHand(metadata)
      ? { release: metadata[flyctlKeys.releaseVersion], deployed: metadata[stampKeys.read] !== read || !isSameImage }
      : undefined,
    moved,
    kept: kept.length > 0 ? kept : [],
    unlaunched,
    remapped: reason === 'change' && sent !== undefined && sameInputs,
    unknownInputs: !tellsOfInputs(metadata[stampKeys.inputs], desired.inputs),
  };
}

/**
 * Made, or updated at rest, with a bare tag by a FlyCD that was killed before it sent the digest, which is when it starts the
 * machine. Nothing has run there in this version, so that nothing is restarted for it.
 */
function isUnlaunched({ member: { machine, metadata }, live }: CompareInput): boolean {
  const isBare = parseImage(live.image ?? '').digest === undefined;
  if (!isBare || metadata[stampKeys.unproven] === undefined || !isAtRest(machine)) return false;
  const since = versionMadeAt(machine) ?? 0;
  return !(machine.events ?? []).some(({ type, timestamp = 0 }) => type === 'start' && timestamp >= since);
}

/** What an update would make of the machine; metadata is written without one. */
function overlaid(group: DesiredGroup, live: MachineConfig): MachineConfig {
  return { ...overlay(group.config, live), metadata: live.metadata };
}

/** What the machine reads as once the metadata is written. */
function readAfter(live: MachineConfig, written: Readonly<Record<string, string | null>>): string {
  const metadata = { ...live.metadata, ...written };
  const left = Object.entries(metadata).filter((entry): entry is [string, string] => entry[1] !== null);
  return formatRead(readHash({ ...live, metadata: Object.fromEntries(left) }));
}

function stampsOf(input: CompareInput, read: string, sent: Sent | undefined): Readonly<Record<string, string | null>> {
  const { desired, group, fleet, slot, member, live, secretsStamp, standing } = input;
  const image = live.image ?? '';
  const known = { id: member.machine.id, metadata: member.metadata, read, sent: sent ?? sentOf(group, image) };
  const { [stampKeys.inputs]: inputs, ...others } = missingStamps(
    { desired, group, fleet, slot, image, built: input.image?.built, regions: input.regions, secretsStamp, standing },
    known,
  );
  // Inputs hold the image's digest: while no registry answers they are not git's last word, and would only be stamped
  // back a pass later.
  return inputs === undefined ||
    (isUnresolved(desired.image) && tellsOfInputs(member.metadata[stampKeys.inputs], desired.inputs))
    ? others
    : { ...others, [stampKeys.inputs]: inputs };
}

/** drift: git is where our last write was, live is not. change: git moved, or we never wrote. */
function reasonOf(
  input: CompareInput,
  facts: { readonly wasSent: boolean; readonly reached: boolean; readonly sameInputs: boolean },
): 'change' | 'drift' {
  const { sent } = input.member;
  if (sent === undefined) return input.unstamped;
  if (!facts.wasSent) return 'change';
  if (facts.reached) return 'drift';
  // The reference that was sent is known by its hash alone. Where git's inputs are the same, and live runs another
  // reference than the one sent, it was live that moved.
  const liveMoved = hashOf(input.live.image ?? '') !== sent.image;
  return facts.sameInputs && liveMoved ? 'drift' : 'change';
}

function imageChange(input: CompareInput): FieldChange {
  const to = input.image?.ref ?? input.desired.appVersion ?? 'a build of the source';
  return { path: 'image', from: input.live.image, to };
}

/** A stamp that is no list of paths keeps nothing. */
function keptPaths(stamp: string | undefined): readonly string[] {
  if (stamp === undefined) return [];
  try {
    const value: unknown = JSON.parse(stamp);
    return Array.isArray(value) ? value.filter((path): path is string => typeof path === 'string') : [];
  } catch {
    return [];
  }
}
