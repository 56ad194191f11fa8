import { existsSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { Settings } from '../../../schemas/settings.ts';
import { formatOf, readDocument } from '../../desired/documents/document.ts';
import { appFileNames, projectFileNames, settingsFileNames } from '../../desired/files/file-names.ts';
import { check } from '../../desired/documents/finding.ts';
import { withoutNulls } from '../../desired/documents/merge.ts';
import { problemsOfText, problemsIn } from '../../desired/documents/source-map.ts';
import { Fault } from '../../model/base/fault.ts';
import { shellWord } from '../../model/base/shell.ts';
import type { JsonObject } from '../../model/base/json.ts';
import { InvalidSettings } from './invalid-settings.ts';
import { variable, type Io } from '../shell/io.ts';
import { readNamedFile } from '../shell/named-file.ts';

/** flycd.yaml of the operator, as far as it is there. */
export interface OperatorSettings {
  /** undefined: there is none. */
  readonly file: string | undefined;
  /** --settings names it: it does not merely lie in the working directory. */
  readonly isNamed: boolean;
  readonly written: Settings;
}

/** Of a file's mode: whoever is neither its owner nor of its group writes. */
const othersMayWrite = 0o002;
/** Settings are a page of text; more is another file. */
const bytesMax = 1024 * 1024;

/**
 * Reads --settings, else flycd.yaml (.yml, .toml) of the working directory, which may be missing.
 * Throws a stalled Fault where it cannot be read or stands there in two forms, InvalidSettings where it is wrong.
 */
export async function readSettings(io: Io, given: string | undefined): Promise<OperatorSettings> {
  const names = given === undefined ? settingsFileNames : [given];
  const found: { readonly name: string; readonly file: string; readonly bytes: Uint8Array }[] = [];
  for (const name of names) {
    const file = resolve(io.cwd, name);
    const bytes = await io.clock.busy(() => readNamedFile({ file, holds: 'the settings', bytesMax }));
    if (bytes !== undefined) found.push({ name, file, bytes });
  }
  const [only, twin] = found;
  if (only !== undefined && twin !== undefined) throw twins(io.cwd, only.name, twin.name);
  const isNamed = given !== undefined;
  if (only !== undefined) return { file: only.file, isNamed, written: parseSettings(only.bytes, only.name) };
  if (given === undefined) return { file: undefined, isNamed, written: {} };
  throw new Fault({
    kind: 'stalled',
    what: 'the settings could not be read',
    why: 'there is no such file',
    next: 'check --settings',
    where: resolve(io.cwd, given),
  });
}

function twins(folder: string, one: string, other: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: 'the settings stand in two files',
    why: `${one} and ${other} both stand here`,
    next: 'keep one, or name one with --settings',
    where: folder,
  });
}

function parseSettings(bytes: Uint8Array, file: string): Settings {
  // Comments alone are settings that say nothing: every line of a template may be commented out.
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  if (lines.every((line) => /^\s*(?:#.*|---\s*)?$/.test(line))) return {};
  const document = readDocument({ file, format: formatOf(file), bytes, substitutions: [] });
  const broken = problemsOfText(document, undefined);
  if (broken.length > 0) throw new InvalidSettings(broken);
  const value = withoutNulls(document.fields ?? {}) as JsonObject;
  const { data, findings } = check({ schema: Settings, value });
  if (data === undefined) throw new InvalidSettings(problemsIn(document, findings));
  return data;
}

/** Where the config repo is: a folder (absolute) or a git address. Flag beats env beats file. */
export interface ConfigLocation {
  readonly text: string;
  readonly from: 'argument' | 'environment' | 'settings';
}

export function locateConfig(
  io: Io,
  settings: OperatorSettings,
  argument: string | undefined,
  isGit: (text: string) => boolean,
): ConfigLocation {
  if (argument !== undefined && argument !== '') return { text: absolute(argument, io.cwd, isGit), from: 'argument' };
  const named = variable(io.env, 'FLYCD_CONFIG_REPO');
  if (named !== undefined) return { text: absolute(named, io.cwd, isGit), from: 'environment' };
  const { config_repo: written } = settings.written;
  if (written !== undefined && settings.file !== undefined) {
    return { text: absolute(written, dirname(settings.file), isGit), from: 'settings' };
  }
  // As if it were typed: the commands that FlyCD prints work where the config was named with a dot.
  if (isConfig(io.cwd)) return { text: io.cwd, from: 'argument' };
  throw new Fault({
    kind: 'stalled',
    what: 'no config repo was named',
    why: 'there is no argument, no FLYCD_CONFIG_REPO, no config_repo in flycd.yaml, and no config in this folder',
    next: 'name a folder or a git URL: `flycd diff ./config`, `flycd diff https://github.com/you/config`, `flycd history ./config`',
  });
}

function isConfig(folder: string): boolean {
  const names = [...settingsFileNames, ...projectFileNames, ...appFileNames];
  return names.some((name) => existsSync(join(folder, name)));
}

export function absolute(text: string, base: string, isGit: (text: string) => boolean): string {
  return isAbsolute(text) || isGit(text) ? text : resolve(base, text);
}

/**
 * --data-dir, else FLYCD_DATA_DIR, else data_dir of flycd.yaml, else $XDG_STATE_HOME/flycd, else ~/.local/state/flycd. Throws a
 * stalled Fault where there is none, and where everybody may write there.
 */
export function locateData(io: Io, settings: OperatorSettings, flag: string | undefined): string {
  const folder = dataFolder(io, settings, flag);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined || (found.mode & othersMayWrite) === 0) return folder;
  throw new Fault({
    kind: 'stalled',
    what: `the data directory ${folder} is not used`,
    why: 'every user of this computer may write there, and could put a database or a mirror of their own in its place',
    next: `run: chmod o-w ${shellWord(folder)}`,
  });
}

function dataFolder(io: Io, settings: OperatorSettings, flag: string | undefined): string {
  const given = flag ?? variable(io.env, 'FLYCD_DATA_DIR');
  if (given !== undefined) return resolve(io.cwd, given);
  const { data_dir: written } = settings.written;
  if (written !== undefined && settings.file !== undefined) return resolve(dirname(settings.file), written);
  const state = variable(io.env, 'XDG_STATE_HOME');
  if (state !== undefined && isAbsolute(state)) return join(state, 'flycd');
  const home = variable(io.env, 'HOME');
  if (home !== undefined) return join(home, '.local', 'state', 'flycd');
  throw new Fault({
    kind: 'stalled',
    what: 'there is no place for the data directory',
    why: 'neither --data-dir, FLYCD_DATA_DIR, data_dir in flycd.yaml, XDG_STATE_HOME nor HOME is set',
    next: 'pass --data-dir',
  });
}
