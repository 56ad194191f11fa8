import { expect, test } from 'vitest';
import { git } from '../servers/git-server.ts';
import { goodConfig } from './config.ts';
import { play, type Event } from './transcript.ts';

const files = {
  ...goodConfig,
  'config/project.yaml': goodConfig['config/project.yaml'].replace('project: acme\nfleet: acme\n', 'project: acme\n'),
};

/** Something done with git in the config repo. */
const inRepo = (says: string, ...calls: readonly (readonly string[])[]): Event => ({
  says,
  does(stage) {
    for (const call of calls) git(`${stage.folder}/config`, call);
  },
});

test('a config repo that nobody named moves, and gets a name', async () => {
  const text = await play({
    files,
    env: { JOBS_TOKEN: 'a-token-nobody-may-see' },
    scenes: [
      inRepo(
        'the config becomes a repo at github.com/acme/config',
        ['init', '--quiet', '--initial-branch=main'],
        ['add', '--all'],
        ['commit', '--quiet', '--message', 'Begin'],
        ['remote', 'add', 'origin', 'git@github.com:acme/config.git'],
      ),
      'sync config --once',
      inRepo('it moves to github.com/acme/fleet', ['remote', 'set-url', 'origin', 'https://github.com/acme/fleet']),
      'diff config',
      'sync config --once',
      'adopt --all --from git@github.com:acme/config config',
      'diff config',
      {
        says: 'somebody writes a name for the fleet',
        does: (stage) =>
          stage.write('config/project.yaml', goodConfig['config/project.yaml'].replace('fleet: acme', 'fleet: shops')),
      },
      'diff config',
      'sync config --once',
      'diff config',
      'history config --limit 2',
      'status config',
      'adopt --all config',
      'adopt --all --from ./old config',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/owners.txt');
});
