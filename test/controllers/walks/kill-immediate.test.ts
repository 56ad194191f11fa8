import { expect, test } from 'vitest';
import { changedFleet, walkFleet, type Files } from '../arena.ts';
import { walkKills } from '../kill-walk.ts';

const immediate = (files: Files): Files => ({
  ...files,
  'shop/app.yaml': `${files['shop/app.yaml'] ?? ''}deploy: { strategy: immediate }\n`,
});

test('kill -9 at each API call of an immediate release, then sync --once: the end state of an undisturbed run', async () => {
  const files = immediate(changedFleet('GREETING: hello', 'GREETING: goodbye'));
  expect(await walkKills([immediate(walkFleet)], files)).toBeGreaterThan(20);
}, 120_000);
