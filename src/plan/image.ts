/** Which image an app's machines should run, and how it is written when it is sent. */
import type { Machine, MachineConfig } from '../../schemas/fly/machine.ts';
import { imageMatches, parseImage, pinned } from '../flyconfig/image.ts';
import type { DesiredApp } from '../model/desired.ts';
import type { Member } from './census.ts';

export interface KnownImage {
  readonly state: 'known';
  /** As it is sent: with its digest wherever somebody knows it. */
  readonly ref: string;
  matches(machine: Machine, live: MachineConfig): boolean;
}

export type WantedImage = KnownImage | { readonly state: 'unbuilt'; readonly because: string };

export function wantedImage(desired: DesiredApp, members: readonly Member[]): WantedImage {
  const { image } = desired;
  if (image.kind === 'build') return builtImage(desired, members);
  const digest = image.digest ?? parseImage(image.ref).digest;
  const wanted = { ref: image.ref, digest };
  const known = digest ?? siblingDigest(image.ref, members);
  return {
    state: 'known',
    ref: known === undefined ? image.ref : pinned(image.ref, known),
    matches: (machine, live) => imageMatches(wanted, { image: live.image, imageRef: machine.image_ref }),
  };
}

/**
 * Where no registry could be asked: what the tag meant to the machine that took it up last. All machines then run one
 * image, even when the tag has moved in between.
 */
function siblingDigest(ref: string, members: readonly Member[]): string | undefined {
  return members
    .filter(({ live, machine }) =>
      imageMatches({ ref, digest: undefined }, { image: live?.image, imageRef: machine.image_ref }),
    )
    .toSorted((a, b) => ((a.machine.instance_id ?? '') < (b.machine.instance_id ?? '') ? 1 : -1))
    .map(({ live, machine }) => machine.image_ref?.digest ?? parseImage(live?.image ?? '').digest)
    .find((digest) => digest !== undefined);
}

/** A machine that carries the app version was built from it: its image is the wanted one. */
function builtImage(desired: DesiredApp, members: readonly Member[]): WantedImage {
  const { appVersion } = desired;
  if (appVersion === undefined) {
    return { state: 'unbuilt', because: 'its source could not be read, so nobody knows which version is wanted' };
  }
  const carrier = members
    .filter(({ live }) => live?.image !== undefined && carriesVersion(desired, appVersion, live))
    .toSorted((a, b) => (a.machine.id < b.machine.id ? -1 : 1))[0];
  const ref = carrier?.live?.image;
  if (carrier === undefined || ref === undefined) {
    return { state: 'unbuilt', because: `${appVersion} has to be built, and there is no builder yet` };
  }
  const digest = parseImage(ref).digest ?? carrier.machine.image_ref?.digest;
  return {
    state: 'known',
    ref: digest === undefined ? ref : pinned(ref, digest),
    matches: (machine, live) =>
      carriesVersion(desired, appVersion, live) ||
      imageMatches({ ref, digest }, { image: live.image, imageRef: machine.image_ref }),
  };
}

/** v0 wrote a bare commit, whatever path of the repo the app was built from. */
function carriesVersion(desired: DesiredApp, appVersion: string, live: MachineConfig): boolean {
  const written = live.env?.['FLYCD_APP_VERSION'];
  if (written === undefined) return false;
  if (written === appVersion || `git:${written}` === appVersion) return true;
  return desired.source.type === 'git' && desired.source.commit !== undefined && written === desired.source.commit;
}
