/** How much of the disk a mirror may take: measured while it is fetched, since no host says beforehand what it will send. */
import { promises as files } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import type { GitLocation } from '../tree/location.ts';

const mebibyte = 1024 * 1024;

export interface MirrorLimits {
  /** Bytes on disk of one mirror. */
  readonly maxBytes: number;
  /** Bytes of the disk that stay free: the database lies beside mirrors, and has to be written. */
  readonly reserveBytes: number;
}

/** A config repo has a few MB, an app repo with its history some hundred; a new volume of Fly's has 1 GB. */
export const defaultMirrorLimits: MirrorLimits = { maxBytes: 1024 * mebibyte, reserveBytes: 64 * mebibyte };

/** A fast line brings some 100 MB meanwhile. */
const lookEachMs = 1000;

interface Watched {
  /** Where the fetch brings its objects. */
  readonly directory: string;
  /** Bytes that the mirror has already. */
  readonly held: number;
  readonly location: GitLocation;
  readonly clock: Clock;
  readonly limits: MirrorLimits;
}

/** A mirror may not take what it would. */
export class SizeFault extends Fault {}

/** The mirror's bytes on disk with what was fetched. Throws a stalled SizeFault where they are over its limit. */
export async function checkSize({ directory, held, location, limits }: Omit<Watched, 'clock'>): Promise<number> {
  const bytes = held + (await bytesIn(directory));
  if (bytes <= limits.maxBytes) return bytes;
  throw new SizeFault({
    kind: 'stalled',
    what: `${location.remote} cannot be read`,
    why: `its history takes more than ${inMegabytes(limits.maxBytes)} MB on disk, which is what a mirror may take`,
    next: 'make the repository smaller, or allow more: mirror: { max_mb: … } in the flycd.yaml of whoever runs FlyCD',
    where: location.remote,
  });
}

/** Throws a transient SizeFault where the disk has less left than is to stay free: nothing more is fetched. */
export async function checkDisk({ directory, location, limits }: Omit<Watched, 'clock' | 'held'>): Promise<void> {
  const disk = await files.statfs(directory);
  const free = disk.bavail * disk.bsize;
  if (free >= limits.reserveBytes) return;
  throw new SizeFault({
    kind: 'transient',
    what: `${location.remote} cannot be read`,
    why: `the disk has ${inMegabytes(free)} MB left, and ${inMegabytes(limits.reserveBytes)} MB stay free for FlyCD's database`,
    next: 'free some space, or make the volume larger (fly volumes extend); FlyCD tries again',
    where: location.remote,
  });
}

export interface SizeWatch {
  /** Throws what the checks throw, as soon as that is so, and never ends otherwise. */
  readonly exceeded: Promise<never>;
  /** Since this was asked last. */
  hasGrown(): boolean;
  stop(): void;
}

export function watchSize(watched: Watched): SizeWatch {
  const { promise, reject } = Promise.withResolvers<never>();
  // Whoever waits for it may have ended for another reason by then.
  promise.catch(() => undefined);
  let cancel = (): void => undefined;
  let isOver = false;
  let size: number | undefined;
  let hasGrown = false;
  const look = async (): Promise<void> => {
    try {
      const bytes = await checkSize(watched);
      hasGrown ||= size !== undefined && bytes !== size;
      size = bytes;
      await checkDisk(watched);
    } catch (error) {
      // What git moves while it is measured is measured with the next look.
      if (error instanceof SizeFault) reject(error);
    }
    if (!isOver) cancel = watched.clock.timer(lookEachMs, () => void look());
  };
  cancel = watched.clock.timer(lookEachMs, () => void look());
  return {
    exceeded: promise,
    hasGrown() {
      const grown = hasGrown;
      hasGrown = false;
      return grown;
    },
    stop() {
      isOver = true;
      cancel();
    },
  };
}

/** What is gone by the time it is looked at counts for nothing: git and other processes work there, too. */
export async function bytesIn(directory: string, counts: (name: string) => boolean = () => true): Promise<number> {
  const entries = await files.readdir(directory, { withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (!counts(entry.name)) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) bytes += await bytesIn(path, counts);
    else if (entry.isFile()) bytes += (await files.lstat(path).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

function inMegabytes(bytes: number): number {
  return Math.floor(bytes / mebibyte);
}
