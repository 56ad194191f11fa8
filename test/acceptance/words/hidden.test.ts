/** Of a machine that Fly shows no config of nobody knows whose it is, nor which words it carries. */
import { expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import { fleet, once, settings, shop, suspend, whole, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen } = scene;

/** Two machines: a suspension is on the second alone, which from now on shows nothing. */
async function hidden(): Promise<{ readonly show: () => void }> {
  const { world } = scene;
  world.write({ ...fleet, ...shop('nginx:1', 2) });
  await done(once);
  const [one, two] = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  if (one === undefined || two === undefined) throw new Error('two machines');
  hostDown(world.simulator.world, one.host);
  await world.flycd(suspend, 'laptop');
  hostUp(world.simulator.world, one.host);
  hostDown(world.simulator.world, two.host);
  await world.clock.sleep(60_000);
  const listed: unknown = await world.asPerson('GET', '/apps/shop/machines');
  if (!Array.isArray(listed)) throw new Error('a list');
  const body = listed.map((machine: { readonly id: string }) =>
    machine.id === two.id ? { ...machine, config: null, incomplete_config: null } : machine,
  );
  const fault = { status: 200, body };
  scene.faults().add({ template: 'GET /apps/{app}/machines', app: 'shop', times: 99, fault });
  return {
    show: () => {
      scene.faults().clear();
      hostUp(world.simulator.world, two.host);
    },
  };
}

test('an orphan with one in it is not read, and no word destroys it before it is', async () => {
  const { show } = await hidden();
  const { world } = scene;
  world.remove('shop');
  for (const argv of [once, [...once, '--accept'], whole]) {
    const { stdout } = await world.flycd(argv);
    expect(stdout).toContain('does not show its config');
    expect(stdout).not.toContain('that FlyCD did not make');
  }
  expect(seen()?.machines).toHaveLength(2);
  show();
  await world.clock.sleep(60_000);
  expect((await world.flycd([...once, '--accept'])).stdout).toContain('suspended by alice');
  await done(['resume', 'shop']);
  await world.clock.sleep(60_000);
  await world.flycd(once);
  expect(seen()).toBeUndefined();
});

test('where nothing is pruned it is told as what it is', async () => {
  await hidden();
  const { world } = scene;
  world.write({ 'flycd.yaml': 'fleet: words\n' });
  world.remove('shop');
  const { stdout } = await world.flycd(['diff']);
  expect(stdout).toContain('1 machine of this fleet runs on, beside 1 machine on a host that does not answer');
  world.write(settings());
  await world.flycd([...once, '--accept']);
  expect(seen()?.machines).toHaveLength(2);
});

test('beside a machine of somebody else, that one alone is called so', async () => {
  const { show } = await hidden();
  const { world } = scene;
  show();
  await world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config: { image: 'nginx:1' } });
  await world.flycd(['resume', 'shop'], 'laptop');
  world.remove('shop');
  await world.clock.sleep(60_000);
  expect((await world.flycd(once)).stdout).toContain('1 machine in it that FlyCD did not make');
  expect(seen()?.machines).toHaveLength(3);
});
