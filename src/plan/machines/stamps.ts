/** What FlyCD writes on a machine beside its config: stamps in the metadata, versions in the env. */
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { namedFields, noLongerNamed } from '../../flyconfig/live/named.ts';
import { guestOver } from '../../flyconfig/sections/guest.ts';
import { overlay } from '../../flyconfig/live/overlay.ts';
import type { DesiredApp, DesiredGroup } from '../../model/desired.ts';
import { hashOf } from '../../model/base/json.ts';
import { formatSent, type Sent } from '../../model/stamps/stamps.ts';
import { isUnnamedCopy } from '../../model/stamps/foreign.ts';
import { formatSlot, type Slot } from '../../model/stamps/slot.ts';
import { ownerStamps } from '../../model/stamps/owner.ts';
import { flyctlKeys, flyctlMetadata, isVersionEnv, stampKeys } from '../../model/stamps/keys.ts';
import type { StampInput, GroupScope } from '../types.ts';

export function sentOf(group: DesiredGroup, image: string): Sent {
  return { config: group.configVersion, image: hashOf(image) };
}

/** Stamps that are known before a write; the others are read back after it. */
function stampsOf(stamp: StampInput): Record<string, string> {
  const { desired, group, slot, image, built, regions, secretsStamp, standing } = stamp;
  const named = namedFields(group.config);
  return {
    [stampKeys.app]: desired.name,
    [stampKeys.slot]: formatSlot(slot),
    [stampKeys.sent]: formatSent(sentOf(group, image)),
    [stampKeys.inputs]: desired.inputs,
    ...flyctlMetadata(group.name),
    ...standing,
    ...(typeof regions === 'string' ? { [stampKeys.regions]: regions } : {}),
    ...(built === undefined ? {} : { [stampKeys.built]: built }),
    ...(named.length > 0 ? { [stampKeys.named]: JSON.stringify(named) } : {}),
    ...(typeof secretsStamp === 'string' ? { [stampKeys.secrets]: secretsStamp } : {}),
  };
}

/** Of the machine as it was before: written or read back anew with each write. */
const clearedStamps = [
  stampKeys.read,
  stampKeys.kept,
  stampKeys.launch,
  stampKeys.machine,
  stampKeys.named,
  stampKeys.unproven,
  stampKeys.begun,
  stampKeys.leaving,
] as const;

/**
 * The whole config to send: desired laid over live, image, versions and stamps. Without a live machine, what a new one
 * gets; `sibling` is a machine of the group whose size a new one takes where git names none, as `fly scale count` does.
 */
export function configToSend(
  stamp: StampInput,
  live: MachineConfig | undefined,
  sibling: MachineConfig | undefined,
): MachineConfig {
  const { group, desired, image, command } = stamp;
  const size = guestOver(group.config.guest, live === undefined ? (sibling?.guest ?? group.newGuest) : undefined);
  const wanted = size === undefined ? group.config : { ...group.config, guest: size };
  const base = overlay({ ...wanted, image }, live);
  const metadata = { ...base.metadata };
  for (const key of clearedStamps) delete metadata[key];
  if (image !== live?.image) delete metadata[stampKeys.built];
  if (stamp.secretsStamp === null) delete metadata[stampKeys.secrets];
  if (stamp.regions === null) delete metadata[stampKeys.regions];
  const env = Object.entries(base.env ?? {}).filter(([name]) => !isVersionEnv(name));
  return {
    ...base,
    image,
    env: { ...Object.fromEntries(env), ...versionEnv(desired, group) },
    metadata: withoutNulls({
      ...metadata,
      ...ownerStamps(stamp.fleet, metadata),
      ...stampsOf(stamp),
      ...(command === undefined ? {} : { [stampKeys.command]: command }),
    }),
  };
}

function withoutNulls(metadata: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter((entry): entry is [string, string] => entry[1] !== null));
}

/** Says which version runs, from Fly itself. v0's names; outside every diff and hash. */
function versionEnv(desired: DesiredApp, group: DesiredGroup): Record<string, string> {
  const env: Record<string, string> = {
    FLYCD_CONFIG_VERSION: `c1:${group.configVersion}`,
    FLYCD_APP_SOURCE_TYPE: desired.source.type,
  };
  if (desired.appVersion !== undefined) env['FLYCD_APP_VERSION'] = desired.appVersion;
  const { source } = desired;
  if (source.type === 'local' && source.path !== '') env['FLYCD_APP_SOURCE_PATH'] = source.path;
  if (source.type !== 'git') return env;
  env['FLYCD_APP_SOURCE_REPO'] = withoutCredentials(source.repo);
  if (source.path !== '') env['FLYCD_APP_SOURCE_PATH'] = source.path;
  if (source.commit !== undefined) env['FLYCD_APP_SOURCE_REF_COMMIT'] = source.commit;
  const tag = /^refs\/tags\/(.+)$/.exec(source.ref)?.[1];
  if (tag !== undefined) env['FLYCD_APP_SOURCE_REF_TAG'] = tag;
  else if (source.ref !== 'HEAD' && source.ref !== source.commit) {
    env['FLYCD_APP_SOURCE_REF_BRANCH'] = source.ref.replace(/^refs\/heads\//, '');
  }
  return env;
}

/** Also without query and fragment: some hosts take tokens there. */
function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1').replace(/[?#].*$/s, '');
}

/** The stamps that a machine with this live config should carry and does not; null takes one away. */
export function missingStamps(
  stamp: StampInput,
  machine: {
    readonly id: string;
    readonly metadata: Readonly<Record<string, string>>;
    readonly read: string;
    readonly sent: Sent;
  },
): Record<string, string | null> {
  const wanted: Record<string, string | null> = {
    ...ownerStamps(stamp.fleet, machine.metadata),
    ...stampsOf(stamp),
    [stampKeys.sent]: formatSent(machine.sent),
    [stampKeys.read]: machine.read,
    [stampKeys.machine]: machine.id,
  };
  const release = machine.metadata[flyctlKeys.releaseId];
  if (release !== undefined) wanted[stampKeys.release] = release;
  const patch: Record<string, string | null> = {};
  // Once it is stamped as this app's, what another app's stamps say would be read as its own.
  if (isAnothersOrUnnamed(stamp.desired.name, machine)) {
    const none = Object.fromEntries(Object.values(stampKeys).map((key) => [key, null]));
    return { ...none, [stampKeys.origin]: machine.metadata[stampKeys.origin] ?? null, ...wanted };
  }
  for (const [key, value] of Object.entries(wanted)) if ((machine.metadata[key] ?? null) !== value) patch[key] = value;
  if (release === undefined && machine.metadata[stampKeys.release] !== undefined) patch[stampKeys.release] = null;
  if (stamp.secretsStamp === null && machine.metadata[stampKeys.secrets] !== undefined) patch[stampKeys.secrets] = null;
  if (stamp.regions === null && machine.metadata[stampKeys.regions] !== undefined) patch[stampKeys.regions] = null;
  if (wanted[stampKeys.named] === undefined && machine.metadata[stampKeys.named] !== undefined)
    patch[stampKeys.named] = null;
  return patch;
}

/** true: what it carries may be of another app, also what the client leaves out. */
function isAnothersOrUnnamed(
  app: string,
  { id, metadata }: { readonly id: string; readonly metadata: Readonly<Record<string, string>> },
): boolean {
  const about = metadata[stampKeys.app];
  return about === undefined ? isUnnamedCopy(id, metadata) : about !== app;
}

/** Metadata that git names, as the machine lacks it; null takes away what git named once. Needs no restart. */
export function missingMetadata(
  group: DesiredGroup,
  live: Readonly<Record<string, string>>,
): Readonly<Record<string, string | null>> {
  const gone = noLongerNamed(group.config, live[stampKeys.named]).metadata.filter((key) => live[key] !== undefined);
  const wanted = Object.entries(group.config.metadata ?? {}).filter(([key, value]) => live[key] !== value);
  return { ...Object.fromEntries(wanted), ...Object.fromEntries(gone.map((key) => [key, null])) };
}

export function stampInput(scope: GroupScope, slot: Slot, image: string): StampInput {
  const { desired, group, secretsStamp, standing, command } = scope;
  const built = scope.image.state === 'known' ? scope.image.built : undefined;
  const regions = scope.wanted.regions?.there ?? null;
  return { desired, group, fleet: scope.input.fleet, slot, image, built, regions, secretsStamp, standing, command };
}
