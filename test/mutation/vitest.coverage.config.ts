import { defineConfig, mergeConfig } from 'vitest/config';
import tests from '../../vitest.config.ts';

/** Which test file runs which function. Tests of the house read sources instead of running them. */
export default mergeConfig(
  tests,
  defineConfig({ test: { exclude: ['test/house/**'], setupFiles: ['test/mutation/covered.ts'] } }),
);
