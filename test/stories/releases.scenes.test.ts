import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { play, type Event, type Scene, type Stage } from './transcript.ts';

const strategies = ['rolling', 'immediate'] as const;
type Strategy = (typeof strategies)[number];

interface Parts {
  readonly image?: string;
  readonly greeting?: string;
  readonly deploy?: string;
  readonly count?: number;
  /** Name of a volume. */
  readonly mount?: string;
}

/** By digest: no registry is asked. */
function pinned(image: string): string {
  return `docker.io/acme/${image}@sha256:${createHash('sha256').update(image).digest('hex')}`;
}

function shop(
  strategy: Strategy,
  { image = 'shop:1', greeting = 'hello', deploy = '', count = 3, mount }: Parts = {},
): string {
  return `app: shop
primary_region: arn
build: { image: "${pinned(image)}" }
env: { GREETING: ${greeting} }
deploy: { strategy: ${strategy}, wait_timeout: 30s${deploy} }
http_service:
  internal_port: 8080
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
machines: { count: ${count} }
network: { ips: [] }
${
  mount === undefined
    ? ''
    : `mounts: [{ source: ${mount}, destination: /data }]
`
}`;
}

const file = 'config/app.yaml';

function machinesOf({ simulator }: Stage) {
  const all = [...(simulator.world.apps.get('shop')?.machines.values() ?? [])];
  return all.filter(({ state }) => state !== 'destroyed').toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Git says something else from here on. */
function commit(says: string, strategy: Strategy, parts: Parts): Event {
  return { says, does: (stage) => stage.write(file, shop(strategy, parts)) };
}

async function asked(stage: Stage, path: string, body: unknown): Promise<void> {
  const { simulator, clock } = stage;
  await clock.busy(async () => {
    const response = await fetch(`${simulator.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${simulator.token}` },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
  });
}

/** The story that each strategy tells, in a transcript of its own. */
function told(name: string, scenes: (strategy: Strategy) => readonly Scene[]): void {
  test.each(strategies)(`${name}: %s`, async (strategy) => {
    const text = await play({
      files: { [file]: shop(strategy) },
      orderly: true,
      scenes: ['sync config --once', ...scenes(strategy)],
    });
    await expect(text).toMatchFileSnapshot(`golden/release-${name.replaceAll(' ', '-')}-${strategy}.txt`);
  });
}

describe('a release', () => {
  told('that goes well', (strategy) => [
    commit('a new image and a new greeting', strategy, { image: 'shop:2', greeting: 'good morning' }),
    'diff config',
    'sync config --once',
    'diff config',
    'history config --app shop --limit 1',
  ]);

  told('that brings a mount and one that takes it away', (strategy) => [
    commit('a mount', strategy, { mount: 'data' }),
    'diff config',
    'sync config --once',
    'diff config',
    commit('no mount', strategy, {}),
    'sync config --once',
    'diff config',
    'sync config --accept',
    { says: 'a minute later', does: (stage) => stage.clock.sleep(60_000) },
    'diff config',
  ]);

  told('whose first machine fails its check', (strategy) => [
    commit('an image that does not answer', strategy, { image: 'failing-check:2' }),
    'sync config --once',
    'diff config',
    commit('an image that does', strategy, { image: 'shop:3' }),
    'sync config --once',
    'diff config',
  ]);

  told('that fails in the middle', (strategy) => [
    {
      says: 'the second machine does not bear the new image',
      does({ simulator }) {
        const second = [...(simulator.world.apps.get('shop')?.machines.values() ?? [])].find(
          ({ name }) => name === 'app-arn-2-g1',
        );
        simulator.world.onRequest = ({ phase, request }) => {
          if (phase !== 'after' || second === undefined || !request.path.endsWith(second.id)) return;
          second.checkRule = second.config.image?.includes('shop:2') === true ? 'fail' : undefined;
        };
      },
    },
    commit('a new image', strategy, { image: 'shop:2' }),
    'sync config --once',
    'diff config',
    {
      says: 'it does now',
      does({ simulator }) {
        simulator.world.onRequest = undefined;
      },
    },
    'resume shop config',
    'sync config --once',
    'diff config',
  ]);

  told('that crashes again and again', (strategy) => [
    commit('an image that crashes', strategy, { image: 'crash-loop:2' }),
    'sync config --once',
    'diff config',
  ]);

  told('whose command fails', (strategy) => [
    commit('an image with a migration that fails', strategy, {
      image: 'failing-release:2',
      deploy: ', release_command: bin/migrate',
    }),
    'diff config',
    'sync config --once',
    commit('one that works', strategy, { image: 'shop:3', deploy: ', release_command: bin/migrate' }),
    'sync config --once',
    'diff config',
  ]);

  told('while somebody holds a machine', (strategy) => [
    {
      says: 'alice leases a machine for ten minutes',
      async does(stage) {
        const [first] = machinesOf(stage);
        const lease = { ttl: 600, description: 'alice looks at something' };
        await asked(stage, `/v1/apps/shop/machines/${first?.id ?? ''}/lease`, lease);
      },
    },
    commit('a new greeting', strategy, { greeting: 'good morning' }),
    'diff config',
    'sync config --once',
    { says: 'ten minutes later', does: (stage) => stage.clock.sleep(600_000) },
    'sync config --once',
  ]);

  told('and a fly deploy by hand after it', () => [
    {
      says: 'somebody runs fly deploy --image shop:9',
      async does({ simulator }) {
        expect(await simulator.flyctl.deploy('shop', { image: pinned('shop:9') })).toEqual({ ok: true });
      },
    },
    'diff config',
    'sync config --once',
    'sync config --once --now',
    'diff config',
  ]);

  told('and a fly deploy by hand while it runs', (strategy) => [
    commit('a new greeting', strategy, { greeting: 'good morning' }),
    {
      says: 'somebody will run fly deploy --image shop:9 as soon as the first machine has it',
      does({ simulator: { world, flyctl } }) {
        let deployed = false;
        world.onStateChange = (machine) => {
          if (deployed || machine.config.env?.['GREETING'] !== 'good morning') return;
          deployed = true;
          void flyctl.deploy('shop', { image: pinned('shop:9') });
        };
      },
    },
    'sync config --once',
    { says: 'ten minutes later', does: (stage) => stage.clock.sleep(600_000) },
    'diff config',
    'sync config --once',
    'sync config --once --now',
    'diff config',
  ]);

  told('that a newer commit overtakes', (strategy) => [
    commit('a new image, which takes its time', strategy, { image: 'slow-start:2' }),
    {
      says: 'half-way there a newer one is committed, and Ctrl-C is pressed once all machines run it',
      types: 'sync config',
      meanwhile(stage, stop) {
        stage.write('flycd.yaml', 'interval: 10s\n');
        stage.simulator.world.onStateChange = ({ config }) => {
          const runs = (image: string) => machinesOf(stage).filter((machine) => machine.config.image === pinned(image));
          if (config.image === pinned('slow-start:2')) stage.write(file, shop(strategy, { image: 'shop:3' }));
          if (runs('shop:3').filter(({ state }) => state === 'started').length === 3) stop();
        };
      },
    },
    { says: 'a minute later', does: (stage) => stage.clock.sleep(60_000) },
    'sync config --once',
    'diff config',
  ]);

  told('where a region has no room', (strategy) => [
    { says: 'arn takes no machine any more', does: ({ simulator }) => void simulator.world.capacity.set('arn', 0) },
    commit('a fourth machine', strategy, { count: 4 }),
    'sync config --once',
    'diff config',
    { says: 'there is room again', does: ({ simulator }) => void simulator.world.capacity.delete('arn') },
    'sync config --once',
    'diff config',
  ]);
});
