import { expect, test } from 'vitest';
import { brokenConfig, goodConfig } from './config.ts';
import { play } from './transcript.ts';

const env = { JOBS_TOKEN: 'a-token-nobody-may-see' };

test('a first sync: the plan, the pass, an empty plan, its history', async () => {
  const text = await play({
    files: goodConfig,
    env,
    scenes: [
      'diff config',
      'sync config --once',
      'diff config',
      'status config',
      'history config',
      'history 1 --config config',
      'diff config --output json',
    ],
  });
  expect(text).not.toContain(env.JOBS_TOKEN);
  await expect(text).toMatchFileSnapshot('golden/first-sync.txt');
});

test('a secret without a value: the app is held, the other is synced, and the exit code says so', async () => {
  const text = await play({
    files: goodConfig,
    scenes: ['diff config --app acme-jobs', 'sync config --once', 'diff config', 'status config'],
  });
  await expect(text).toMatchFileSnapshot('golden/held-secret.txt');
});

test('a broken app among good ones: the others are synced, and the exit code says so', async () => {
  const text = await play({
    files: brokenConfig,
    env,
    scenes: ['diff config', 'sync config --once', 'sync config --once --output json', 'diff config --output markdown'],
  });
  await expect(text).toMatchFileSnapshot('golden/broken-app.txt');
});

test('without a token nothing is asked', async () => {
  const text = await play({
    files: goodConfig,
    env: { FLY_API_TOKEN: '' },
    scenes: ['diff config', 'sync config --once'],
  });
  await expect(text).toMatchFileSnapshot('golden/no-token.txt');
});
