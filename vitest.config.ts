import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Minutes each: npm run test:acceptance and test:integration.
    exclude: ['test/{acceptance,integration}/**', 'test/controllers/walks/**', 'test/**/*.scenes.test.ts'],
    reporters: process.env['CI'] === undefined ? ['default'] : ['dot'],
    testTimeout: 20_000,
    // Nothing in src keeps anything between two callers, so the files need no process of their own: a third of the time went there.
    isolate: false,
    // Left to itself it keeps one core free, which on a machine of two is half the time.
    maxWorkers: '100%',
  },
});
