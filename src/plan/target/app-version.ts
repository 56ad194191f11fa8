/** What git wants of an app as a version: the config of all its groups, and the image. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import { parseImage } from '../../flyconfig/sections/image.ts';
import type { DesiredApp } from '../../model/desired.ts';
import { hashOf } from '../../model/base/json.ts';
import type { AppVersion } from '../../model/stamps/app-version.ts';
import type { FleetOwner } from '../../model/stamps/owner.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { classifyMachines } from '../classify/machines.ts';
import { wantedImage } from '../kinds/image.ts';
import type { GroupMachine } from '../types.ts';

export interface TargetScope {
  /** What git wants. */
  readonly desired: DesiredApp;
  readonly machines: readonly Machine[];
  readonly fleet: FleetOwner;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds that Fly's clock is ahead of ours. */
  readonly aheadMs: number;
}

/** What git's wish is as a version. */
export function versionOf(scope: TargetScope): AppVersion {
  return versionAmong(scope.desired, membersOf(scope));
}

function membersOf(scope: TargetScope): readonly GroupMachine[] {
  return classifyMachines({ ...scope, releases: undefined }).members;
}

function versionAmong(desired: DesiredApp, members: readonly GroupMachine[]): AppVersion {
  const image = wantedImage(desired, members, {}, false);
  const digest = image.state === 'known' ? parseImage(image.ref).digest : undefined;
  return {
    config: appConfigVersion(desired),
    digest: digest !== undefined && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : '',
    image: hashOf(imageName(desired)),
  };
}

/** As git writes it; of a build what it is built from. */
function imageName({ image, appVersion }: DesiredApp): string {
  return image.kind === 'reference' ? image.ref : (image.build?.key ?? appVersion ?? '');
}

/** Of all its groups: moves when any group's does, or a group comes or goes. */
export function appConfigVersion({ groups }: Pick<DesiredApp, 'groups'>): string {
  return hashOf(Object.fromEntries(groups.map((group) => [group.name, group.configVersion])));
}

/**
 * The version that all of the app's machines carry and were seen healthy with, where that is the one wanted. undefined: a
 * machine has not got it yet or has yet to be seen healthy, or there is none.
 */
export function reachedVersion(scope: TargetScope): AppVersion | undefined {
  const { desired } = scope;
  const members = membersOf(scope);
  const image = wantedImage(desired, members, {}, false);
  if (members.length === 0 || image.state !== 'known') return undefined;
  const versions = new Map(desired.groups.map((group) => [group.name, group.configVersion]));
  const reached = members.every(({ group, live, sent, metadata, machine }) => {
    if (live === undefined || sent?.config !== versions.get(group)) return false;
    return metadata[stampKeys.unproven] === undefined && image.matches(machine, live);
  });
  return reached ? versionAmong(desired, members) : undefined;
}
