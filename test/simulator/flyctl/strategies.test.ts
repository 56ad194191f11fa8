/** `fly deploy` by hand with the strategies that make machines beside those that run. */
import { expect, test } from 'vitest';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { HandDeploy } from '../../../simulator/flyctl/deploy.ts';
import { platform, type Platform } from '../platform.ts';

const web: MachineConfig = {
  image: 'shop:v1',
  services: [
    { protocol: 'tcp', internal_port: 8080, ports: [{ port: 80, handlers: ['http'] }], checks: [{ type: 'tcp' }] },
  ],
};

async function deployed(config: MachineConfig = web): Promise<Platform> {
  const it = await platform();
  await it.app();
  expect(await it.simulator.flyctl.deploy('shop', { configs: { web: config }, primaryRegion: 'arn' })).toEqual({
    ok: true,
  });
  return it;
}

const there = (it: Platform) =>
  [...(it.world.apps.get('shop')?.machines.values() ?? [])].filter(({ state }) => state !== 'destroyed');
const idsOf = (it: Platform) => there(it).map(({ id }) => id);
const imagesOf = (it: Platform) => there(it).map(({ config }) => config.image);
const deploy = (it: Platform, wanted: HandDeploy) => it.simulator.flyctl.deploy('shop', wanted);

test('a canary is one machine more, gone once it is healthy; then the others are updated', async () => {
  const it = await deployed();
  const before = idsOf(it);
  const seen = new Set<string>();
  it.world.onStateChange = ({ id, config }) => {
    if (config.metadata?.['fly_canary'] === 'true') seen.add(id);
  };
  expect(await deploy(it, { image: 'shop:v2', strategy: 'canary' })).toEqual({ ok: true });
  expect(seen.size).toBe(1);
  expect(idsOf(it)).toEqual(before);
  expect(imagesOf(it)).toEqual(['shop:v2', 'shop:v2']);
  expect(it.world.apps.get('shop')?.releases[0]).toMatchObject({ strategy: 'CANARY', status: 'complete' });
});

test('a canary that is not healthy stays behind, and the others as they were', async () => {
  const it = await deployed();
  expect(await deploy(it, { image: 'shop:failing-check', strategy: 'canary' })).toMatchObject({ ok: false });
  expect(imagesOf(it)).toEqual(['shop:v1', 'shop:v1', 'shop:failing-check']);
  expect(there(it)[2]?.config.dns).toMatchObject({ skip_registration: true });
  expect(it.world.apps.get('shop')?.releases[0]).toMatchObject({ status: 'failed' });
});

test('bluegreen makes as many anew under one tag, and takes the old ones away', async () => {
  const it = await deployed();
  const before = idsOf(it);
  expect(await deploy(it, { image: 'shop:v2', strategy: 'bluegreen' })).toEqual({ ok: true });
  await it.clock.sleep(60_000);
  expect(imagesOf(it)).toEqual(['shop:v2', 'shop:v2']);
  expect(idsOf(it).filter((id) => before.includes(id))).toEqual([]);
  const tags = there(it).map(({ config }) => config.metadata?.['fly_bluegreen_deployment_tag']);
  expect(new Set(tags).size).toBe(1);
  expect(tags[0]).toMatch(/^\d+$/);
  expect(there(it).map(({ cordoned }) => cordoned)).toEqual([false, false]);
});

test('bluegreen whose green machines are not healthy takes these away', async () => {
  const it = await deployed();
  const before = idsOf(it);
  expect(await deploy(it, { image: 'shop:failing-check', strategy: 'bluegreen' })).toMatchObject({ ok: false });
  await it.clock.sleep(60_000);
  expect(idsOf(it)).toEqual(before);
  expect(imagesOf(it)).toEqual(['shop:v1', 'shop:v1']);
});

test.each(['canary', 'bluegreen'] as const)('%s refuses machines with volumes', async (strategy) => {
  const it = await deployed({ ...web, mounts: [{ name: 'data', path: '/data' }] });
  expect(await deploy(it, { image: 'shop:v2', strategy })).toMatchObject({
    ok: false,
    error: expect.stringContaining('not supported with volumes'),
  });
  expect(imagesOf(it)).toEqual(['shop:v1']);
});
