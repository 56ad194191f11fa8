/** Files written into machines. Source: flyctl's File and MergeFiles. */
import { fieldOf, keyPath, present, shortened, tablesOf, textOf, type Table } from './fields.ts';
import { namedGroupsOf, type ProcessGroups } from './groups.ts';

export type ReadFile = (localPath: string) => Uint8Array | undefined;

export interface MachineFile {
  readonly guest_path: string;
  /** Base64. */
  readonly raw_value?: string;
  readonly secret_name?: string;
}

export interface PlacedFile {
  readonly groups: readonly string[];
  readonly file: MachineFile;
}

/**
 * Every file with its process groups. A file that names none goes to all of them: flyctl merges files before it parts
 * the config by group, so a worker without its file would be a change of behaviour.
 */
export function placedFiles(root: Table, groups: ProcessGroups, readFile: ReadFile): readonly PlacedFile[] {
  return tablesOf(root, 'files').flatMap((table) => {
    const guestPath = textOf(table, 'guest_path');
    if (guestPath === undefined || !guestPath.startsWith('/')) {
      const found = guestPath === undefined ? 'nothing' : `"${shortened(guestPath)}"`;
      table.notes.error(keyPath(table.path, 'guest_path'), `expected an absolute path in the machine, found ${found}`);
    }
    const placed = namedGroupsOf(table, groups) ?? groups.names;
    const content = contentOf(table, readFile);
    if (guestPath === undefined || content === undefined) return [];
    return [{ groups: placed, file: { guest_path: guestPath, ...content } }];
  });
}

/** Of several files with one guest_path the last wins, in the place of the first. */
export function filesOf(placed: readonly PlacedFile[], group: string): readonly MachineFile[] {
  const files = new Map<string, MachineFile>();
  for (const { groups, file } of placed) {
    if (groups.includes(group)) files.set(file.guest_path, file);
  }
  return [...files.values()];
}

type Content = Omit<MachineFile, 'guest_path'>;

function contentOf(table: Table, readFile: ReadFile): Content | undefined {
  const localPath = textOf(table, 'local_path');
  const secretName = textOf(table, 'secret_name');
  const rawValue = textOf(table, 'raw_value');
  const named = ['local_path', 'secret_name', 'raw_value'].filter((key) => (fieldOf(table.values, key) ?? '') !== '');
  if (named.length !== 1) {
    const found = named.length === 0 ? 'none' : named.join(' and ');
    table.notes.error(table.path, `expected one of local_path, secret_name and raw_value, found ${found}`);
    return undefined;
  }
  if (localPath !== undefined && localPath !== '') return localContent(table, localPath, readFile);
  if (secretName !== undefined && secretName !== '') return { secret_name: secretName };
  return rawValue === undefined ? undefined : present({ raw_value: Buffer.from(rawValue, 'utf8').toString('base64') });
}

function localContent(table: Table, localPath: string, readFile: ReadFile): Content | undefined {
  const path = keyPath(table.path, 'local_path');
  if (localPath.startsWith('/') || localPath.split(/[/\\]/).includes('..')) {
    const hint = 'name a file inside the app by its path from there';
    table.notes.error(path, `"${shortened(localPath)}" leads out of the app's files`, hint);
    return undefined;
  }
  const bytes = readFile(localPath);
  if (bytes !== undefined) return { raw_value: Buffer.from(bytes).toString('base64') };
  table.notes.error(path, `there is no file "${shortened(localPath)}"`);
  return undefined;
}
