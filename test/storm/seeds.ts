import { expect, test } from 'vitest';
import { storm } from './storm.ts';

/** In `npm test`, which has three minutes for everything; the integration tests run a hundred times as many, these first. */
const seeds = 16;
const shards = 4;

/** Every fourth seed from `shard` on, so that the workers share them; each a test of its own. */
export function testSeeds(shard: number): void {
  for (let seed = shard; seed <= seeds; seed += shards) {
    test(`seed ${seed}; its story: npm run storm -- ${seed}`, async () => {
      const { findings, story } = await storm(seed);
      expect(findings, story.join('\n')).toEqual([]);
    });
  }
}
