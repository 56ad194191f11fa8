import { expect, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { mortal } from './mortal.ts';

const answers: typeof fetch = () => Promise.resolve(new Response('{}'));

test('what the dead were busy with holds back nobody’s time, however deep they were in it', async () => {
  const clock = new IdleClock();
  const { clock: theirs, fetch, died } = mortal({ clock, fetch: answers }, { call: 1, when: 'before' });
  const reached: string[] = [];
  const gone = Promise.withResolvers<void>();
  // Three things at once: the last one dies of its call, the others are in the middle of what they are busy with.
  void theirs
    .busy(async () => {
      await gone.promise;
      await theirs.busy(() => fetch('http://fly.test'));
    })
    .then(() => reached.push('second'));
  void theirs
    .busy(async () => {
      await gone.promise;
      await theirs.sleep(5);
    })
    .then(() => reached.push('third'));
  void theirs.busy(() => fetch('http://fly.test')).then(() => reached.push('first'));
  await died;
  gone.resolve();
  const before = clock.now();
  await clock.sleep(1000);
  expect(clock.now() - before).toBe(1000);
  expect(reached).toEqual([]);
});
