import { defineConfig } from 'vitest/config';

const storms = 'test/integration/storm.test.ts';
const hostile = 'test/integration/hostile/**/*.test.ts';
const patience = { testTimeout: 120_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        // Mostly they wait, on real time, for processes of their own: two of them side by side take half of it.
        test: {
          name: 'services',
          include: ['test/integration/**/*.test.ts'],
          exclude: [storms, hostile],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...patience,
        },
      },
      // They take every core, so they come when all else is done.
      { test: { name: 'storms', include: [storms], sequence: { groupOrder: 2 }, ...patience } },
      // It measures how long an answer takes.
      { test: { name: 'hostile', include: [hostile], sequence: { groupOrder: 3 }, ...patience } },
    ],
  },
});
