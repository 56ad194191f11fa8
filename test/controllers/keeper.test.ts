import { expect, test } from 'vitest';
import { FleetKeeper } from '../../src/controllers/keeper.ts';
import { createFlyWriter } from '../../src/fly/client.ts';
import { createTransport } from '../../src/fly/transport.ts';
import { IdleClock } from '../../src/model/clock.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { silentLog } from '../../src/model/log.ts';
import { defaultPolicy } from '../../src/model/policy.ts';
import { Redactor } from '../../src/model/secret-value.ts';
import { createEvidence } from '../../src/record/evidence.ts';
import type { CommitReporter } from '../../src/controllers/commit-report.ts';
import { desiredApp } from '../plan/builders.ts';
import { testStore } from '../record/stores.ts';

const push = { repo: 'https://github.com/acme/fleet.git', ref: 'refs/heads/main' };
const { signal } = new AbortController();

function fleet(parts: Partial<DesiredFleet> = {}): DesiredFleet {
  return {
    name: 'acme',
    named: true,
    revision: 'a'.repeat(40),
    apps: [desiredApp({ name: 'shop' }), desiredApp({ name: 'cart' })],
    invalid: [],
    policy: defaultPolicy,
    problems: [],
    whole: true,
    followed: [],
    secretValue: () => undefined,
    ...parts,
  };
}

/** A keeper of whatever `wanted` is at the time, whose every request to Fly gets this answer. */
function keeperOf(wanted: () => DesiredFleet, answer: () => Response, reporter?: Partial<CommitReporter>) {
  const clock = new IdleClock();
  const transport = createTransport({
    baseUrl: 'http://127.0.0.1:1',
    token: 'a-token',
    fetch: () => Promise.resolve(answer()),
    clock,
    log: silentLog,
    userAgent: 'test',
    redactor: new Redactor(),
    random: () => 0.5,
  });
  return new FleetKeeper({
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
    load: () => Promise.resolve(wanted()),
    configRepo: { ...push, app: undefined },
    reporter: { begin() {}, finished() {}, failed() {}, told: () => Promise.resolve(), ...reporter },
  });
}

const refused = (): Response => Response.json({ error: 'unauthorized' }, { status: 401 });

test('a push concerns the apps that moved until each has begun its pass, however often git is read before', async () => {
  let wanted = fleet();
  const keeper = keeperOf(() => wanted, refused);
  expect((await keeper.refresh(signal)).affectedBy(push)).toEqual(['shop', 'cart']);
  // That refresh came to nothing: its marks could not be stored.
  expect((await keeper.refresh(signal)).affectedBy(push)).toEqual(['shop', 'cart']);
  await expect(keeper.reconcile('shop', 'webhook', signal)).rejects.toThrow();
  expect((await keeper.refresh(signal)).affectedBy(push)).toEqual(['cart']);
  await expect(keeper.reconcile('cart', 'webhook', signal)).rejects.toThrow();
  expect((await keeper.refresh(signal)).affectedBy(push)).toEqual([]);
  // Gone for one commit and back as it was: nobody knows what happened to it meanwhile.
  const { apps } = wanted;
  wanted = fleet({ apps: apps.slice(0, 1) });
  expect((await keeper.refresh(signal)).affectedBy(push)).toEqual([]);
  wanted = fleet();
  expect((await keeper.refresh(signal)).affectedBy(push)).toEqual(['cart']);
});

test('an app that cannot be looked at ends its commit only where trying again mends nothing', async () => {
  const failed: string[] = [];
  const reporter: Partial<CommitReporter> = { failed: (_fleet, app) => void failed.push(app) };
  const lasting = keeperOf(fleet, refused, reporter);
  await lasting.refresh(signal);
  await expect(lasting.reconcile('shop', 'webhook', signal)).rejects.toThrow();
  expect(failed).toEqual(['shop']);
  const passing = keeperOf(fleet, () => Response.json({ error: 'unavailable' }, { status: 503 }), reporter);
  await passing.refresh(signal);
  await passing.reconcile('cart', 'webhook', signal).catch(() => undefined);
  expect(failed).toEqual(['shop']);
});
