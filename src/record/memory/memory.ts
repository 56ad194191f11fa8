import type { RememberedRelease } from '../../model/standing/memory.ts';
import type { SecretEvidence } from '../../model/stamps/secrets-stamp.ts';
import { underwayIn } from './app-events.ts';
import { standingQuery, standingRowsOf } from './standing.ts';
import { perform, type Database } from '../file/rows.ts';
import type { Store } from '../store.ts';

type MemoryStore = Pick<
  Store,
  | 'memory'
  | 'setEvidence'
  | 'removeEvidence'
  | 'addIntent'
  | 'redateIntent'
  | 'settleIntent'
  | 'fulfilIntent'
  | 'addMade'
  | 'addHeals'
  | 'markKnown'
  | 'markDefaultAddressesGiven'
  | 'markDefaultAddressesOwed'
  | 'setPopulated'
  | 'seeRevision'
  | 'revisionSeenAt'
  | 'setTold'
  | 'setUnreachable'
>;

/** A path healed three times in an hour is held; a day of heals is enough to say so and to show a person why. */
const healsKeptMs = 24 * 60 * 60 * 1000;

/** In one column: to an earlier FlyCD what is owed was not given. */
const defaultAddresses = { given: 1, owed: 2 } as const;

/** Lists are whole again within a minute; what an intent made is of no use beyond that. */
const fulfilledKeptMs = 60 * 60 * 1000;

export function createMemory(database: Database): MemoryStore {
  const { queries, fleet, clock, redactor } = database;
  return {
    ...createRevisions(database),
    ...createIntents(database),
    ...createHeals(database),
    memory: (app) => readMemory(database, app),
    async setEvidence(app, name, evidence) {
      const values = { mark: evidence.mark, key_id: evidence.keyId, digest: evidence.digest };
      await queries
        .insertInto('evidence')
        .values({ fleet, app, name, ...values })
        .onConflict((conflict) => conflict.columns(['fleet', 'app', 'name']).doUpdateSet(values))
        .execute();
    },
    async removeEvidence(app, name) {
      await queries
        .deleteFrom('evidence')
        .where((where) => where.and({ fleet, app }))
        .where('name', '=', name)
        .execute();
    },
    async addMade(app, kind, id) {
      await queries
        .insertInto('made')
        .values({ fleet, app, kind, id, at: clock.now() })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
    markKnown: (app) => remember(database, app, { known: 1 }),
    markDefaultAddressesGiven: (app) => remember(database, app, { default_addresses_given: defaultAddresses.given }),
    markDefaultAddressesOwed: (app) => remember(database, app, { default_addresses_given: defaultAddresses.owed }),
    setPopulated: (app, groups) => remember(database, app, { grown: JSON.stringify(groups) }),
    setUnreachable: (app, unreachable) => remember(database, app, { unreachable: JSON.stringify(unreachable) }),
    async setTold(app, release) {
      const row = await queries
        .selectFrom('app_memory')
        .select('told')
        .where((where) => where.and({ fleet, app }))
        .executeTakeFirst();
      const before = toldIn(row?.told);
      const known = before === undefined ? [] : [before.first ?? before.number];
      const first = Math.min(release.first ?? release.number, ...known);
      const told = { ...release, first, image: redactor.redact(release.image) };
      await remember(database, app, { told: JSON.stringify(told) });
    },
  };
}

function toldIn(text: string | null | undefined): RememberedRelease | undefined {
  return text == null ? undefined : (JSON.parse(text) as RememberedRelease);
}

async function remember(
  { queries, fleet }: Database,
  app: string,
  values: {
    known?: number;
    default_addresses_given?: number;
    told?: string;
    unreachable?: string;
    grown?: string;
  },
): Promise<void> {
  await queries
    .insertInto('app_memory')
    .values({ fleet, app, ...values })
    .onConflict((conflict) => conflict.columns(['fleet', 'app']).doUpdateSet(values))
    .execute();
}

function createRevisions({ queries, fleet, clock, redactor }: Database): Pick<Store, 'seeRevision' | 'revisionSeenAt'> {
  return {
    async seeRevision(revision) {
      await queries
        .insertInto('seen_revision')
        .values({ fleet, revision: redactor.redact(revision), at: clock.now() })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
    async revisionSeenAt(revision) {
      const seen = await queries
        .selectFrom('seen_revision')
        .select('at')
        .where((where) => where.and({ fleet, revision: redactor.redact(revision) }))
        .executeTakeFirst();
      const at = seen?.at ?? clock.now();
      const earlier = await queries
        .selectFrom('seen_revision')
        .select('at')
        .where((where) => where.and({ fleet }))
        .where('at', '<', at)
        .limit(1)
        .executeTakeFirst();
      return earlier === undefined ? undefined : at;
    },
  };
}

async function redate({ queries, fleet, clock, dates, durable }: Database, app: string, id: number): Promise<void> {
  const at = clock.now();
  const query = queries
    .updateTable('intent')
    .set({ created_at: at })
    .where((where) => where.and({ fleet, app }))
    .where('id', '=', id)
    .compile();
  durable.prepare(query.sql).run(...query.parameters);
  dates.dateOf(`intent ${id}`, at);
}

function createIntents(
  database: Database,
): Pick<Store, 'addIntent' | 'redateIntent' | 'settleIntent' | 'fulfilIntent'> {
  const { queries, fleet, clock, dates, redactor, durable, main } = database;
  return {
    async addIntent(app, { kind, target, before }) {
      const createdAt = clock.now();
      await queries
        .deleteFrom('intent')
        .where((where) => where.and({ fleet, app }))
        .where('made_at', '<', createdAt - fulfilledKeptMs)
        .execute();
      const query = queries
        .insertInto('intent')
        .values({
          fleet,
          app,
          kind,
          target: redactor.redact(target),
          before: JSON.stringify(before),
          created_at: createdAt,
        })
        .compile();
      const { lastInsertRowid } = durable.prepare(query.sql).run(...query.parameters);
      const id = Number(lastInsertRowid);
      return { id, kind, target, createdAt: dates.dateOf(`intent ${id}`, createdAt), before: [...before] };
    },
    redateIntent: (app, id) => redate(database, app, id),
    async settleIntent(app, id) {
      await queries
        .deleteFrom('intent')
        .where((where) => where.and({ fleet, app }))
        .where('id', '=', id)
        .execute();
    },
    async fulfilIntent(app, id, made) {
      const at = clock.now();
      dates.dateOf(`made ${id}`, at);
      const ours = queries
        .selectFrom('intent')
        .select((of) => ['fleet', 'app', 'kind', of.val(made).as('id'), of.val(at).as('at')])
        .where((where) => where.and({ fleet, app }))
        .where('id', '=', id);
      main
        .transaction(() => {
          const columns = ['fleet', 'app', 'kind', 'id', 'at'] as const;
          perform(
            main,
            queries
              .insertInto('made')
              .columns(columns)
              .expression(ours)
              .onConflict((conflict) => conflict.doNothing()),
          );
          perform(
            main,
            queries
              .updateTable('intent')
              .set({ made, made_at: at })
              .where((where) => where.and({ fleet, app }))
              .where('id', '=', id),
          );
        })
        .immediate();
    },
  };
}

function createHeals({ queries, fleet, clock, redactor, main }: Database): Pick<Store, 'addHeals'> {
  return {
    async addHeals(app, paths) {
      if (paths.length === 0) return;
      const at = clock.now();
      main
        .transaction(() => {
          for (const path of paths) {
            perform(main, queries.insertInto('heal').values({ fleet, app, path: redactor.redact(path), at }));
          }
          perform(
            main,
            queries
              .deleteFrom('heal')
              .where((where) => where.and({ fleet, app }))
              .where('at', '<', at - healsKeptMs),
          );
        })
        .immediate();
    },
  };
}

async function readMemory(database: Database, app: string): ReturnType<Store['memory']> {
  const { queries, fleet, clock, dates } = database;
  const evidence = await queries
    .selectFrom('evidence')
    .selectAll()
    .where((where) => where.and({ fleet, app }))
    .execute();
  const intents = await queries
    .selectFrom('intent')
    .selectAll()
    .where((where) => where.and({ fleet, app }))
    .orderBy('id')
    .execute();
  const facts = await queries
    .selectFrom('app_memory')
    .selectAll()
    .where((where) => where.and({ fleet, app }))
    .executeTakeFirst();
  const made = await queries
    .selectFrom('made')
    .select('id')
    .where((where) => where.and({ fleet, app }))
    .orderBy('id')
    .execute();
  const heals = await queries
    .selectFrom('heal')
    .select(['path', 'at'])
    .where((where) => where.and({ fleet, app }))
    .where('at', '>=', clock.now() - healsKeptMs)
    .orderBy('id')
    .execute();
  return {
    evidence: Object.fromEntries(
      evidence.map((row): [string, SecretEvidence] => [
        row.name,
        { mark: row.mark, keyId: row.key_id, digest: row.digest },
      ]),
    ),
    intents: intents.map((row) => ({
      id: row.id,
      kind: row.kind,
      target: row.target,
      createdAt: dates.dateOf(`intent ${row.id}`, row.created_at),
      before: JSON.parse(row.before) as string[],
      ...(row.made === null || row.made_at === null
        ? {}
        : { made: { id: row.made, at: dates.dateOf(`made ${row.id}`, row.made_at) } }),
    })),
    heals,
    made: made.map((row) => row.id),
    appId: facts?.app_id ?? undefined,
    underway: underwayIn(facts?.underway),
    firstRun: facts?.first_run ?? undefined,
    known: facts?.known === 1,
    defaultAddressesGiven: facts?.default_addresses_given === defaultAddresses.given,
    defaultAddressesOwed: facts?.default_addresses_given === defaultAddresses.owed,
    populated: facts?.grown == null ? undefined : (JSON.parse(facts.grown) as Record<string, string>),
    unreachable: facts?.unreachable == null ? {} : (JSON.parse(facts.unreachable) as Record<string, number>),
    told: toldIn(facts?.told),
    standing: standingRowsOf(await standingQuery(database, app).execute()),
  };
}
