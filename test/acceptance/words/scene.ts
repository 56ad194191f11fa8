/** A fleet in which persons say something of an app, `shop`, through one FlyCD or another. */
import { afterEach, beforeEach, expect } from 'vitest';
import type { FaultKind } from '../../../simulator/world/fault-answers.ts';
import { arena, type Arena, type Files } from '../../controllers/arena.ts';

export const once = ['sync', '--once'];
/** As a person's word for just this app. */
export const whole = [...once, '--accept-only', 'shop'];
export const suspend = ['suspend', 'shop', '--reason', 'a migration'];

export const shop = (image = 'nginx:1', count = 1): Files => ({
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild: { image: ${image} }\nmachines: { count: ${count} }\ndeploy: { wait_timeout: 20s }\n`,
});
export const settings = (more = ''): Files => ({ 'flycd.yaml': `fleet: words\nsync:\n  prune: [app]\n${more}` });
export const fleet: Files = {
  ...settings(),
  'other/app.yaml': 'app: other\nprimary_region: arn\nbuild: { image: nginx:1 }\nmachines: { count: 1 }\n',
};

export const slow = { latencyMs: 25_000 };

interface InTheWay {
  readonly template: string;
  readonly nth?: number;
  readonly fault?: FaultKind | readonly FaultKind[];
}

/** Of the file that calls it: each of its tests has a world of its own. */
export function wordsScene() {
  let world: Arena;
  const anew = async (): Promise<void> => {
    world = await arena({ repository: true });
  };
  beforeEach(anew);
  afterEach(() => world.close());
  /** It has to go well; what was printed. */
  const done = async (argv: readonly string[], state?: string): Promise<string> => {
    const { code, stdout, stderr } = await world.flycd(argv, state);
    expect(code, stderr + stdout).toBe(0);
    return stderr + stdout;
  };
  /** Of this kind, about `shop`. */
  const calls = (template: string): number =>
    world.simulator.world.requests.filter((request) => request.template === template && request.app === 'shop').length;
  const seen = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop');
  return {
    get world() {
      return world;
    },
    /** As before the test began. */
    async again(): Promise<void> {
      await world.close();
      await anew();
    },
    done,
    /** Of the app, in the simulated world. */
    seen,
    /** `shop` runs, and git names it no more. */
    removed: async (count = 1): Promise<void> => {
      world.write({ ...fleet, ...shop('nginx:1', count) });
      await done(once);
      world.remove('shop');
      await world.clock.sleep(60_000);
    },
    calls,
    /** A pass with this in the way of a call, by default of the second of its kind; what happens from then on. */
    passWith: async ({ template, nth = 2, fault = slow }: InTheWay, meanwhile: () => Promise<unknown>) => {
      const before = calls(template);
      for (const one of [fault].flat())
        world.simulator.world.faults.add({ template, app: 'shop', nth, times: 1, fault: one });
      const pass = world.flycd(once);
      while (calls(template) < before + nth) await world.clock.sleep(50);
      await meanwhile();
      return pass;
    },
    images: () => seen()?.machines.map(({ config }) => config.image?.split('@')[0]),
    faults: () => world.simulator.world.faults,
    appByHand: () => world.asPerson('DELETE', '/apps/shop?force=true'),
    /** Released as nginx:1, then as nginx:2. */
    twoVersions: async (state?: string): Promise<void> => {
      world.write({ ...fleet, ...shop() });
      await done(once, state);
      world.write(shop('nginx:2'));
      await done(once, state);
    },
    /** Fly answers so of the app, as often. */
    answers: (status: number, times: number): void => {
      const fault = { status, body: { error: 'not now' } };
      world.simulator.world.faults.add({ template: 'GET /apps/{app}', app: 'shop', times, fault });
    },
  };
}
