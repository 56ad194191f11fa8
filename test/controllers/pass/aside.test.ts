/** What a pass waits for on Fly keeps no other app from its turn: it waits beside those that work. */
import { expect, test } from 'vitest';
import { isStillAtRest } from '../../../controllers/machines/send-update.ts';
import { machineAfter, waitReplaced } from '../../../controllers/machines/taken-back.ts';
import { ImagePin } from '../../../controllers/images/pin.ts';
import { afterCommand } from '../../../controllers/rollout/release-command.ts';
import { releaseCommandGroup } from '../../../schemas/fly/presets.ts';
import type { ReleaseCommandRun, ReleaseStep } from '../../../src/model/plan.ts';
import type { AppPass } from '../../../controllers/pass/app-pass.ts';
import { keepIfFirst } from '../../../controllers/pass/beginning.ts';
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { FlyWriter } from '../../../src/fly/api.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { desiredApp, machine } from '../../plan/builders.ts';

/** A pass on a Fly that answers so, and how long of it was spent beside the others, and in their place. */
async function spent(fly: Partial<FlyWriter>, work: (pass: AppPass) => Promise<unknown>) {
  const clock = new IdleClock();
  let aside = 0;
  let waits = 0;
  const yieldSlot = async <T>(wait: () => Promise<T>): Promise<T> => {
    const begunAt = clock.monotonic();
    waits += 1;
    try {
      return await wait();
    } finally {
      waits -= 1;
      if (waits === 0) aside += clock.monotonic() - begunAt;
    }
  };
  const begunAt = clock.monotonic();
  await work({
    services: { clock, fly: { wait: () => clock.sleep(60_000).then(() => 'deadline'), ...fly }, yieldSlot },
    app: desiredApp({ name: 'shop' }),
    fleet: { name: 'acme' },
    begins: true,
    begun: [],
    handedOver: new Set(),
    seen: new Map(),
    basis: { machines: undefined, standing: {}, remembered: [] },
    looks: Promise.resolve(),
  } as unknown as AppPass);
  return { aside, inPlace: clock.monotonic() - begunAt - aside };
}

const before = machine(desiredApp({ name: 'shop' }), { id: 'm1', instance_id: '01A' });
const shows = (shown: Partial<Machine>): Partial<FlyWriter> => ({
  machine: () => Promise.resolve({ ...before, ...shown }),
});
const updated = { version: '01B', before };
const made: Machine = { ...before, config: { metadata: { [stampKeys.begun]: '1' } } };

const groupKey = 'fly_process_group';
const commanded: Machine = {
  ...before,
  state: 'started',
  config: { metadata: { [groupKey]: releaseCommandGroup, [stampKeys.fleet]: 'acme' } },
};
const run = {
  command: 'migrate',
  version: 'v',
  timeoutSeconds: 300,
  config: { image: 'nginx:1' },
} as ReleaseCommandRun;
/** There it ends: what comes after the wait is not asked here. */
const refused = (): Promise<never> => Promise.reject(new Error('no'));

test.each<[string, Partial<FlyWriter>, (pass: AppPass) => Promise<unknown>]>([
  ['an update that Fly does not show yet', shows({}), (pass) => machineAfter(pass, 'm1', updated)],
  [
    'the end of an update of a machine at rest',
    shows({ instance_id: '01B', state: 'stopped' }),
    (pass) => waitReplaced(pass, 'm1', updated),
  ],
  ['the end of somebody’s update', shows({ state: 'replacing' }), (pass) => isStillAtRest(pass, 'm1')],
  [
    'a list that shows what was made',
    { machines: () => Promise.resolve([]) },
    (pass) => keepIfFirst(pass, made, { stays: true }),
  ],
  [
    'another release command of ours that still runs',
    { ...shows({ state: 'started' }), machines: () => Promise.resolve([commanded]), destroyMachine: refused },
    (pass) => afterCommand(pass, {} as ReleaseStep, { run, pin: new ImagePin() }).catch(() => undefined),
  ],
])('%s', async (_what, fly, work) => {
  const { aside, inPlace } = await spent(fly, work);
  expect(aside).toBeGreaterThanOrEqual(19_000);
  expect(inPlace).toBe(0);
});
