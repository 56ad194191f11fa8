import { mapGroups, type MappedGroup } from '../../src/flyconfig/machine.ts';
import type { ConfigNote } from '../../src/flyconfig/reading/notes.ts';
import type { ReleaseCommand } from '../../src/flyconfig/sections/release-command.ts';
import { repairFlyConfig } from '../../src/flyconfig/older-forms/repair.ts';
import type { JsonObject } from '../../src/model/base/json.ts';
import type { MachineConfig } from '../../schemas/fly/machine.ts';

export interface Mapped {
  readonly groups: readonly MappedGroup[];
  readonly release: ReleaseCommand | undefined;
  readonly notes: readonly ConfigNote[];
  /** Of the one group, or of the group named. */
  readonly config: (group?: string) => MachineConfig | undefined;
}

/** Repairs and maps, as for an app in arn with a few files beside its config. */
export function mapped(document: JsonObject, files: Readonly<Record<string, string>> = {}): Mapped {
  const repaired = repairFlyConfig(document);
  const { groups, release, notes } = mapGroups({
    app: 'shop',
    primaryRegion: 'arn',
    config: repaired.config,
    readFile: (path) => (Object.hasOwn(files, path) ? Buffer.from(files[path] ?? '') : undefined),
  });
  return {
    groups,
    release,
    notes: [...repaired.notes, ...notes],
    config: (name) => groups.find((group) => name === undefined || group.name === name)?.config,
  };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
