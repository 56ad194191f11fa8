/** Whom a person's word is about: apps of git, of a project, or one that git names no more. */
import { describe, expect, it } from 'vitest';
import { orphanCalled, subjectsCalled } from '../../../../controllers/fleet/spoken-of.ts';
import type { SyncContext } from '../../../../controllers/app/types.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { silentLog } from '../../../../src/model/base/log.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import { createEvidence } from '../../../../src/record/evidence.ts';
import { desiredApp, machine } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { flyAnswering } from '../../answered-fly.ts';
import { fleetOf } from '../../reconcilers.ts';

const gone = () => Response.json({ error: 'no such app' }, { status: 404 });

/** A Fly that has these apps, each with a machine of the fleet. */
function context(there: readonly string[], orphans = true): SyncContext {
  const clock = new IdleClock();
  const of = (name: string) => machine(desiredApp({ name }), { id: `of${name}` });
  const fly = flyAnswering(clock, ({ path }) => {
    if (path.includes('/orgs/')) {
      return Response.json({ machines: there.map((app) => ({ ...of(app), app_name: app })), error_regions: [] });
    }
    const [, name = '', kind] = /\/apps\/([^/]+)\/?([^/]*)$/.exec(path) ?? [];
    if (!there.includes(name)) return gone();
    if (kind === 'machines') return Response.json([of(name)]);
    if (kind !== '') return Response.json({ error: 'unavailable' }, { status: 503 });
    return Response.json({ name, status: 'deployed', organization: { slug: 'personal' } });
  });
  return {
    clock,
    log: silentLog,
    fly,
    store: testStore({ path: ':memory:', clock }),
    evidence: createEvidence({ key: new Uint8Array(32) }),
    flyOrg: undefined,
    concurrency: 2,
    onProgress: () => undefined,
    actor: 'alice',
    instance: 'test',
    signal: new AbortController().signal,
    orphans,
  };
}

const apps = [...['shop', 'cart'].map((name) => desiredApp({ name, projects: ['web'] })), desiredApp({ name: 'solo' })];
const fleet = (parts: Partial<DesiredFleet> = {}): DesiredFleet => fleetOf({ apps, ...parts });
const called = async (there: readonly string[], wanted: DesiredFleet, name: string, orphans?: boolean) =>
  (await subjectsCalled(context(there, orphans), wanted, name)).map((subject) => subject.name);
const all = ['shop', 'cart', 'solo', 'left', 'web'];

describe('a name means', () => {
  it.each<readonly [string, string, Partial<DesiredFleet>, readonly string[]]>([
    ['the app', 'shop', {}, ['shop']],
    ['the app, before a project', 'shop', { apps: apps.map((app) => ({ ...app, projects: ['shop'] })) }, ['shop']],
    ['an app that git names no more', 'left', {}, ['left']],
    ['the apps of a project, and an app that git names no more', 'web', {}, ['shop', 'cart', 'web']],
    ['the apps of a project, where nobody knows of others', 'web', { whole: false }, ['shop', 'cart']],
  ])('%s', async (_what, name, parts, wanted) => {
    expect(await called(all, fleet(parts), name)).toEqual(wanted);
  });

  it('the apps of a project alone, where none is called so or nobody asks for others', async () => {
    expect(await called(['shop', 'cart', 'solo', 'left'], fleet(), 'web')).toEqual(['shop', 'cart']);
    expect(await called(all, fleet(), 'web', false)).toEqual(['shop', 'cart']);
  });
});

describe('a name means nobody', () => {
  it.each<readonly [string, string, Partial<DesiredFleet>, boolean, string]>([
    ['where none is called so', 'lost', {}, true, 'lost'],
    ['for a pattern', 'lef*', {}, true, 'lef'],
    ['where nobody asks for others', 'left', {}, false, 'the config holds cart, shop, solo, web'],
    [
      'that is known, where not all was read',
      'left',
      { whole: false },
      true,
      'whether left is an app of this fleet is not known',
    ],
    ['that is known, where not all was read: nor of a project', 'lost', { whole: false }, true, 'is not known'],
  ])('%s', async (_what, name, parts, orphans, words) => {
    for (const ask of [orphanCalled, subjectsCalled]) {
      await expect(ask(context(all, orphans), fleet(parts), name)).rejects.toMatchObject({
        kind: 'stalled',
        message: expect.stringContaining(words),
      });
    }
  });
});

it('what is planned of an app that git names no more is asked anew, and that it is gone meanwhile is an answer', async () => {
  const there = ['left'];
  const [subject] = await subjectsCalled(context(there), fleet(), 'left');
  expect(await subject?.plan()).toMatchObject({
    app: 'left',
    status: 'orphaned',
    notes: [expect.stringContaining('runs on')],
  });
  there.pop();
  expect(await subject?.plan()).toMatchObject({
    app: 'left',
    notes: [expect.stringContaining('Fly has no app of that name')],
  });
});
