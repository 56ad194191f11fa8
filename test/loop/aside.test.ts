import PQueue from 'p-queue';
import { expect, test } from 'vitest';
import { asideOf } from '../../src/loop/aside.ts';
import { IdleClock } from '../../src/model/base/clock.ts';

test('a task that waits lets another one start, however many of its waits go on, and takes its place back after', async () => {
  const clock = new IdleClock();
  const start = clock.now();
  const queue = new PQueue({ concurrency: 1 });
  const said: string[] = [];
  const task = (name: string) => async (): Promise<void> => {
    said.push(`${name} begins at ${clock.now() - start}`);
    const aside = asideOf(queue, 1);
    await Promise.all([aside(() => clock.sleep(1000)), aside(() => clock.sleep(1000))]);
    await clock.sleep(500);
    said.push(`${name} ends at ${clock.now() - start}`);
  };
  await Promise.all(['a', 'b'].map((name) => queue.add(task(name))));
  expect(said).toEqual(['a begins at 0', 'b begins at 0', 'a ends at 1500', 'b ends at 1500']);
  expect(queue.concurrency).toBe(1);
});

test('a wait that fails gives the place back, too, and there is an end to how many wait', async () => {
  const queue = new PQueue({ concurrency: 2 });
  const failing = asideOf(queue, 2)(() => Promise.reject(new Error('gone')));
  expect(queue.concurrency).toBe(3);
  await expect(failing).rejects.toThrow('gone');
  expect(queue.concurrency).toBe(2);
  const ends = Promise.withResolvers<void>();
  const waits = Array.from({ length: 200 }, () => asideOf(queue, 2)(() => ends.promise));
  expect(queue.concurrency).toBeLessThan(100);
  ends.resolve();
  await Promise.all(waits);
  expect(queue.concurrency).toBe(2);
});
