import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { Settings } from '../../../schemas/settings.ts';
import { decoded, isGitLocation, parseGitLocation, sameRepository } from '../../sources/tree/location.ts';
import { absolute, type ConfigLocation, type OperatorSettings } from './settings.ts';

const keys = ['fleet', 'sync', 'ref'] as const;

/** What the operator's file says of one config. */
export interface SettingsOfConfig {
  readonly written: Pick<Settings, (typeof keys)[number]>;
  /** The whole config was given, by the operator's own word: orphans may be looked for. */
  readonly isRoot: boolean;
  /** Written there, but not for this config. */
  readonly aside: readonly string[];
}

/**
 * A flycd.yaml that merely lies in the working directory speaks for its own config_repo (or for the folder it lies in),
 * never for another config given by argument or FLYCD_CONFIG_REPO: that one's machines must not be labelled with this
 * one's fleet. A part of the config takes the fleet's name but must not make orphans of the rest. Where the environment
 * alone names a config, a file without config_repo is that one's.
 */
export function settingsOfConfig(settings: OperatorSettings, location: ConfigLocation): SettingsOfConfig {
  const { file, isNamed, written } = settings;
  const here = Object.fromEntries(
    keys.flatMap((key) => (written[key] === undefined ? [] : [[key, written[key]]])),
  ) as SettingsOfConfig['written'];
  const isOnly = location.from === 'environment' && written.config_repo === undefined;
  if (file === undefined || location.from === 'settings' || isOnly) return { written: here, isRoot: true, aside: [] };
  const part = partGiven(location.text, dirname(file), written.config_repo);
  if (part === 'none' && !isNamed) return { written: {}, isRoot: true, aside: Object.keys(here) };
  return { written: here, isRoot: part === 'all' || here.fleet === undefined, aside: [] };
}

/** The words for what counts not here; undefined where all does, or where git's work tree holds it as the config's own. */
export function leftAside(
  { file = '', written }: OperatorSettings,
  { aside }: SettingsOfConfig,
  config: { readonly folder: string; readonly workTree: string | undefined },
): string | undefined {
  const base = realPath(dirname(file));
  const { workTree } = config;
  const isOwn = workTree !== undefined && isInside(base, realPath(workTree)) && isInside(realPath(config.folder), base);
  if (aside.length === 0 || isOwn) return undefined;
  return `${aside.join(', ')} of ${file} ${aside.length === 1 ? 'is' : 'are'} left aside: ${whyAside(written)}. Name it with --settings to use it all the same`;
}

function whyAside({ config_repo: repo }: OperatorSettings['written']): string {
  return repo === undefined ? 'it names no config_repo' : 'this is not its config_repo';
}

/** The words for `prune: [app]` of a file that does not say which config is whole; undefined where it acts. */
export function idlePrune(
  { file = '', written }: OperatorSettings,
  here: SettingsOfConfig,
  text: string,
): string | undefined {
  const prunes = here.written.sync?.prune?.includes('app') === true;
  if (here.isRoot || !prunes || partGiven(text, dirname(file), written.config_repo) !== 'none') return undefined;
  return `prune: [app] of ${file} has no effect here: ${whyAside(written)}, so this may be a part of the fleet’s config. Write the whole config’s folder or address there as config_repo`;
}

function partGiven(given: string, base: string, configRepo: string | undefined): 'all' | 'some' | 'none' {
  const folder = folderMeant(given);
  if (folder !== undefined && folder === folderMeant(base)) return 'all';
  if (configRepo === undefined) return 'none';
  const own = absolute(configRepo, base, isGitLocation);
  const ownFolder = folderMeant(own);
  if (folder === undefined || ownFolder === undefined) return sameRepository(given, own) ? 'all' : 'none';
  if (folder === ownFolder || sameRepository(folder, ownFolder)) return 'all';
  return isInside(folder, ownFolder) ? 'some' : 'none';
}

/** Of a path or a file: URL the folder itself, whatever links and spellings lead to it. undefined: a repo elsewhere. */
function folderMeant(text: string): string | undefined {
  const { scheme, path } = parseGitLocation(text) ?? {};
  if (!isAbsolute(text) && scheme !== 'file') return undefined;
  const written = isAbsolute(text) ? text : decoded(path ?? '');
  return realPath(basename(written) === '.git' ? dirname(written) : written);
}

/** The path itself where nothing is there. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return resolve(path);
  }
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
