/** What is said of an app that is being destroyed, while hosts of its machines do not answer. */
import { describe, expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import { suspend, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen, removed, passWith } = scene;
const template = 'DELETE /apps/{app}';

const machines = () => [...(scene.world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
const down = (index: number): void => hostDown(scene.world.simulator.world, machines()[index]?.host ?? '');
const up = (index: number): void => hostUp(scene.world.simulator.world, machines()[index]?.host ?? '');
const clone = async (): Promise<void> => {
  const [machine] = seen()?.machines ?? [];
  await scene.world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config: machine?.config });
};
/** As where Fly does not show the lease of a machine on a host that does not answer. */
const hidden = (): void => {
  for (const machine of machines().filter(({ hostStatus }) => hostStatus !== 'ok')) machine.lease = undefined;
};

describe('it is not said to stand where the app goes', () => {
  const isFalse = (said: { readonly code: number } | undefined) => said?.code === 0 && seen() === undefined;

  test.each([
    ['one of two leased ones goes dark', 2, () => down(0)],
    ['one of two leased ones goes dark with its lease', 2, () => (down(0), hidden())],
    ['both go dark, and one comes back', 2, () => (down(0), down(1), up(1))],
    ['the leased one is cloned, and goes dark', 1, async () => (await clone(), down(0))],
    ['the leased one is cloned, and goes dark with its lease', 1, async () => (await clone(), down(0), hidden())],
  ] as const)('%s', async (_what, count, meanwhile) => {
    for (const latencyMs of [8000, 40_000]) {
      await removed(count);
      let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
      await passWith({ template, nth: 1, fault: { latencyMs } }, async () => {
        await meanwhile();
        said = await scene.world.flycd(suspend, 'laptop');
      });
      expect(isFalse(said), String(latencyMs)).toBe(false);
      await scene.again();
    }
  });
});

test('a host that does not answer keeps nobody waiting where a machine is seen that nobody holds', async () => {
  await removed(2);
  await scene.world.clock.sleep(600_000);
  down(0);
  const at = scene.world.clock.now();
  await done(suspend, 'laptop');
  // No second look, which would come 2 s later.
  expect(scene.world.clock.now() - at).toBeLessThan(1500);
  expect(seen()?.machines.map(({ metadata }) => 'flycd_suspend' in metadata)).toEqual([false, true]);
});

test('one that goes dark when it was told says nothing of the word: the command does not end well', async () => {
  await removed();
  const patch = 'PATCH /apps/{app}/machines/{machine}/metadata';
  const before = scene.calls(patch);
  scene.faults().add({ template: patch, app: 'shop', times: 1, fault: { latencyMs: 2000 } });
  const saying = scene.world.flycd(suspend, 'laptop');
  while (scene.calls(patch) === before) await scene.world.clock.sleep(50);
  down(0);
  const { code, stderr } = await saying;
  expect(code, stderr).toBe(1);
});
