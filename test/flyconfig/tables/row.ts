/** One fact about how flyctl reads a fly config, as an input and what comes of it. */
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { GroupMount } from '../../../src/flyconfig/sections/mounts.ts';
import type { JsonObject } from '../../../src/model/base/json.ts';

/** Where a fact comes from: a row of the platform's facts (`facts`), by section, and where they are silent flyctl's own file. */
export interface Row {
  /** A row of `facts`. */
  readonly row: string;
  /** flyctl's file and function, where the fact is read from there. */
  readonly flyctl?: string;
  readonly says: string;
  readonly input: JsonObject;
  /** Files of the app. */
  readonly files?: Readonly<Record<string, string>>;
  /** Of an app with one process group: its machine config. Its env only where the row is about env. */
  readonly machine?: MachineConfig;
  /** Of each process group. */
  readonly groups?: Readonly<Record<string, MachineConfig>>;
  /** Of an app with one process group: what it asks of the volumes that it mounts. */
  readonly volume?: Partial<GroupMount>;
  /** Of each process group that is named. */
  readonly volumes?: Readonly<Record<string, Partial<GroupMount>>>;
  /** Of the machine that runs the release command. */
  readonly release?: MachineConfig;
  readonly warnings?: readonly Note[];
  /** flyctl takes it, and Fly refuses what comes of it. */
  readonly isRefusedByFly?: boolean;
  /** Nothing is mapped then. */
  readonly errors?: readonly Note[];
}

/** Path and words of a note. */
export type Note = readonly [path: string, says: RegExp];

/** What every machine of the app in arn has in its env. */
export const ownEnv = { PRIMARY_REGION: 'arn' };
