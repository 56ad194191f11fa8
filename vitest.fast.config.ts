import { defineConfig, mergeConfig } from 'vitest/config';
import tests from './vitest.config.ts';

/**
 * What fits into 20 seconds, for use while you type: no passes over whole apps, no storms, no sessions, no git servers, and
 * a tenth of the values that property tests draw. `npm test` runs everything.
 */
export default mergeConfig(
  tests,
  defineConfig({
    test: {
      exclude: [
        'test/{acceptance,contract,controllers,security,sources,stories,storm}/**',
        'test/cli/commands/**',
        'test/desired/bounds.test.ts',
        'test/oci/copy.test.ts',
      ],
      env: { PROPERTY_RUNS: '0.1' },
    },
  }),
);
