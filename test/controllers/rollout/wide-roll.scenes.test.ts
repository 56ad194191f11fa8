import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { rollout } from '../../../bench/measures/rollout.ts';

const folder = mkdtempSync(join(tmpdir(), 'flycd-wide-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('200 machines of 50 apps roll at once: no call too many, and as fast as Fly lets them', async () => {
  const [took] = await rollout({ folder }, { apps: 50, machinesPerApp: 4 });
  expect(took?.value).toBeGreaterThan(0);
  expect(took?.value).toBeLessThanOrEqual(took?.bound ?? 0);
}, 60_000);
