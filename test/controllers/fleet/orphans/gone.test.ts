/** What is recorded of apps that git names no more and no look at Fly found, one answer of Fly's at a time. */
import { describe, expect, it } from 'vitest';
import { recordGone } from '../../../../controllers/fleet/gone-apps.ts';
import { rememberOrphan, type FoundOrphans } from '../../../../controllers/fleet/orphans.ts';
import type { Machine } from '../../../../schemas/fly/machine.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { silentLog } from '../../../../src/model/base/log.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import type { AppStatus } from '../../../../src/model/plan.ts';
import type { Run } from '../../../../src/model/run.ts';
import { desiredApp, flyctlMachine, machine } from '../../../plan/builders.ts';
import { planOf, runStart, testStore } from '../../../record/stores.ts';
import { flyAnswering } from '../../answered-fly.ts';
import { fleetOf } from '../../reconcilers.ts';

const old = desiredApp({ name: 'old' });
const of = (fleet: string): Machine => machine(old, { metadata: { flycd_fleet: fleet } });
const all: FoundOrphans = { orphans: [], unread: [], complete: true, orgs: [{ org: 'a', isGuessed: false }] };

interface Seen {
  /** What is in the app; undefined: there is none of that name. */
  readonly machines?: readonly Machine[] | 'unread';
  /** Of so many of its first looks Fly answers that there is none. */
  readonly unseen?: number;
  readonly org?: string;
  readonly found?: Partial<FoundOrphans>;
  readonly fleet?: Partial<DesiredFleet>;
  /** Of the last run of it. */
  readonly status?: AppStatus;
  readonly isMeant?: (app: string) => boolean;
}

/** Runs that were recorded of `old`, of which an earlier one tells, as of `shop`, which git still names. */
async function recorded({
  machines,
  unseen = 0,
  org = 'a',
  found,
  fleet,
  status = 'synced',
  isMeant,
}: Seen): Promise<readonly Run[]> {
  const clock = new IdleClock();
  const store = testStore({ path: ':memory:', clock });
  for (const app of ['shop', 'old']) {
    const id = await store.startRun(runStart(app, { plan: planOf(app, { org: 'a' }) }));
    await store.finishRun(id, { outcome: 'updated', status, nextWakeAt: undefined });
  }
  let looks = 0;
  const fly = flyAnswering(clock, ({ path }) => {
    if (!path.endsWith('/machines')) looks += 1;
    if (machines === undefined || looks <= unseen) return Response.json({ error: 'no such app' }, { status: 404 });
    if (!path.endsWith('/machines'))
      return Response.json({ name: 'old', status: 'deployed', organization: { slug: org } });
    return machines === 'unread' ? Response.json({ error: 'unavailable' }, { status: 503 }) : Response.json(machines);
  });
  const request = {
    clock,
    fly,
    store,
    fleet: fleetOf(fleet),
    trigger: 'timer',
    actor: 'flycd',
    onProgress: () => undefined,
    log: silentLog,
    instance: 'test',
    signal: new AbortController().signal,
  } as const;
  const runs = await recordGone(request, { ...all, ...found }, isMeant);
  expect(runs.every(({ app }) => app === 'old')).toBe(true);
  const [newest] = await store.runs({ app: 'old', limit: 1, all: true });
  if (runs.length > 0) expect(newest?.id).toBe(runs[0]?.id);
  return runs;
}

const outcomes = async (seen: Seen): Promise<readonly Run['outcome'][]> =>
  (await recorded(seen)).map(({ outcome }) => outcome);

describe('an app that Fly does not have', () => {
  it.each<readonly [string, Seen]>([
    ['where all was looked at', {}],
    ['and was told to be orphaned before', { status: 'orphaned' }],
    ['where the pass is about it', { isMeant: (app) => app === 'old' }],
    ['of a folder that names its fleet and is called a part', { fleet: { named: true, isPart: true } }],
    ['of which some apps were chosen', { fleet: { named: true, unselected: ['cart'] } }],
    ['of a fleet that nobody named, read as one', { fleet: { named: false, isPart: false } }],
  ])('is gone: %s', async (_what, seen) => {
    expect(await recorded(seen)).toMatchObject([{ outcome: 'deleted', status: 'orphaned', trigger: 'timer' }]);
  });

  it.each<readonly [string, Seen]>([
    ['a list has gaps', { found: { complete: false } }],
    ['not all of the config was read', { fleet: { whole: false } }],
    ['the config is a part, and nobody named the fleet', { fleet: { named: false, isPart: true } }],
    ['some apps were chosen, and nobody named the fleet', { fleet: { named: false, unselected: ['cart'] } }],
    ['git names it, though it was not chosen', { fleet: { unselected: ['old'] } }],
    ['it was found as an orphan', { found: { orphans: [{ name: 'old', org: 'a', machines: [], flyAheadMs: 0 }] } }],
    ['the pass is about others', { isMeant: (app) => app !== 'old' }],
  ])('is not taken for gone where %s', async (_what, seen) => {
    expect(await outcomes(seen)).toEqual([]);
  });
});

describe('an app that Fly has', () => {
  it.each<readonly [string, Seen, readonly string[]]>([
    ['is left to another fleet', { machines: [of('rival')] }, ['left']],
    ['is left to it by a fleet that knew it as orphaned', { machines: [of('rival')], status: 'orphaned' }, ['left']],
    ['is left to it wherever it is', { machines: [of('rival')], org: 'elsewhere' }, ['left']],
    ['with nothing of the fleet is orphaned', { machines: [] }, ['no-change']],
    ['with what somebody made is orphaned', { machines: [flyctlMachine(old)] }, ['no-change']],
    ['is told of once', { machines: [], status: 'orphaned' }, []],
    ['where nobody has listed it is not told', { machines: [], org: 'elsewhere' }, []],
    ['with a machine of the fleet’s is for the next look', { machines: [of('acme')] }, []],
    ['that Fly does not show for a moment is not told', { machines: [of('acme')], unseen: 1 }, []],
    ['of which machines were not read is not told', { machines: 'unread' }, []],
  ])('%s', async (_what, seen, wanted) => {
    expect(await outcomes(seen)).toEqual(wanted);
  });

  it.each([
    [false, 'a'],
    [true, undefined],
  ])('is recorded with its organization, but for a guess (%s)', async (isGuessed, org) => {
    const [run] = await recorded({
      machines: [],
      found: {
        orgs: [
          { org: 'b', isGuessed: false },
          { org: 'a', isGuessed },
        ],
      },
    });
    expect([run?.outcome, run?.status, run?.plan.org]).toEqual(['no-change', 'orphaned', org]);
  });
});

it('an orphan whose id Fly does not say stays the app that is remembered, with what was said of it', async () => {
  const store = testStore({ path: ':memory:' });
  await store.applyEvent('old', { kind: 'created', appId: 'a1', known: true, now: 0 });
  await store.applyEvent('old', { kind: 'said', texts: { flycd_suspend: 'a word' }, appId: 'a1' });
  const remembered = await store.memory('old');
  const machines = [of('acme')];
  const orphan = { name: 'old', org: 'personal', machines, flyAheadMs: 0, remembered } as const;
  await rememberOrphan({ store, fleet: fleetOf() }, { ...orphan, id: undefined });
  expect(await store.memory('old')).toEqual(remembered);
  await rememberOrphan({ store, fleet: fleetOf() }, { ...orphan, id: 'a2' });
  expect(await store.memory('old')).toMatchObject({ appId: 'a2', standing: [] });
});
