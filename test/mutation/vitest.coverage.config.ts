import { defineConfig, mergeConfig } from 'vitest/config';
import tests from '../../vitest.config.ts';

/** A test that is watched takes several times as long as it does otherwise. */
const testTimeout = 120_000;

/** Which test file runs which function. Tests of the house read sources instead of running them. */
export default mergeConfig(
  tests,
  defineConfig({ test: { testTimeout, exclude: ['test/house/**'], setupFiles: ['test/mutation/covered.ts'] } }),
);
