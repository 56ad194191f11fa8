/** Runs around each test file of a coverage run, and writes down which functions of FlyCD the file ran. */
import { writeFileSync } from 'node:fs';
import { Session, type Profiler } from 'node:inspector/promises';
import { join, relative } from 'node:path';
import { afterAll, expect } from 'vitest';

const folder = process.env['MUTATION_COVERAGE'] ?? '';
const root = process.cwd();
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
const startedAt = performance.now();

const ran = (script: Profiler.ScriptCoverage): string[] => {
  const path = relative(root, script.url.replace(/^file:\/\//, ''));
  if (!/^(?:src|controllers)\//.test(path)) return [];
  const called = script.functions.filter(({ ranges }) => ranges.some(({ count }) => count > 0));
  return called.map(({ functionName }) => `${path}#${functionName}`);
};

afterAll(async () => {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  const file = relative(root, expect.getState().testPath ?? '');
  const functions = [...new Set(result.flatMap(ran))];
  const milliseconds = performance.now() - startedAt;
  writeFileSync(join(folder, `${file.replaceAll('/', '+')}.json`), JSON.stringify({ file, milliseconds, functions }));
});
