import { defineConfig, mergeConfig } from 'vitest/config';
import tests from '../../vitest.config.ts';

/** All of npm test, and the files of many scenes: what may notice a change. */
const exclude = ['test/{acceptance,integration}/**', 'test/controllers/walks/**'];

/** The longest scene takes ten seconds; what takes longer is an endless loop, which a change can make. */
const testTimeout = 60_000;

export default mergeConfig({ ...tests, test: { ...tests.test, exclude } }, defineConfig({ test: { testTimeout } }));
