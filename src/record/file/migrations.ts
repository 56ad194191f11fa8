/** One step of the schema. Published steps are never edited: a change is a new step. */
export interface Migration {
  /** From 1, without gaps; the database keeps the number of its last one as `user_version`. */
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * Times are milliseconds since the epoch, booleans 0 or 1, lists and plans JSON text.
 * Every table but step_result and process has the fleet as its first key: one database serves several fleets.
 */
export const migrations: readonly Migration[] = [
  {
    number: 1,
    name: '0001-runs-memory-deliveries',
    sql: `
      CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        fleet TEXT NOT NULL,
        app TEXT NOT NULL,
        trigger TEXT NOT NULL,
        actor TEXT NOT NULL,
        revision TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        finished_at INTEGER,
        outcome TEXT,
        status TEXT NOT NULL,
        plan TEXT NOT NULL,
        next_wake_at INTEGER
      ) STRICT;
      CREATE INDEX run_by_app ON run (fleet, app, id);
      CREATE INDEX run_by_fleet ON run (fleet, id);
      CREATE INDEX run_open ON run (fleet) WHERE finished_at IS NULL;

      CREATE TABLE step_result (
        run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        kind TEXT NOT NULL,
        target TEXT NOT NULL,
        outcome TEXT NOT NULL,
        message TEXT,
        next TEXT,
        started_at INTEGER NOT NULL,
        finished_at INTEGER NOT NULL,
        PRIMARY KEY (run_id, position)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE evidence (
        fleet TEXT NOT NULL,
        app TEXT NOT NULL,
        name TEXT NOT NULL,
        mark TEXT NOT NULL,
        key_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (fleet, app, name)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE intent (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        fleet TEXT NOT NULL,
        app TEXT NOT NULL,
        kind TEXT NOT NULL,
        target TEXT NOT NULL,
        before TEXT NOT NULL,
        created_at INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX intent_by_app ON intent (fleet, app, id);

      CREATE TABLE heal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        fleet TEXT NOT NULL,
        app TEXT NOT NULL,
        path TEXT NOT NULL,
        at INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX heal_by_app ON heal (fleet, app, at);

      CREATE TABLE app_memory (
        fleet TEXT NOT NULL,
        app TEXT NOT NULL,
        known INTEGER NOT NULL DEFAULT 0,
        default_addresses_given INTEGER NOT NULL DEFAULT 0,
        held_revision TEXT,
        PRIMARY KEY (fleet, app)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE delivery (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        fleet TEXT NOT NULL,
        id TEXT NOT NULL,
        repo TEXT NOT NULL,
        ref TEXT NOT NULL,
        received_at INTEGER NOT NULL,
        finished_at INTEGER,
        UNIQUE (fleet, id)
      ) STRICT;
      CREATE INDEX delivery_pending ON delivery (fleet, number) WHERE finished_at IS NULL;
      CREATE INDEX delivery_finished ON delivery (fleet, finished_at) WHERE finished_at IS NOT NULL;

      CREATE TABLE dirty (
        generation INTEGER PRIMARY KEY AUTOINCREMENT,
        fleet TEXT NOT NULL,
        app TEXT NOT NULL,
        UNIQUE (fleet, app)
      ) STRICT;
    `,
  },
  {
    number: 2,
    name: '0002-shorter-marks',
    // Marks are written as on the machines now; whole ones would pass for other values.
    sql: `UPDATE evidence SET mark = substr(mark, 1, 32);`,
  },
  {
    number: 3,
    name: '0003-what-intents-made',
    sql: `
      ALTER TABLE intent ADD COLUMN made TEXT;
      ALTER TABLE intent ADD COLUMN made_at INTEGER;
    `,
  },
  {
    number: 4,
    name: '0004-releases-told',
    sql: `ALTER TABLE app_memory ADD COLUMN told TEXT;`,
  },
  {
    number: 5,
    name: '0005-builds',
    sql: `
      CREATE TABLE build (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        fleet TEXT NOT NULL,
        key TEXT NOT NULL,
        app TEXT NOT NULL,
        org TEXT,
        outcome TEXT NOT NULL,
        digest TEXT,
        output TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        finished_at INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX build_by_key ON build (fleet, key, finished_at);
    `,
  },
  {
    number: 6,
    name: '0006-unreachable-hosts',
    sql: `ALTER TABLE app_memory ADD COLUMN unreachable TEXT;`,
  },
  {
    number: 7,
    name: '0007-standing',
    sql: `
      CREATE TABLE standing (
        fleet TEXT NOT NULL,
        app TEXT NOT NULL,
        key TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (fleet, app, key)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE good_version (
        run_id INTEGER PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
        fleet TEXT NOT NULL,
        app TEXT NOT NULL,
        text TEXT NOT NULL
      ) STRICT;
      CREATE INDEX good_version_by_app ON good_version (fleet, app, run_id);
    `,
  },
  {
    number: 8,
    name: '0008-made',
    sql: `
      CREATE TABLE made (
        fleet TEXT NOT NULL,
        app TEXT NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (fleet, app, kind, id)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    number: 9,
    name: '0009-fleet-origins',
    sql: `
      CREATE TABLE fleet_origin (
        fleet TEXT PRIMARY KEY,
        origin TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    number: 10,
    name: '0010-app-ids',
    sql: `ALTER TABLE app_memory ADD COLUMN app_id TEXT;`,
  },
  {
    number: 11,
    name: '0011-words-of-apps',
    sql: `
      ALTER TABLE standing ADD COLUMN app_id TEXT;
      UPDATE standing SET app_id =
        (SELECT app_id FROM app_memory WHERE app_memory.fleet = standing.fleet AND app_memory.app = standing.app);
      ALTER TABLE app_memory ADD COLUMN ending INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE app_memory ADD COLUMN first_run INTEGER;
      ALTER TABLE run ADD COLUMN whole_plan TEXT;
      `,
  },
  {
    number: 12,
    name: '0012-revisions-seen',
    // held_revision stays, as it is in every database: nobody reads it any more.
    sql: `
      CREATE TABLE seen_revision (
        fleet TEXT NOT NULL,
        revision TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (fleet, revision)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO seen_revision (fleet, revision, at)
        SELECT fleet, revision, MIN(started_at) FROM run GROUP BY fleet, revision;
      ALTER TABLE app_memory ADD COLUMN grown TEXT;
    `,
  },
  {
    number: 13,
    name: '0013-apps-underway',
    // ending stays, as it is in every database: nobody reads it any more.
    sql: `
      ALTER TABLE app_memory ADD COLUMN underway TEXT;
      UPDATE app_memory SET underway = 'destroying' WHERE ending = 1;
    `,
  },
  {
    number: 14,
    name: '0014-processes',
    sql: `
      CREATE TABLE process (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        instance TEXT NOT NULL,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL
      ) STRICT;
      ALTER TABLE run ADD COLUMN process INTEGER;
      ALTER TABLE run ADD COLUMN beat_at INTEGER;
    `,
  },
];
