import { hash } from 'node:crypto';
import type { ImageRef, MachineConfig } from '../../schemas/fly/machine.ts';
import { parseDuration } from '../wire/duration.ts';
import type { CheckRule } from '../world/records.ts';
import type { World } from '../world/world.ts';

const dockerHub = 'registry-1.docker.io';

/** What the platform resolves a reference to. Where no registry knows it, a tag's digest is sha256 of the reference. */
export function imageRefOf(world: World, reference: string): ImageRef {
  const known = world.registry.digestOf(reference, (app) => world.apps.get(app)?.id);
  const [name = '', digest] = reference.split('@', 2);
  const slash = name.indexOf('/');
  const host = slash === -1 ? '' : name.slice(0, slash);
  const named = host.includes('.') || host.includes(':') || host === 'localhost';
  const path = named ? name.slice(slash + 1) : name;
  const colon = path.lastIndexOf(':');
  const repository = colon > path.lastIndexOf('/') ? path.slice(0, colon) : path;
  const tag = colon > path.lastIndexOf('/') ? path.slice(colon + 1) : digest === undefined ? 'latest' : '';
  return {
    registry: named ? host : dockerHub,
    repository: named || repository.includes('/') ? repository : `library/${repository}`,
    tag,
    digest: digest ?? known ?? `sha256:${hash('sha256', reference)}`,
    labels: null,
  };
}

/** How a machine behaves is written in its image's name. */
export interface Behaviour {
  /** Milliseconds from starting to started. */
  readonly bootMs: number;
  readonly checks: CheckRule;
  /** It never comes up: `failed`. */
  readonly launchFails: boolean;
  /** The process ends by itself with this code; undefined: it runs until stopped. */
  readonly exitCode: number | undefined;
  /** A process that ends by itself runs this long. Milliseconds. */
  readonly runMs: number;
  /** Before a version's first boot: its host has to fetch the image. Milliseconds, which no state shows. */
  readonly pullMs: number;
  /** From being told to stop until it has. Milliseconds beyond the usual. */
  readonly stopMs: number;
  /** No registry has it. */
  readonly isMissing: boolean;
}

const bootMs = 900;
const slowBootMs = 20_000;
const exitAfterMs = 500;
const longJobMs = 20_000;
const slowPullMs = 180_000;
/** What the platform gives a process to stop where its config says nothing. */
const stopTimeoutDefaultMs = 5000;

/**
 * `slow-start` boots in 20 s, `failing-check` fails its checks and `flapping-check` every other run,
 * `failing-launch` ends failed, `crash-loop` exits with 1 each time, `one-shot` exits
 * with 0. A release command's machine (env RELEASE_COMMAND) runs once and exits: with 1 where the image says
 * `failing-release`, after 20 s where it says `long-job`. `slow-pull` takes three minutes to be fetched, `slow-stop` takes
 * all of its kill_timeout to stop, and no registry has `missing-image`.
 */
export function behaviourOf(config: MachineConfig): Behaviour {
  const image = config.image ?? '';
  return {
    bootMs: image.includes('slow-start') ? slowBootMs : bootMs,
    checks: image.includes('failing-check') ? 'fail' : image.includes('flapping-check') ? 'flap' : 'pass',
    launchFails: image.includes('failing-launch'),
    exitCode: exitCodeOf(image, config.env?.['RELEASE_COMMAND'] !== undefined),
    runMs: image.includes('long-job') ? longJobMs : exitAfterMs,
    pullMs: image.includes('slow-pull') ? slowPullMs : 0,
    stopMs: image.includes('slow-stop') ? stopTimeoutOf(config) : 0,
    isMissing: image.includes('missing-image'),
  };
}

function stopTimeoutOf({ stop_config: stop }: MachineConfig): number {
  const nanoseconds = parseDuration(stop?.['timeout']);
  return nanoseconds === undefined ? stopTimeoutDefaultMs : nanoseconds / 1e6;
}

function exitCodeOf(image: string, releaseCommand: boolean): number | undefined {
  if (image.includes('crash-loop')) return 1;
  if (releaseCommand) return image.includes('failing-release') ? 1 : 0;
  return image.includes('one-shot') ? 0 : undefined;
}
