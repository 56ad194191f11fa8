/** In the loop, when it is the turn of an app that git names no more: what is looked at first, and what is told of it. */
import { expect, test } from 'vitest';
import { stampKeys } from '../../../../src/model/stamps/keys.ts';
import { both, one, orphanScene } from './scene.ts';

const scene = orphanScene();
const { names, removed, suspendOld, unsayOld } = scene;

const silence = () =>
  scene.simulator.world.faults.add({ template: 'GET /apps/{app}/machines', app: 'rest', fault: '503', times: 99 });
/** Somebody destroys what `rest` runs on. */
async function ruin(): Promise<void> {
  for (const { id } of scene.machinesOf('rest')) await scene.call('DELETE', `/apps/rest/machines/${id}?force=true`);
}

test('it goes, and of what is not there nobody tells', async () => {
  const { turn, ofOld } = await removed();
  const quiet = { nextWakeAt: undefined, failed: false };
  expect(await turn('old')).toEqual(quiet);
  expect(names()).toEqual(['rest']);
  expect(await turn('old')).toEqual(quiet);
  expect(await turn('nobody')).toEqual(quiet);
  expect((await ofOld())[0]).toBe('deleted');
});

test('where Fly does not destroy it, it is tried again', async () => {
  const { turn, ofOld } = await removed();
  scene.simulator.world.faults.add({
    template: 'DELETE /apps/{app}',
    app: 'old',
    fault: { status: 422, body: { error: 'busy' } },
    times: 99,
  });
  for (let times = 0; times < 2; times += 1) expect(await turn('old')).toMatchObject({ failed: true });
  expect(names()).toEqual(['old', 'rest']);
  scene.simulator.world.faults.clear();
  expect(await turn('old')).toMatchObject({ failed: false });
  expect((await ofOld()).slice(0, 3)).toEqual(['deleted', 'failed', 'failed']);
});

test('what takes its place is looked at anew, however well it was a while ago', async () => {
  const { turn, ofOld } = await removed();
  await scene.clock.sleep(60_000);
  await ruin();
  for (let times = 0; times < 2; times += 1) expect(await turn('old')).toMatchObject({ failed: false });
  expect(names()).toEqual(['old', 'rest']);
  expect((await ofOld()).filter((outcome) => outcome === 'held')).toHaveLength(1);
  await turn('rest');
  await turn('old');
  expect(names()).toEqual(['rest']);
});

test('where it waits for one that could not be looked at, that is looked at in its turn', async () => {
  const { turn } = await removed();
  await scene.clock.sleep(60_000);
  silence();
  await turn('rest').catch(() => undefined);
  await turn('old');
  expect(names()).toEqual(['old', 'rest']);
  scene.simulator.world.faults.clear();
  await scene.clock.sleep(60_000);
  await turn('old');
  expect(names()).toEqual(['rest']);
});

test.each([
  ['fails', '503' as const],
  ['is refused', { status: 401, body: { error: 'unauthorized' } }],
])('where the list of an organization %s, it is known, and nothing goes', async (_how, fault) => {
  const { refresh, turn } = await removed();
  scene.simulator.world.faults.add({ template: 'GET /orgs/{org}/machines', fault, times: 99 });
  expect((await refresh(one)).apps).toEqual(['rest', 'old']);
  await turn('old');
  expect(names()).toEqual(['old', 'rest']);
  expect((await refresh(both)).apps).toEqual(['old', 'rest']);
  scene.simulator.world.faults.clear();
  expect((await refresh(one)).apps).toEqual(['rest', 'old']);
  await turn('rest');
  await turn('old');
  expect(names()).toEqual(['rest']);
});

test('where git names it again meanwhile, it stays, and is looked at again at once', async () => {
  const { refresh, turn, ofOld } = await removed();
  let isDone = false;
  let again: Promise<unknown> = Promise.resolve();
  scene.simulator.world.onRequest = ({ phase, request: { method, path } }) => {
    if (isDone || phase !== 'after' || method !== 'GET' || !path.endsWith('/apps/old/volumes')) return;
    isDone = true;
    again = refresh(both);
  };
  expect(await turn('old')).toMatchObject({ nextWakeAt: scene.clock.now(), failed: false });
  await again;
  expect(isDone).toBe(true);
  expect(names()).toEqual(['old', 'rest']);
  expect(await ofOld()).not.toContain('deleted');
});

test.each([
  ['volumes', 1],
  ['certificates', 1],
  ['secrets', 1],
  ['volumes', 2],
])('what a person says while its %s are read (%d) keeps it, and is remembered', async (read, nth) => {
  const { turn, ofOld, store } = await removed();
  scene.simulator.world.faults.add({
    template: `GET /apps/{app}/${read}`,
    app: 'old',
    fault: { latencyMs: 25_000 },
    nth,
    times: 1,
  });
  const turned = turn('old');
  await scene.clock.sleep(10_000);
  await suspendOld();
  expect(await turned).toMatchObject({ failed: false });
  expect(names()).toEqual(['old', 'rest']);
  const [run] = await store.runs({ app: 'old', limit: 1 });
  expect(run).toMatchObject({ outcome: 'held', plan: { steps: [], holds: [{ reason: 'suspended' }] } });
  unsayOld();
  await turn('old');
  expect(await ofOld()).not.toContain('deleted');
  expect((await store.memory('old')).standing.map(({ key }) => key)).toContain(stampKeys.suspend);
});

test.each(['its turn', 'a refresh'])(
  'a suspension that %s alone has seen stands once nothing on Fly tells of it',
  async (seer) => {
    const { refresh, turn, store } = await removed();
    await suspendOld();
    await (seer === 'a refresh' ? refresh(one) : turn('old'));
    unsayOld();
    for (let times = 0; times < 2; times += 1) await turn('old');
    expect(names()).toEqual(['old', 'rest']);
    const { standing } = await store.memory('old');
    expect(standing.map(({ key }) => key)).toContain(stampKeys.suspend);
  },
);

test('what is said of it anew is told in the run that is there', async () => {
  const { turn, store } = await removed();
  await suspendOld();
  await turn('old');
  const [before] = await store.runs({ app: 'old', limit: 9 });
  await scene.clock.sleep(60_000);
  await suspendOld('another look', 2);
  await turn('old');
  const [run] = await store.runs({ app: 'old', limit: 9 });
  expect(run?.id).toBe(before?.id);
  expect(run?.plan.holds[0]?.because).toContain('another look');
});
