import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { play, type Event, type Typed } from './transcript.ts';

function shop(image: string, greeting: string): string {
  return `app: shop
primary_region: arn
build: { image: "docker.io/acme/${image}@sha256:${createHash('sha256').update(image).digest('hex')}" }
env: { GREETING: ${greeting} }
deploy: { wait_timeout: 30s }
http_service:
  internal_port: 8080
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
machines: { count: 2 }
network: { ips: [] }
`;
}

const files = { 'config/flycd.yaml': 'fleet: acme\n', 'config/app.yaml': shop('shop:1', 'hello') };

const commit = (says: string, image: string, greeting: string): Event => ({
  says,
  does: (stage) => stage.write('config/app.yaml', shop(image, greeting)),
});

const later = (says: string, hours: number): Event => ({ says, does: ({ clock }) => clock.sleep(hours * 3_600_000) });

test('a rollback, then a push, then resume', async () => {
  const text = await play({
    files,
    orderly: true,
    scenes: [
      'sync config --once',
      commit('a new image and a new greeting', 'shop:2', 'good morning'),
      'sync config --once',
      'rollback shop config',
      'diff config',
      commit('a push while the app is held', 'shop:3', 'good evening'),
      'sync config --once',
      'status config',
      'why shop config',
      'history --config config',
      'resume shop config',
      'sync config --once',
      'diff config',
      'rollback shop config --to 1',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/rollback-push-resume.txt');
});

test('a version that failed is not tried again after a restart with an empty database', async () => {
  const text = await play({
    files,
    orderly: true,
    scenes: [
      'sync config --once',
      commit('an image that does not answer', 'failing-check:2', 'good morning'),
      'sync config --once',
      'why shop config',
      { says: 'a FlyCD with an empty database', does: () => undefined },
      'sync config --once --data-dir elsewhere',
      'why shop config --data-dir elsewhere',
      commit('an image that does', 'shop:3', 'good evening'),
      'sync config --once --data-dir elsewhere',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/failed-version.txt');
});

test('suspend and resume', async () => {
  const text = await play({
    files,
    orderly: true,
    scenes: [
      'sync config --once',
      'suspend shop config --reason moving-the-database --for 4h',
      commit('a push meanwhile', 'shop:2', 'good morning'),
      'diff config',
      'sync config --once --now',
      later('three hours later', 3),
      'status config',
      'why shop config',
      'resume shop config',
      'sync config --once',
      'resume shop config',
      'history --config config',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/suspend-resume.txt');
});

test('sync --plan: the same plan is done, another one is shown', async () => {
  let id = '';
  const asked: Typed = {
    async types(stage) {
      const { stdout } = await stage.flycd('diff config --output json');
      id = (JSON.parse(stdout) as { readonly apps: readonly { readonly planId: string }[] }).apps[0]?.planId ?? '';
      return `sync config --plan ${id}`;
    },
  };
  const written: Event = {
    says: 'flycd diff config --output json > plan.json',
    async does(stage) {
      stage.write('plan.json', (await stage.flycd('diff config --output json')).stdout);
    },
  };
  const again: Typed = { types: () => Promise.resolve(`sync config --plan ${id}`) };
  let whole = '';
  const fleets: Typed = {
    async types(stage) {
      const { stdout } = await stage.flycd('diff config --output json');
      whole = (JSON.parse(stdout) as { readonly planId: string }).planId;
      return `sync config --plan ${whole}`;
    },
  };
  const fleetsAgain: Typed = { types: () => Promise.resolve(`sync config --plan ${whole}`) };
  const text = await play({
    files,
    orderly: true,
    scenes: [
      'sync config --once',
      commit('a new image', 'shop:2', 'hello'),
      'diff config',
      asked,
      commit('another one before anybody looks', 'shop:3', 'hello'),
      again,
      'sync config --plan 00000000',
      written,
      'sync config --plan plan.json',
      commit('one more', 'shop:4', 'hello'),
      written,
      commit('and one more', 'shop:5', 'hello'),
      'sync config --plan plan.json',
      'sync config --plan config/app.yaml',
      'sync config --plan soon',
      fleets,
      fleetsAgain,
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/sync-plan.txt');
});
