import { defineConfig, mergeConfig } from 'vitest/config';
import tests from './vitest.config.ts';

/**
 * What fits into 20 seconds, for use while you type: the pure parts and those that speak to small servers of their own. No
 * passes over whole apps, no simulator, no storms, no sessions, no git servers, and a tenth of the values that property
 * tests draw. `npm test` runs everything.
 */
export default mergeConfig(
  tests,
  defineConfig({
    test: {
      exclude: [
        'test/{contract,controllers,oci,security,simulator,sources,stories,storm}/**',
        'test/cli/commands/**',
        'test/desired/{bounds,unread}.test.ts',
        'test/house/**',
        'test/schemas/field-changes.test.ts',
      ],
      env: { PROPERTY_RUNS: '0.1' },
    },
  }),
);
