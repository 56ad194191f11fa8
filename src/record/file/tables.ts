import type { Generated, Selectable } from 'kysely';
import type { IntentKind } from '../../model/stamps/calls-stamp.ts';
import type { AppStatus, StepKind } from '../../model/plan.ts';
import type { RunOutcome, StepOutcome, Trigger } from '../../model/run.ts';
import type { BuildRow } from '../store.ts';

/** The newest schema of migrations.ts as Kysely sees it. */
export interface Tables {
  run: RunTable;
  process: ProcessTable;
  step_result: StepResultTable;
  evidence: EvidenceTable;
  intent: IntentTable;
  made: MadeTable;
  heal: HealTable;
  app_memory: AppMemoryTable;
  delivery: DeliveryTable;
  dirty: DirtyTable;
  build: BuildTable;
  standing: StandingTable;
  good_version: GoodVersionTable;
  seen_revision: SeenRevisionTable;
}

export interface RunTable {
  id: Generated<number>;
  fleet: string;
  app: string;
  trigger: Trigger;
  actor: string;
  revision: string;
  started_at: number;
  finished_at: number | null;
  outcome: RunOutcome | null;
  status: AppStatus;
  /** JSON of an AppPlan. */
  plan: string;
  /** Id of the fleet's plan that this is part of. */
  whole_plan: string | null;
  next_wake_at: number | null;
  /** Whose work it is. null: an earlier FlyCD's, which did not say. */
  process: number | null;
  /** When that process last said that it is at it. */
  beat_at: number | null;
}

/** A FlyCD that has begun a run. One that was killed leaves its row. */
interface ProcessTable {
  id: Generated<number>;
  /** As leases name it. */
  instance: string;
  /** The computer, what counts process ids there, and the process's id. */
  host: string;
  pid: number;
}

export type ProcessRow = Selectable<ProcessTable>;

export interface StepResultTable {
  run_id: number;
  /** Order in which results came in, from 0. */
  position: number;
  kind: StepKind;
  target: string;
  outcome: StepOutcome;
  message: string | null;
  next: string | null;
  started_at: number;
  finished_at: number;
}

/** Ids of what FlyCD made: which of several equals on Fly is its own. */
interface MadeTable {
  fleet: string;
  app: string;
  kind: IntentKind;
  id: string;
  at: number;
}

interface EvidenceTable {
  fleet: string;
  app: string;
  name: string;
  mark: string;
  key_id: string;
  digest: string;
}

interface IntentTable {
  id: Generated<number>;
  fleet: string;
  app: string;
  kind: IntentKind;
  target: string;
  /** JSON list of text. */
  before: string;
  created_at: number;
  made: string | null;
  made_at: number | null;
}

interface HealTable {
  id: Generated<number>;
  fleet: string;
  app: string;
  path: string;
  at: number;
}

interface AppMemoryTable {
  fleet: string;
  app: string;
  /** Fly's id of the app that the fleet's memory is about. */
  app_id: string | null;
  /** As `Memory.underway`. */
  underway: string | null;
  /** Runs before it are of earlier apps by the name. */
  first_run: number | null;
  known: Generated<number>;
  /** 0: not that anybody knows; 1: given; 2: begun, and not all are known to be there. */
  default_addresses_given: Generated<number>;
  /** JSON of a RememberedRelease. */
  told: string | null;
  /** JSON of Memory.unreachable. */
  unreachable: string | null;
  /** JSON of Memory.populated, under the column's earlier name. */
  grown: string | null;
}

interface DeliveryTable {
  number: Generated<number>;
  fleet: string;
  id: string;
  repo: string;
  ref: string;
  received_at: number;
  finished_at: number | null;
}

interface DirtyTable {
  generation: Generated<number>;
  fleet: string;
  app: string;
}

interface BuildTable {
  id: Generated<number>;
  fleet: string;
  key: string;
  app: string;
  org: string | null;
  outcome: BuildRow['outcome'];
  digest: string | null;
  /** The last lines of one that failed. */
  output: string;
  started_at: number;
  finished_at: number;
}

export interface StandingTable {
  fleet: string;
  app: string;
  /** As the stamp is called on machines. */
  key: string;
  text: string;
  /** Fly's id of the app that it is said of. null: Fly showed none, or it was not written down. */
  app_id: string | null;
}

interface GoodVersionTable {
  run_id: number;
  fleet: string;
  app: string;
  /** As the stamp says it. */
  text: string;
}

/** When the fleet's git was first seen to be there. A row a commit, some hundred bytes, forgotten as runs are. */
interface SeenRevisionTable {
  fleet: string;
  revision: string;
  at: number;
}
