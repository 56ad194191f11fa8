/** Files written into machines. Source: flyctl's File and MergeFiles. */
import { textOf } from '../reading/fields.ts';
import { present } from '../../model/base/json.ts';
import { shortened } from '../../model/base/text.ts';
import { tablesOf } from '../reading/tables.ts';
import { fieldOf, keyPath, type Table } from '../reading/values.ts';
import { namedGroupsOf, type ProcessGroups } from './groups.ts';
import type { NoteList } from '../reading/notes.ts';

export type ReadFile = (localPath: string) => Uint8Array | undefined;

export interface MachineFile {
  readonly guest_path: string;
  /** Base64. */
  readonly raw_value?: string;
  readonly secret_name?: string;
}

/**
 * Every file, for every process group: flyctl merges files before it parts the config by group, so that a file reaches
 * all of them whatever its `processes` says. A machine without its file would be a change of behaviour.
 */
export function filesOf(root: Table, groups: ProcessGroups, readFile: ReadFile): readonly MachineFile[] {
  const files = new Map<string, { readonly path: string; readonly file: MachineFile }>();
  for (const table of tablesOf(root, 'files')) {
    const guestPath = textOf(table, 'guest_path');
    if (guestPath === undefined || !guestPath.startsWith('/')) {
      const found = guestPath === undefined ? 'nothing' : `"${shortened(guestPath)}"`;
      table.notes.error(keyPath(table.path, 'guest_path'), `expected an absolute path in the machine, found ${found}`);
    }
    const named = namedGroupsOf(table, groups);
    if (named !== undefined && named.length < groups.names.length) {
      const message = 'it has no effect: flyctl gives every process group each file, and so does FlyCD';
      table.notes.warning(keyPath(table.path, 'processes'), message, 'remove it');
    }
    const content = contentOf(table, readFile);
    // Of several files with one guest_path the last wins, in the place of the first.
    if (guestPath === undefined || content === undefined) continue;
    const before = files.get(guestPath);
    if (before !== undefined) {
      const message = `it has no effect: ${table.path} has the same guest_path, and counts`;
      table.notes.warning(before.path, message, 'keep one of the two');
    }
    files.set(guestPath, { path: table.path, file: { guest_path: guestPath, ...content } });
  }
  return [...files.values()].map(({ file }) => file);
}

type Content = Omit<MachineFile, 'guest_path'>;

function contentOf(table: Table, readFile: ReadFile): Content | undefined {
  const localPath = textOf(table, 'local_path');
  const secretName = textOf(table, 'secret_name');
  const rawValue = textOf(table, 'raw_value');
  // In the order in which flyctl looks.
  const named = ['local_path', 'secret_name', 'raw_value'].filter((key) => (fieldOf(table.values, key) ?? '') !== '');
  const [used, ...others] = named;
  if (used === undefined) {
    table.notes.error(table.path, 'expected one of local_path, secret_name and raw_value, found none');
    return undefined;
  }
  for (const key of others) table.notes.warning(keyPath(table.path, key), `${used} beats it`, 'keep one of the two');
  if (localPath !== undefined && localPath !== '') {
    const place = { path: keyPath(table.path, 'local_path'), localPath, notes: table.notes };
    const bytes = localContent(place, readFile);
    return bytes === undefined ? undefined : { raw_value: Buffer.from(bytes).toString('base64') };
  }
  if (secretName !== undefined && secretName !== '') return { secret_name: secretName };
  return rawValue === undefined ? undefined : present({ raw_value: Buffer.from(rawValue, 'utf8').toString('base64') });
}

export interface LocalPlace {
  /** Where the document names it. */
  readonly path: string;
  readonly localPath: string;
  readonly notes: NoteList;
}

/** A file of the app, of its own folder only: one that leads out of it or is not there is noted. */
export function localContent({ path, localPath, notes }: LocalPlace, readFile: ReadFile): Uint8Array | undefined {
  if (localPath.startsWith('/') || localPath.split(/[/\\]/).includes('..')) {
    const hint = 'name a file inside the app by its path from there';
    notes.error(path, `"${shortened(localPath)}" leads out of the app's files`, hint);
    return undefined;
  }
  const bytes = readFile(localPath);
  if (bytes === undefined) notes.error(path, `there is no file "${shortened(localPath)}"`);
  return bytes;
}
