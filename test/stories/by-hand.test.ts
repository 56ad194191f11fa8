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

/** A config of its own: what flyctl makes of its groups is what runs. */
const groups = {
  'config/app.yaml': `app: shop
primary_region: arn
build: { image: "docker.io/acme/shop@sha256:${'5'.repeat(64)}" }
processes: { web: serve, worker: work }
http_service: { internal_port: 8080, processes: [web] }
network: { ips: [] }
`,
};

test('a fly deploy by hand takes one group away and adds another, and one is scaled to 0', async () => {
  const text = await play({
    files: groups,
    orderly: true,
    scenes: [
      'sync config --once',
      {
        says: 'somebody runs fly deploy with a fly.toml that has cron in the place of worker',
        async does({ simulator: { world, flyctl } }) {
          const machines = [...(world.apps.get('shop')?.machines.values() ?? [])];
          const web = machines.find(({ config }) => config.metadata?.['fly_process_group'] === 'web')?.config ?? {};
          const { services: _served, ...cron } = web;
          const configs = { web: { ...web, metadata: {} }, cron: { ...cron, metadata: {} } };
          expect(await flyctl.deploy('shop', { configs, highAvailability: false })).toEqual({ ok: true });
        },
      },
      { says: 'a minute later', does: (stage) => stage.clock.sleep(60_000) },
      'diff config',
      'sync config --once',
      'why shop config',
      'sync config --once --now',
      'diff config',
      {
        says: 'somebody runs fly scale count web=0',
        async does({ simulator: { flyctl } }) {
          expect(await flyctl.scaleCount('shop', { count: 0, group: 'web' })).toEqual({ ok: true });
        },
      },
      { says: 'a minute later', does: (stage) => stage.clock.sleep(60_000) },
      'diff config',
      'sync config --once',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/by-hand-groups.txt');
});
