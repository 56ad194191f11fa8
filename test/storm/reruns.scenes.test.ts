import { expect, test } from 'vitest';
import { storm } from './storm.ts';

test.each([3, 53])('seed %i reruns request by request', async (seed) => {
  const first = await storm(seed);
  expect(first.requests.length).toBeGreaterThan(50);
  expect(await storm(seed)).toEqual(first);
});
