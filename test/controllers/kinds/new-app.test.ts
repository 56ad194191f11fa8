/** What a create that Fly never heard of leaves in SQLite: nothing, or words of the app before would be of whichever comes. */
import { beforeEach, expect, test } from 'vitest';
import { applyAppStep } from '../../../controllers/kinds/apps.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { formatSuspension } from '../../../src/model/standing/standing-text.ts';
import { memoryOf } from '../../../src/model/standing/remembered.ts';
import { passOver } from '../pass/passes.ts';

let clock: IdleClock;
beforeEach(() => {
  clock = new IdleClock();
});

const step = {
  kind: 'app.create',
  app: 'shop',
  target: 'shop',
  because: 'git names it, Fly lacks it',
  risk: 'safe',
  changes: [],
  org: 'personal',
  network: undefined,
} as const;
const suspension = { reason: 'incident', by: 'alice', at: 1, until: undefined, count: 1 };
const word = { [stampKeys.suspend]: formatSuspension(suspension) };
const slowDown = () => new Response('{"error":"slow down"}', { status: 429, headers: { 'retry-after': '2' } });

/** The app that SQLite knows is gone from Fly, and the next one is asked for; `onPost` answers, or says something meanwhile. */
async function created(onPost: (say: () => Promise<void>) => Promise<Response>, isSaidBefore = false) {
  const { pass, calls } = passOver(clock, async ({ method }) => {
    if (method === 'POST') return onPost(() => say(undefined));
    return new Response('{"error":"not found"}', { status: 404 });
  });
  const { store } = pass.services;
  await store.applyEvent('shop', { kind: 'created', appId: 'first', known: true, now: clock.now() });
  const say = (appId: string | undefined): Promise<void> =>
    store.applyEvent('shop', { kind: 'said', texts: word, appId });
  if (isSaidBefore) await say('first');
  const thrown = await applyAppStep(pass, step).catch((error: unknown) => error);
  const memory = await store.memory('shop');
  const { standing } = memoryOf(memory, { isThere: true, id: 'another', isStamped: false });
  return { thrown, calls: calls.filter((call) => call.startsWith('POST')), underway: memory.underway, standing };
}

test('a person’s word that came before it was sent', async () => {
  const made = await created(() => Promise.resolve(Response.json({})), true);
  expect(made).toMatchObject({ thrown: { kind: 'waiting' }, calls: [], underway: undefined, standing: [] });
});

test('a person’s word that came before it was sent again', async () => {
  const made = await created(async (say) => {
    await say();
    return slowDown();
  });
  expect(made).toMatchObject({ thrown: { kind: 'waiting' }, calls: ['POST apps'], underway: undefined });
});

test('a refusal', async () => {
  const made = await created(() => Promise.resolve(Response.json({ error: 'no' }, { status: 403 })));
  expect(made).toMatchObject({ calls: ['POST apps'], underway: undefined });
});

test('but where no answer came it may be there', async () => {
  const made = await created(() => Promise.resolve(Response.json({ error: 'oops' }, { status: 500 })));
  expect(made).toMatchObject({ calls: ['POST apps'], underway: 'creating' });
});
