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
  readonly directory: string;
  readonly location: GitLocation;
  readonly clock: Clock;
  readonly limits: MirrorLimits;
}

/** Throws a Fault where the mirror is over its limit, or the disk has less left than is to stay free. */
export async function checkSize({ directory, location, limits }: Omit<Watched, 'clock'>): Promise<void> {
  const [bytes, disk] = await Promise.all([bytesIn(directory), files.statfs(directory)]);
  const what = `${location.remote} cannot be read`;
  if (bytes > limits.maxBytes) {
    throw new Fault({
      kind: 'stalled',
      what,
      why: `its history takes more than ${inMegabytes(limits.maxBytes)} MB on disk, which is what a mirror may take`,
      next: 'make the repository smaller, or allow more: mirror: { max_mb: … } in the flycd.yaml of whoever runs FlyCD',
      where: location.remote,
    });
  }
  const free = disk.bavail * disk.bsize;
  if (free >= limits.reserveBytes) return;
  throw new Fault({
    kind: 'transient',
    what,
    why: `the disk has ${inMegabytes(free)} MB left, and ${inMegabytes(limits.reserveBytes)} MB stay free for FlyCD's database`,
    next: 'free some space, or make the volume larger (fly volumes extend); FlyCD tries again',
    where: location.remote,
  });
}

/** `exceeded` throws what `checkSize` throws, as soon as that is so, and never ends otherwise. */
export function watchSize(watched: Watched): { readonly exceeded: Promise<never>; stop(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  let cancel = (): void => undefined;
  let isOver = false;
  const look = async (): Promise<void> => {
    // What git moves while it is measured is measured with the next look.
    await checkSize(watched).catch((error: unknown) => {
      if (error instanceof Fault) reject(error);
    });
    if (!isOver) cancel = watched.clock.timer(lookEachMs, () => void look());
  };
  cancel = watched.clock.timer(lookEachMs, () => void look());
  return {
    exceeded: promise,
    stop() {
      isOver = true;
      cancel();
    },
  };
}

/**
 * What a fetch that was broken off leaves: git takes it away after two weeks at the earliest. `unchangedSince`, in milliseconds
 * since the epoch: another process may be at a younger one. 0: all of them.
 */
export async function removeLeftovers(directory: string, unchangedSince: number): Promise<void> {
  for (const folder of ['objects', join('objects', 'pack')]) {
    const names = await files.readdir(join(directory, folder)).catch(() => []);
    const left = names.filter((name) => /^(?:tmp_|\.tmp-|incoming-)/.test(name));
    for (const name of left) {
      const path = join(directory, folder, name);
      const stat = await files.lstat(path).catch(() => undefined);
      if (stat === undefined || (unchangedSince > 0 && stat.mtimeMs > unchangedSince)) continue;
      await files.rm(path, { recursive: true, force: true });
    }
  }
}

async function bytesIn(directory: string): Promise<number> {
  const entries = await files.readdir(directory, { recursive: true, withFileTypes: true });
  let bytes = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const stat = await files.lstat(join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += stat?.size ?? 0;
  }
  return bytes;
}

function inMegabytes(bytes: number): number {
  return Math.floor(bytes / mebibyte);
}
