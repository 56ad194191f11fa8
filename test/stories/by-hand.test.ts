import { expect, test } from 'vitest';
import { goodConfig } from './config.ts';
import { firstMachine, handOn } from './hand.ts';
import { play } from './transcript.ts';

const config = {
  ...goodConfig,
  'config/apps/web/app.yaml': `${goodConfig['config/apps/web/app.yaml']}vm: { size: shared-cpu-1x }
network:
  ips: [{ v: v4, shared: true }, { v: v6 }]
`,
};

test('three things changed by hand are three changes with their paths, healed by the next pass', async () => {
  const text = await play({
    files: config,
    env: { JOBS_TOKEN: 'a-token-nobody-may-see' },
    scenes: [
      'sync config --once',
      {
        says: 'somebody resizes a machine, changes an env and releases an address',
        async does(stage) {
          // Not in the minute in which Fly's list may not show the address yet.
          await stage.clock.sleep(5 * 60_000);
          const fly = handOn(stage);
          const machine = await firstMachine(fly, 'acme-web');
          const { config: live } = machine;
          if (live == null) throw new Error('the machine has no config');
          await fly.updateMachine('acme-web', machine.id, {
            config: { ...live, guest: { ...live.guest, memory_mb: 512 }, env: { ...live.env, GREETING: 'hi' } },
          });
          const v6 = (await fly.addresses('acme-web')).find((address) => address.ip.includes(':'));
          await fly.releaseAddress('acme-web', v6?.ip ?? '');
        },
      },
      'diff config',
      'sync config --once',
      'diff config',
      { says: 'a second FlyCD with an empty database and the same repo', does: () => undefined },
      'diff config --data-dir elsewhere',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/by-hand.txt');
});

test('git moves: an app changes, another is scaled down', async () => {
  const text = await play({
    files: config,
    env: { JOBS_TOKEN: 'a-token-nobody-may-see' },
    scenes: [
      'sync config --once',
      {
        says: 'a new image, a new greeting, one machine less',
        does(stage) {
          const text = config['config/apps/web/app.yaml']
            .replace('nginx:1.27', 'nginx:1.29')
            .replace('hello', 'good morning')
            .replace('count: 2', 'count: 1');
          stage.write('config/apps/web/app.yaml', text);
        },
      },
      'diff config',
      'sync config --once',
      'diff config',
      'history config --app acme-web --limit 1',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/git-moves.txt');
});
