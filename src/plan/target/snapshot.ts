/**
 * What an app was at an earlier version: the wish of today, but for what a version covers. Counts, addresses, secrets and
 * policy move no version; they stay as git says now.
 */
import type { MachineConfig, MachineMount } from '../../../schemas/fly/machine.ts';
import { buildLabel, parseImage } from '../../flyconfig/sections/image.ts';
import { onlyNamed } from '../../flyconfig/live/named.ts';
import { standbyEnv } from '../../flyconfig/live/overlay.ts';
import type { DesiredApp, DesiredGroup, DesiredImage, DesiredSource, DesiredVolume } from '../../model/desired.ts';
import { hashOf } from '../../model/base/json.ts';
import type { GoodVersion } from '../../model/stamps/app-version.ts';
import { parseSent } from '../../model/stamps/stamps.ts';
import { isVersionEnv, stampKeys } from '../../model/stamps/keys.ts';
import { appConfigVersion } from './app-version.ts';
import { isMounted } from '../classify/mount-mismatch.ts';

/** Configs that machines of a group were sent, newest first. */
export interface GroupHistory {
  readonly group: string;
  readonly sent: readonly MachineConfig[];
}

/** Configs tried of each group, and in all: a version among them is found by its hash. */
const configsMax = 8;
const combinationsMax = 1000;

/** From git's own words at that version. */
export function snapshotOfGit(now: DesiredApp, then: DesiredApp, version: GoodVersion): DesiredApp {
  const groups = then.groups.map((group) => countedAsNow(group, now));
  return {
    ...unhindered(now),
    fly: then.fly,
    source: then.source,
    appVersion: then.appVersion,
    image: imageAt(then, version),
    groups,
    volumes: [
      ...volumesFor(groups, now),
      ...then.volumes.filter((old) => now.volumes.every(({ name }) => name !== old.name)),
    ],
    inputs: then.inputs,
    releaseCommand: undefined,
  };
}

/** Without those that only today's groups mount: going back needs none of them. */
function volumesFor(groups: readonly DesiredGroup[], now: DesiredApp): readonly DesiredVolume[] {
  return now.volumes.filter((volume) => isMounted(volume, groups) || !isMounted(volume, now.groups));
}

/** Going back waits for no window: what it leaves is worse. */
function unhindered(now: DesiredApp): DesiredApp {
  return { ...now, policy: { ...now.policy, windows: [] } };
}

function countedAsNow(group: DesiredGroup, now: DesiredApp): DesiredGroup {
  const present = now.groups.find(({ name }) => name === group.name);
  if (present === undefined) return group;
  const { counts, autoscaled, newGuest } = present;
  return { ...group, counts, autoscaled, newGuest };
}

function imageAt({ name, image }: DesiredApp, { digest }: GoodVersion): DesiredImage {
  if (digest === '') return image;
  if (image.kind === 'reference') return { kind: 'reference', ref: image.ref, digest };
  // A build is in the app's own repository. The tag is for people: the digest alone decides.
  const tag = image.build === undefined ? '' : `:${buildLabel(image.build.key)}`;
  return { kind: 'reference', ref: `registry.fly.io/${name}${tag}@${digest}`, digest };
}

/** From what machines were sent: the combination of configs that has the version's hash. undefined: there is none. */
export function snapshotOfHistory(
  now: DesiredApp,
  histories: readonly GroupHistory[],
  version: GoodVersion,
): DesiredApp | undefined {
  const choices = histories.map(({ group, sent }) => choicesOf(group, sent, version));
  for (const chosen of combinations(choices)) {
    const groups = chosen.map(({ group }) => countedAsNow(group, now));
    if (appConfigVersion({ groups }) !== version.config) continue;
    const [first] = chosen;
    if (first === undefined) return undefined;
    const { image = '', metadata, env } = first.sent;
    return {
      ...unhindered(now),
      source: sourceOf(env ?? {}, image),
      appVersion: env?.['FLYCD_APP_VERSION'],
      image: { kind: 'reference', ref: image, digest: version.digest === '' ? undefined : version.digest },
      groups,
      volumes: volumesFor(groups, now),
      inputs: metadata?.[stampKeys.inputs] ?? now.inputs,
      releaseCommand: undefined,
    };
  }
  return undefined;
}

interface Choice {
  readonly group: DesiredGroup;
  readonly sent: MachineConfig;
}

function choicesOf(name: string, configs: readonly MachineConfig[], good: GoodVersion): readonly Choice[] {
  const byVersion = new Map<string, Choice>();
  for (const sent of configs) {
    const version = parseSent(sent.metadata?.[stampKeys.sent])?.config;
    // What somebody else sent has our stamps, too: copied from what was read back.
    if (version === undefined || sent.metadata?.[stampKeys.read] !== undefined) continue;
    if (byVersion.has(version) || byVersion.size >= configsMax || !isImageOf(good, sent.image ?? '')) continue;
    byVersion.set(version, { sent, group: groupOf(name, version, sent) });
  }
  return [...byVersion.values()];
}

/** A first machine may have been sent a tag as git writes it. */
function isImageOf({ digest, image }: GoodVersion, sent: string): boolean {
  const { digest: runs } = parseImage(sent);
  return runs === undefined ? hashOf(sent) === image : runs === digest;
}

/** One config of each group, or none: a group may be newer than the version. */
function* combinations(choices: readonly (readonly Choice[])[]): Generator<readonly Choice[]> {
  const total = choices.reduce((product, choice) => product * (choice.length + 1), 1);
  for (let number = 0; number < Math.min(total, combinationsMax); number += 1) {
    let rest = number;
    yield choices.flatMap((choice) => {
      const chosen = choice[rest % (choice.length + 1)];
      rest = Math.floor(rest / (choice.length + 1));
      return chosen ?? [];
    });
  }
}

function groupOf(name: string, configVersion: string, sent: MachineConfig): DesiredGroup {
  const [mount] = sent.mounts ?? [];
  return {
    name,
    config: withoutOwn(sent),
    configVersion,
    counts: undefined,
    hasServices: (sent.services ?? []).length > 0,
    mount: mount?.name === undefined ? undefined : { volume: mount.name, path: mount.path ?? '' },
    autoscaled: false,
  };
}

/** Without what belongs to one machine, or is written with each update. */
function withoutOwn(sent: MachineConfig): MachineConfig {
  const { image: _image, standbys: _standbys, env, mounts, ...config } = onlyNamed(sent);
  const variables = Object.entries(env ?? {}).filter(([key]) => !isVersionEnv(key) && key !== standbyEnv);
  return {
    ...config,
    ...(variables.length === 0 ? {} : { env: Object.fromEntries(variables) }),
    ...(mounts == null ? {} : { mounts: mounts.map(withoutVolume) }),
  };
}

function withoutVolume({ volume: _volume, ...mount }: MachineMount): MachineMount {
  return mount;
}

/** As it stands in the env of a machine: v0's names. */
function sourceOf(env: Readonly<Record<string, string>>, image: string): DesiredSource {
  const type = env['FLYCD_APP_SOURCE_TYPE'];
  const path = env['FLYCD_APP_SOURCE_PATH'] ?? '';
  if (type === 'local') return { type, path };
  if (type === 'inline-docker-file') return { type };
  const repo = env['FLYCD_APP_SOURCE_REPO'];
  if (type !== 'git' || repo === undefined) return { type: 'image', ref: image };
  const tag = env['FLYCD_APP_SOURCE_REF_TAG'];
  const commit = env['FLYCD_APP_SOURCE_REF_COMMIT'];
  const ref = tag === undefined ? (env['FLYCD_APP_SOURCE_REF_BRANCH'] ?? 'HEAD') : `refs/tags/${tag}`;
  return { type: 'git', repo, path, ref, commit };
}
