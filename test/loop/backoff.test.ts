import * as fc from '../property.ts';
import { expect, test } from 'vitest';
import { passDelay, retryDelay } from '../../src/loop/backoff.ts';

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('property: a retry comes between 4 s and 5 min, never over its step and at most a fifth under', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), chance, (failures, random) => {
      const step = Math.min(5_000 * 2 ** (failures - 1), 300_000);
      const delay = retryDelay(failures, () => random);
      expect(delay).toBeLessThanOrEqual(step);
      expect(delay).toBeGreaterThanOrEqual(step * 0.8 - 1);
    }),
  );
});

test('property: a pass comes within a tenth of its interval', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_000, max: 86_400_000 }), chance, (interval, random) => {
      const delay = passDelay(interval, () => random);
      expect(Math.abs(delay - interval)).toBeLessThanOrEqual(interval * 0.1 + 1);
    }),
  );
});
