import { expect, test } from 'vitest';
import { changedFleet, walkFleet, type Files } from '../arena.ts';
import { walkKills } from '../kill-walk.ts';

const immediate = (files: Files): Files => ({
  ...files,
  'shop/app.yaml': `${files['shop/app.yaml'] ?? ''}deploy: { strategy: immediate }\n`,
});

const migrating = (image: string, color: string): Files => ({
  'flycd.yaml': 'fleet: commands\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: docker.io/library/${image} }
env: { COLOR: ${color} }
deploy: { release_command: bin/migrate }
machines: { count: 2 }
`,
});

test('kill -9 at each API call of a release with a command, then sync --once: the end state of an undisturbed run', async () => {
  expect(await walkKills([migrating('shop:1', 'red')], migrating('shop:2', 'blue'))).toBeGreaterThan(15);
}, 120_000);

test('kill -9 at each API call of an immediate release, then sync --once: the end state of an undisturbed run', async () => {
  const files = immediate(changedFleet('GREETING: hello', 'GREETING: goodbye'));
  expect(await walkKills([immediate(walkFleet)], files)).toBeGreaterThan(20);
}, 120_000);
