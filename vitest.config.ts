import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/integration/**'],
    reporters: process.env['CI'] === undefined ? ['default'] : ['dot'],
    testTimeout: 20_000,
    // Left to itself it keeps one core free, which on a machine of two is half the time.
    maxWorkers: '100%',
  },
});
