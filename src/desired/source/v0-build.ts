/**
 * Whether an image that FlyCD 0.x built is what git wants built: where FlyCD 0.x would have called the app unchanged. Its
 * app version covers the source alone; what the config lays over that, or says of the build, only its config version does.
 */
import { Fault } from '../../model/base/fault.ts';
import type { V0Versions } from '../../model/stamps/v0-versions.ts';
import { goHash, hasGoHash, sha256Of } from '../../sources/tree/go-hash.ts';
import type { GitMirrors, Tree } from '../../sources/tree/tree.ts';
import type { ConfigFile } from '../files/config-files.ts';

export interface V0Source {
  /** true: files of the config lie over the source. */
  readonly overlaid: boolean;
  /** true: the config's folder is a part of the source, so that the app version covers it. */
  readonly holdsConfig: boolean;
  /** Whether FlyCD 0.x gave the source, as it is now, this app version. */
  is(version: string): Promise<boolean>;
}

export interface V0Build {
  readonly source: V0Source;
  readonly file: ConfigFile;
  /** true: the image holds something of the config. */
  readonly usesConfig: boolean;
}

export async function isV0Build({ source, file, usesConfig }: V0Build, versions: V0Versions): Promise<boolean> {
  if (!(await source.is(versions.app))) return false;
  return !usesConfig || source.holdsConfig || hasGoHash(file.tree, file.folder, versions.config);
}

/** It built in a folder with the Dockerfile and an empty ignore file. */
export function isV0Inline(dockerfile: string): V0Source['is'] {
  const hash = goHash([
    { path: 'Dockerfile', sha256: sha256Of(dockerfile) },
    { path: '.dockerignore', sha256: sha256Of('') },
  ]);
  return (version) => Promise.resolve(version === hash);
}

interface V0Commit {
  readonly mirrors: GitMirrors;
  readonly url: string;
  /** As it is wanted now. */
  readonly tree: Tree;
  /** All that counts of it. */
  readonly paths: readonly string[];
}

/** That commit, or one with the same in all that counts: FlyCD 0.x deployed every commit of a repo. */
export function isV0Commit({ mirrors, url, tree, paths }: V0Commit): V0Source['is'] {
  return async (version) => {
    if (version === tree.revision) return true;
    if (!/^[0-9a-f]+$/.test(version)) return false;
    try {
      const then = await mirrors.tree({ url, ref: version, trust: 'config' });
      for (const path of paths) if ((await then.id(path)) !== (await tree.id(path))) return false;
      return true;
    } catch (error) {
      // A commit that is gone from the repo is no proof.
      if (error instanceof Fault && error.kind !== 'transient') return false;
      throw error;
    }
  };
}
