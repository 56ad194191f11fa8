/** Volumes mounted in machines. Source: flyctl's Mount and validateMounts. */
import type { MachineMount } from '../../../schemas/fly/machine.ts';
import { flagOf, integerOf, textOf } from '../reading/fields.ts';
import { present } from '../../model/base/json.ts';
import { shortened } from '../../model/base/text.ts';
import { tablesOf } from '../reading/tables.ts';
import { fieldOf, keyPath, type Table } from '../reading/values.ts';
import { groupsOf, type ProcessGroups } from './groups.ts';
import { gigabytes, parseSize } from '../reading/sizes.ts';

/** The volume a process group's machines mount, and what the config asks of it. */
export interface GroupMount {
  /** Name of the volumes; each machine takes one of that name. */
  readonly volume: string;
  readonly path: string;
  readonly initialSizeGb: number | undefined;
  /** 1 to 60. */
  readonly snapshotRetentionDays: number | undefined;
  readonly scheduledSnapshots: boolean | undefined;
}

export interface PlacedMount {
  readonly groups: readonly string[];
  readonly table: Table;
  readonly mount: GroupMount;
  /** Without a volume's id, which differs from machine to machine. */
  readonly wire: MachineMount;
}

const threshold = { min: 50, max: 99 };
const increment = { min: 1, max: 100 };
const limit = { min: 1, max: 500 };
const retention = { min: 1, max: 60 };
/** The largest volume that Fly makes. */
const size = { min: 1, max: 500 };
/** What Fly calls a volume: it makes none of another name. */
const volumeName = /^[a-z0-9_]{1,30}$/;

export function placedMounts(root: Table, groups: ProcessGroups): readonly PlacedMount[] {
  return tablesOf(root, 'mounts').flatMap((table) => {
    const source = required(table, 'source', 'the name of a volume, such as data');
    const destination = required(table, 'destination', 'an absolute path in the machine, such as /data');
    if (destination !== undefined && !destination.startsWith('/')) {
      table.notes.error(
        keyPath(table.path, 'destination'),
        `expected an absolute path, found "${shortened(destination)}"`,
      );
    }
    if (source !== undefined && !volumeName.test(source)) {
      const message = `Fly makes no volume called "${shortened(source)}"`;
      // One that differs in its hyphens may be there from earlier days; a path is no name at all.
      const severity = /^[\w-]+$/.test(source) ? 'warning' : 'error';
      table.notes[severity](
        keyPath(table.path, 'source'),
        message,
        'small letters, digits and underscores, at most 30',
      );
    }
    const placed = groupsOf(table, groups);
    const extension = extensionOf(table);
    const mount = {
      volume: source ?? '',
      path: destination ?? '',
      initialSizeGb: gigabytesOf(table, 'initial_size', size),
      snapshotRetentionDays: integerOf(table, 'snapshot_retention', retention),
      scheduledSnapshots: flagOf(table, 'scheduled_snapshots'),
    };
    if (source === undefined || destination === undefined) return [];
    return [{ groups: placed, table, mount, wire: { name: source, path: destination, ...extension } }];
  });
}

function required(table: Table, key: string, hint: string): string | undefined {
  const value = textOf(table, key);
  if (value !== undefined && value !== '') return value;
  if (value === '' || fieldOf(table.values, key) === undefined) {
    table.notes.error(table.path, `${key} is required`, hint);
  }
  return undefined;
}

function extensionOf(table: Table): Partial<MachineMount> {
  const percent = integerOf(table, 'auto_extend_size_threshold', { min: 0 });
  const step = gigabytesOf(table, 'auto_extend_size_increment', increment);
  const most = gigabytesOf(table, 'auto_extend_size_limit', limit);
  const used = percent === 0 ? undefined : percent;
  const named = ['auto_extend_size_threshold', 'auto_extend_size_increment', 'auto_extend_size_limit'].filter(
    (key) => ![undefined, '', 0].includes(fieldOf(table.values, key) as string | number | undefined),
  );
  const [first] = named;
  if (first === undefined) return {};
  if (used !== undefined && (used < threshold.min || used > threshold.max)) {
    const message = `expected ${threshold.min} to ${threshold.max} percent, found ${used}`;
    table.notes.error(keyPath(table.path, 'auto_extend_size_threshold'), message);
  }
  if (!named.includes('auto_extend_size_threshold') || !named.includes('auto_extend_size_increment')) {
    const hint = 'auto_extend_size_threshold and auto_extend_size_increment go together';
    table.notes.error(keyPath(table.path, first), 'a volume grows by itself only with both of them', hint);
  }
  return present({ extend_threshold_percent: used, add_size_gb: step, size_gb_limit: most });
}

function gigabytesOf(
  table: Table,
  key: string,
  bounds: { readonly min: number; readonly max: number },
): number | undefined {
  const text = textOf(table, key);
  if (text === undefined || text === '') return undefined;
  const found = parseSize(text, gigabytes);
  if (found !== undefined && found >= bounds.min && found <= bounds.max) return found;
  const words = found === undefined ? `"${shortened(text)}"` : `${found} GB`;
  table.notes.error(
    keyPath(table.path, key),
    `expected ${bounds.min} to ${bounds.max} GB, such as 3gb, found ${words}`,
  );
  return undefined;
}
