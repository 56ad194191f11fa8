import { afterEach, expect, test } from 'vitest';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import { FleetKeeper } from '../../src/controllers/keeper.ts';
import { createFlyWriter } from '../../src/fly/client.ts';
import { createTransport } from '../../src/fly/transport.ts';
import { IdleClock } from '../../src/model/clock.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { silentLog } from '../../src/model/log.ts';
import { defaultPolicy } from '../../src/model/policy.ts';
import { Redactor } from '../../src/model/secret-value.ts';
import { createEvidence } from '../../src/record/evidence.ts';
import { desiredApp } from '../plan/builders.ts';
import { testStore } from '../record/stores.ts';

let simulator: Simulator;
afterEach(() => simulator.close());

test('what Fly refuses for good is asked once for each commit, not at every pass', async () => {
  const clock = new IdleClock();
  simulator = await startSimulator({ clock });
  const { world } = simulator;
  let wanted: DesiredFleet = {
    name: 'acme',
    named: true,
    revision: 'a'.repeat(40),
    apps: [desiredApp({ name: 'shop' })],
    invalid: [],
    policy: defaultPolicy,
    problems: [],
    whole: true,
    followed: [],
    secretValue: () => undefined,
  };
  const transport = createTransport({
    baseUrl: simulator.url,
    token: simulator.token,
    fetch,
    clock,
    log: silentLog,
    userAgent: 'test',
    redactor: new Redactor(),
    random: () => 0.5,
  });
  const keeper = new FleetKeeper({
    clock,
    log: silentLog,
    fly: createFlyWriter(transport),
    store: testStore({ clock }),
    evidence: createEvidence({ key: new Uint8Array(32) }),
    flyOrg: undefined,
    concurrency: 2,
    onProgress: () => undefined,
    actor: 'flycd',
    instance: 'test',
    load: () => Promise.resolve(wanted),
    configRepo: undefined,
    reporter: undefined,
  });
  const { signal } = new AbortController();
  const creates = (): number => world.writes(({ template }) => template === 'POST /apps/{app}/machines').length;
  const pass = async () => {
    await keeper.refresh(signal);
    return keeper.reconcile('shop', 'timer', signal);
  };
  world.faults.add({
    template: 'POST /apps/{app}/machines',
    times: 99,
    fault: { status: 422, body: { error: 'invalid_argument: config.guest is invalid' } },
  });
  // The first pass makes the app as well; the second asks for the machines alone.
  await pass();
  expect(await pass()).toMatchObject({ failed: false });
  const asked = creates();
  for (let round = 0; round < 5; round += 1) expect(await pass()).toMatchObject({ failed: false });
  expect(creates()).toBe(asked);
  world.faults.clear();
  wanted = { ...wanted, revision: 'b'.repeat(40) };
  expect(await pass()).toMatchObject({ failed: false });
  expect(world.snapshot()[0]?.machines.length).toBe(2);
});
