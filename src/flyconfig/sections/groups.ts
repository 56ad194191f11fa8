import { reservedGroups } from '../../../schemas/fly/presets.ts';
import type { JsonObject } from '../../model/base/json.ts';
import { textsOf } from '../reading/fields.ts';
import { orList } from '../../model/base/text.ts';
import { fieldOf, isTable, itemPath, keyPath, type Table } from '../reading/values.ts';
import type { NoteList } from '../reading/notes.ts';

export interface ProcessGroups {
  /** Sorted by code unit, as flyctl does. At least one, at most groupsMax. */
  readonly names: readonly string[];
  /** Every name, those beyond groupsMax included. */
  readonly known: ReadonlySet<string>;
  /** `app`, or the first where there is no `app`: it gets every section that names no group. */
  readonly defaultGroup: string;
  /** true: [processes] names them; false: the one group `app` that every app has. */
  readonly named: boolean;
}

const commonGroup = 'app';
/** More than any app has; keeps the work of mapping a hostile document small. */
const groupsMax = 20;

/** The process groups of a fly config. Source: flyctl's ProcessNames and DefaultProcessName. */
export function processGroups(config: JsonObject): ProcessGroups {
  const processes = fieldOf(config, 'processes');
  const all = isTable(processes) ? Object.keys(processes).toSorted() : [];
  const [first] = all;
  const known = new Set(first === undefined ? [commonGroup] : all);
  const defaultGroup = known.has(commonGroup) ? commonGroup : (first ?? commonGroup);
  return { names: [...known].slice(0, groupsMax), known, defaultGroup, named: first !== undefined };
}

/** Errors in the names themselves. */
export function checkGroupNames(groups: ProcessGroups, notes: NoteList): void {
  if (!groups.named) return;
  if (groups.known.size > groupsMax) {
    notes.error('processes', `expected at most ${groupsMax} process groups, found ${groups.known.size}`);
  }
  for (const name of groups.names) {
    const path = keyPath('processes', name);
    if (reservedGroups.some((reserved) => reserved === name)) {
      notes.error(path, `Fly's own tools use the group name ${name}`, 'choose another name');
    } else if (!/^[\w.-]{1,63}$/.test(name)) {
      notes.error(path, 'a process group is named with at most 63 letters, digits, dots, dashes and underscores');
    }
  }
}

/** The groups that a section applies to: those it names, else the default one. A group that does not exist is an error. */
export function groupsOf(section: Table, groups: ProcessGroups): readonly string[] {
  const named = namedGroupsOf(section, groups);
  return named ?? [groups.defaultGroup];
}

/** As groupsOf; undefined where the section names none. */
export function namedGroupsOf(section: Table, groups: ProcessGroups): readonly string[] | undefined {
  const named = textsOf(section, 'processes');
  if (named === undefined || named.length === 0) return undefined;
  for (const [index, name] of named.entries()) {
    if (groups.known.has(name)) continue;
    const hint = groups.named
      ? `the groups are ${orList(groups.names)}`
      : `there is only ${commonGroup}: name more under processes`;
    section.notes.error(
      itemPath(keyPath(section.path, 'processes'), index),
      `there is no process group ${JSON.stringify(name.slice(0, 63))}`,
      hint,
    );
  }
  return [...new Set(named)].filter((name) => groups.known.has(name));
}
