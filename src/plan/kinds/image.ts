/** Which image an app's machines should run, and how it is written when it is sent. */
import type { Machine, MachineConfig } from '../../../schemas/fly/machine.ts';
import { buildLabel, imageMatches, isBuildLabel, parseImage, pinned } from '../../flyconfig/sections/image.ts';
import type { DesiredApp, DesiredImage } from '../../model/desired.ts';
import type { ImageSight, ObservedApp } from '../../model/observed.ts';
import type { ImageStep } from '../../model/plan.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { formatBuilt, parseBuilt } from '../../model/stamps/input-stamps.ts';
import { v0VersionsOf, type V0Versions } from '../../model/stamps/v0-versions.ts';
import type { GroupMachine, WantedImage, KnownImage } from '../types.ts';
import { list } from '../../model/base/text.ts';
import { shellWord } from '../../model/base/shell.ts';

/** `retry`: a person wants a failed build once more. */
export function wantedImage(
  desired: DesiredApp,
  members: readonly GroupMachine[],
  seen: Pick<ObservedApp, 'image' | 'fromV0'>,
  retry: boolean,
): WantedImage {
  const { image } = desired;
  if (image.kind === 'build') {
    return carriedImage(desired, members, seen.fromV0 ?? []) ?? builtImage(desired, seen.image, retry);
  }
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
function siblingDigest(ref: string, members: readonly GroupMachine[]): string | undefined {
  return members
    .filter(({ live, machine }) =>
      imageMatches({ ref, digest: undefined }, { image: live?.image, imageRef: machine.image_ref }),
    )
    .toSorted((a, b) => ((a.machine.instance_id ?? '') < (b.machine.instance_id ?? '') ? 1 : -1))
    .map(({ live, machine }) => machine.image_ref?.digest ?? parseImage(live?.image ?? '').digest)
    .find((digest) => digest !== undefined);
}

/**
 * The image of a machine that was built from the wanted source. Of what FlyCD built the tag says so; else the app version
 * that the machine carries.
 */
function carriedImage(
  desired: DesiredApp,
  members: readonly GroupMachine[],
  fromV0: readonly V0Versions[],
): KnownImage | undefined {
  const carries = (machine: Machine, live: MachineConfig): boolean => carriesImage(desired, { machine, live, fromV0 });
  const carrier = members
    .filter(({ machine, live }) => live?.image !== undefined && carries(machine, live))
    .toSorted((a, b) => (a.machine.id < b.machine.id ? -1 : 1))[0];
  const ref = carrier?.live?.image;
  if (carrier === undefined || ref === undefined) return undefined;
  const digest = parseImage(ref).digest ?? carrier.machine.image_ref?.digest;
  return {
    state: 'known',
    ref: digest === undefined ? ref : pinned(ref, digest),
    built: builtStamp(desired, ref, digest),
    matches: (machine, live) =>
      carries(machine, live) || imageMatches({ ref, digest }, { image: live.image, imageRef: machine.image_ref }),
  };
}

const triedAgain = 'FlyCD tries again; nothing that needs the image is done until then';

function builtImage(desired: DesiredApp, sight: ImageSight | undefined, retry: boolean): WantedImage {
  const { image, appVersion, name } = desired;
  if (image.kind !== 'build' || image.build === undefined || appVersion === undefined) {
    const why = image.kind === 'build' && image.unread !== undefined ? `: ${image.unread}` : '';
    const because = `its source could not be read, so nobody knows which version is wanted${why}`;
    return { state: 'unbuilt', reason: 'build', because, next: 'FlyCD reads it again with each pass' };
  }
  if (sight === undefined) {
    return { state: 'unbuilt', reason: 'build', because: `${appVersion} has to be built`, next: triedAgain };
  }
  const { ref, found, missing, failed } = sight;
  if (found.state === 'unread') {
    const because = `the registry could not be asked for the image: ${found.reason}`;
    return { state: 'unbuilt', reason: 'unread', because, next: triedAgain };
  }
  if (found.state === 'there') {
    const wanted = { ref, digest: found.digest };
    return known(pinned(ref, found.digest), wanted, undefined);
  }
  if (found.state === 'nowhere' && missing !== undefined) {
    const because = `${appVersion} has to be built: ${missing.why}`;
    return { state: 'unbuilt', reason: 'build', because, next: missing.next };
  }
  if (found.state === 'nowhere' && failed !== undefined && !retry) {
    const next = `mend what is built, or build the same again: flycd sync --now --app ${shellWord(name)}`;
    return {
      state: 'unbuilt',
      reason: 'build',
      because: `the build of ${appVersion} failed: ${lastLine(failed)}`,
      next,
    };
  }
  const step: ImageStep = {
    kind: 'image.build',
    app: name,
    target: name,
    because: becauseOf(sight),
    risk: 'safe',
    changes: [],
    source: image.source,
    key: image.build.key,
    ref,
    from: found.state === 'elsewhere' ? found.app : undefined,
  };
  return known(ref, { ref, digest: undefined }, step);
}

function known(
  ref: string,
  wanted: { readonly ref: string; readonly digest: string | undefined },
  build: ImageStep | undefined,
): KnownImage {
  const matches: KnownImage['matches'] = (machine, live) =>
    imageMatches(wanted, { image: live.image, imageRef: machine.image_ref });
  return { state: 'known', ref, build, matches };
}

/** Where builders say what was wrong; the lines before it stand in the history. */
function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? '';
}

function becauseOf({ found, shared }: ImageSight): string {
  if (found.state === 'elsewhere') return `built already for ${found.app}, and taken from there`;
  return shared.length === 0
    ? 'git names a source, and its image is not built yet'
    : `git names a source, and its image is not built yet; one build does for ${list(shared)} too`;
}

/** What FlyCD has built says it in its tag. */
function builtStamp({ image }: DesiredApp, ref: string, digest: string | undefined): string | undefined {
  const key = image.kind === 'build' ? image.build?.key : undefined;
  if (key === undefined || digest === undefined || isBuildLabel(parseImage(ref).tag)) return undefined;
  return formatBuilt({ key, digest });
}

interface Carrier {
  readonly machine: Machine;
  readonly live: MachineConfig;
  readonly fromV0: readonly V0Versions[];
}

function carriesImage(desired: DesiredApp, { machine, live, fromV0 }: Carrier): boolean {
  const { tag, digest = machine.image_ref?.digest } = parseImage(live.image ?? '');
  const key = desired.image.kind === 'build' ? desired.image.build?.key : undefined;
  if (isBuildLabel(tag)) return key !== undefined && tag === buildLabel(key);
  const built = parseBuilt(live.metadata?.[stampKeys.built]);
  if (built !== undefined && built.digest === digest) return built.key === key;
  const written = live.env?.['FLYCD_APP_VERSION'];
  if (written !== undefined && written === desired.appVersion) return true;
  const versions = v0VersionsOf(live.env);
  if (versions !== undefined && fromV0.some((one) => one.app === versions.app && one.config === versions.config)) {
    return true;
  }
  return isTakenOver(desired, live, written);
}

/** Taken over by a FlyCD that did not yet write what an image is built from: it took the bare commit for proof. */
function isTakenOver({ source }: DesiredApp, live: MachineConfig, written: string | undefined): boolean {
  const isOurs = live.metadata?.[stampKeys.sent] !== undefined;
  return isOurs && written !== undefined && source.type === 'git' && written === source.commit;
}

/** Git names a tag, and no registry says what it is. */
export function isUnresolved(image: DesiredImage): boolean {
  return image.kind === 'reference' && image.digest === undefined && parseImage(image.ref).digest === undefined;
}
