import { expect, onTestFinished, test } from 'vitest';
import { fakeFlyctl } from '../servers/fake-flyctl.ts';
import { temporaryFolder } from '../servers/git-server.ts';
import { play, type Event } from './transcript.ts';

const app = (name: string): string => `app: ${name}
source: { type: local, path: ../../code }
machines: { count: 1 }
env: { STAGE: ${name} }
`;

const files = {
  // One after the other, so that it is always the same app that builds.
  'flycd.yaml': 'concurrency: 1\n',
  'config/project.yaml': `project: acme
fleet: acme
source: { type: local, path: apps }
common:
  app_defaults:
    primary_region: arn
`,
  'config/apps/production/app.yaml': app('shop-production'),
  'config/apps/staging/app.yaml': app('shop-staging'),
  'config/code/Dockerfile': 'FROM scratch\n',
};

const dockerfile = (text: string, says: string): Event => ({
  says,
  does: (stage) => stage.write('config/code/Dockerfile', text),
});

test(
  'one source, two environments: one build; a build that fails, and one that is mended',
  { timeout: 90_000 },
  async () => {
    const folder = temporaryFolder('flycd-flyctl-');
    onTestFinished(() => folder.remove());
    const flyctl = fakeFlyctl(folder.path);
    const text = await play({
      files,
      env: { FLYCTL_PATH: flyctl.path },
      scenes: [
        'diff config',
        'sync config --once',
        dockerfile('FROM scratch\nRUN fail\n', 'a step of the Dockerfile is misspelt'),
        'sync config --once',
        'diff config',
        'history 3 --config config',
        dockerfile('FROM scratch\nRUN true\n', 'it is mended'),
        'sync config --once',
        'diff config',
      ],
    });
    await expect(text).toMatchFileSnapshot('golden/builds.txt');
  },
);

test('without flyctl', async () => {
  const text = await play({
    files,
    env: { FLYCTL_PATH: '', PATH: '/nowhere' },
    scenes: ['diff config', 'sync config --once'],
  });
  await expect(text).toMatchFileSnapshot('golden/builds-without-flyctl.txt');
});
