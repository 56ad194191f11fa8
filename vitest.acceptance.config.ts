import { defineConfig } from 'vitest/config';

/** Whole fleets over real git, whole walks (each call of a command killed and struck), and files of many scenes, which are six seconds of one core or more. They take minutes. */
export default defineConfig({
  test: {
    include: ['test/acceptance/**/*.test.ts', 'test/controllers/walks/*.test.ts', 'test/**/*.scenes.test.ts'],
    // The longest walk takes 80 s on two quiet cores.
    testTimeout: 240_000,
    isolate: false,
    maxWorkers: '100%',
  },
});
