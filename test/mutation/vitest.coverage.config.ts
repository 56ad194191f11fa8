import { defineConfig, mergeConfig } from 'vitest/config';
import tests from './vitest.tests.config.ts';

/** A test that is watched takes several times as long as it does otherwise. */
const testTimeout = 120_000;

/** Tests of the house read sources instead of running them, and tests of bounds compare times, which being watched distorts. */
const exclude = ['test/house/**', 'test/desired/bounds.test.ts'];

/** Which test file runs which function. */
export default mergeConfig(
  tests,
  defineConfig({ test: { testTimeout, exclude, setupFiles: ['test/mutation/covered.ts'] } }),
);
