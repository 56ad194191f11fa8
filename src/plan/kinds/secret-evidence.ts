/** What is known of the values that Fly has: the stamps of all our machines and SQLite, put together. */
import type { AppSecret } from '../../../schemas/fly/app.ts';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { hashOf } from '../../model/base/json.ts';
import type { Memory } from '../../model/standing/memory.ts';
import type { SecretEvidence } from '../../model/stamps/secrets-stamp.ts';
import { formatSecrets, parseSecrets, type StampedEvidence } from '../../model/stamps/secrets-stamp.ts';
import { isOwn, type FleetOwner } from '../../model/stamps/owner.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import type { PlanAppInput, KnownEvidence } from '../types.ts';
import { plural } from '../../model/base/text.ts';
import { isGone, metadataOf } from '../classify/machine-state.ts';

/**
 * Whose evidence holds is for Fly's digest to say: a machine that missed a stamp, a clone, a laptop's old database tell of
 * values that Fly no longer has. Only where Fly has what nobody tells of, the stamp that most machines carry stays, so that
 * a change by hand is known as one; SQLite is asked last.
 */
export function knownEvidence({
  observed,
  memory,
  fleet,
}: Pick<PlanAppInput, 'observed' | 'memory' | 'fleet'>): KnownEvidence {
  const machines = observed.machines.status === 'read' ? observed.machines.value : [];
  const isOwn = ({ keyId }: SecretEvidence): boolean => keyId === memory.keyId && keyId !== '';
  const stamps = stampsOf(machines, fleet);
  const told = [...stamps, ...remembered(memory).filter(isOwn)];
  const known = {
    candidates: Map.groupBy(told.filter(isOwn), ({ name }) => name),
    ours: new Set([...stamps.map(({ name }) => name), ...Object.keys(memory.evidence)]),
  };
  if (observed.machines.status === 'unread' || observed.secrets.status === 'unread') {
    return { ...known, stamped: undefined, learnt: [] };
  }
  const live = new Map(observed.secrets.value.map((secret) => [secret.name, secret]));
  const groups = Map.groupBy(told, ({ keyId, name }) => JSON.stringify([keyId, name]));
  const stamped = [...groups.values()].flatMap((group) => chosen(group, live));
  const learnt = stamped.filter((entry) => isNews(memory, entry) && isLive(entry, live.get(entry.name)));
  return { ...known, stamped, learnt };
}

/** Each evidence once, that of most machines first. */
function stampsOf(machines: readonly Machine[], fleet: FleetOwner): readonly StampedEvidence[] {
  const texts = new Map<string, number>();
  for (const machine of machines) {
    const metadata = metadataOf(machine);
    const text = metadata[stampKeys.secrets];
    if (text === undefined || !isOwn(metadata, fleet) || isGone(machine)) continue;
    texts.set(text, (texts.get(text) ?? 0) + 1);
  }
  const counted = new Map<string, { readonly entry: StampedEvidence; count: number }>();
  for (const [text, count] of texts) {
    for (const entry of parseSecrets(text)) {
      const key = JSON.stringify([entry.name, entry.keyId, entry.mark, entry.digest]);
      const before = counted.get(key);
      if (before === undefined) counted.set(key, { entry, count });
      else before.count += count;
    }
  }
  return [...counted]
    .toSorted(([a, { count: most }], [b, { count }]) => count - most || (a < b ? -1 : 1))
    .map(([, { entry }]) => entry);
}

function remembered(memory: Memory): readonly StampedEvidence[] {
  return Object.entries(memory.evidence).map(([name, evidence]) => ({ ...evidence, name }));
}

/**
 * What was set here stays in SQLite while its value is still the one here: where another FlyCD has set a newer one since, it
 * tells that this value is the older one.
 */
function isNews(memory: Memory, entry: StampedEvidence): boolean {
  if (entry.keyId !== memory.keyId) return false;
  const own = ownEvidence(memory, entry.name);
  if (own?.keyId !== memory.keyId) return true;
  const current = memory.currentMarks[entry.name];
  const same = own.mark === entry.mark && own.digest === entry.digest;
  return !same && (current === undefined || entry.mark === current || own.mark !== current);
}

export function ownEvidence(memory: Memory, name: string): SecretEvidence | undefined {
  return Object.hasOwn(memory.evidence, name) ? memory.evidence[name] : undefined;
}

/** Of one key's evidence for one secret: nothing of a secret that Fly has no more, nor of a set whose answer is not known. */
function chosen(group: readonly StampedEvidence[], live: ReadonlyMap<string, AppSecret>): readonly StampedEvidence[] {
  const secret = live.get(group[0]?.name ?? '');
  if (secret === undefined) return [];
  const answered = group.filter(({ digest }) => digest !== '');
  const found = answered.find((entry) => isLive(entry, secret)) ?? answered[0];
  return found === undefined ? [] : [found];
}

export function isLive(evidence: SecretEvidence, secret: AppSecret | undefined): boolean {
  return evidence.digest !== '' && evidence.digest === secret?.digest;
}

/** The stamp's text; null: none is due; undefined: nobody knows. */
export function secretsStampText(stamped: readonly StampedEvidence[] | undefined): string | null | undefined {
  return stamped === undefined ? undefined : (formatSecrets(stamped).text ?? null);
}

/** Enough to see by eye that two stamps differ. */
const shownDigits = 8;

/** For a person: how much a stamp tells, never what. Marks stay out of plans, which may end up where anybody reads them. */
export function shownStamp(key: string, value: string | null | undefined): string | undefined {
  if (value === null || value === undefined || key !== stampKeys.secrets) return value ?? undefined;
  const names = new Set(parseSecrets(value).map(({ name }) => name));
  return `evidence of ${plural(names.size, 'secret')} (${hashOf(value).slice(0, shownDigits)})`;
}
