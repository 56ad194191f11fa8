import { expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { ImagePin } from '../../../controllers/images/pin.ts';
import type { MachineCreate } from '../../../src/model/plan.ts';

const digest = `sha256:${'1'.repeat(64)}`;
const machine: Machine = {
  id: '1',
  name: 'web-arn-1-g1',
  region: 'arn',
  state: 'created',
  image_ref: { registry: 'docker.io', repository: 'shop', tag: '1', digest },
};

function create(number: number): MachineCreate {
  return {
    kind: 'machine.create',
    app: 'shop',
    target: `shop/web/arn/${number}`,
    because: '',
    risk: 'safe',
    changes: [],
    slot: { group: 'web', region: 'arn', number },
    config: { image: 'docker.io/library/shop:1' },
    sent: { config: 'c', image: 'i' },
    mount: undefined,
    group: 'web',
    skipLaunch: false,
  };
}

test('what Fly said a tag means holds, also where its machine then stays unhealthy', async () => {
  const pin = new ImagePin();
  await expect(
    pin.during(create(1), (_step, onSent) => {
      onSent(machine);
      return Promise.reject(new Error('unhealthy'));
    }),
  ).rejects.toThrow('unhealthy');
  const image = await pin.during(create(2), (step) => Promise.resolve(step.config.image));
  expect(image).toBe(`docker.io/library/shop:1@${digest}`);
});

test('a first machine that was refused leaves the lead to the next one', async () => {
  const pin = new ImagePin();
  const refused = pin.during(create(1), () => Promise.reject(new Error('refused')));
  const next = pin.during(create(2), (step) => Promise.resolve(step.config.image));
  await expect(refused).rejects.toThrow('refused');
  expect(await next).toBe('docker.io/library/shop:1');
});
