import { defineConfig } from 'vitest/config';

/** Whole walks: each call of a command killed and struck. `npm test` samples the same files. */
export default defineConfig({
  test: {
    include: ['test/controllers/walks/{kill,faults}-*.test.ts'],
    env: { WALKS: 'whole' },
    testTimeout: 120_000,
    maxWorkers: '100%',
  },
});
