/** A suspension that is said of an app while FlyCD destroys it: it does not say that it was, unless the app outlasts that. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { hostDown, hostUp, migrate } from '../../../simulator/machines/host-failures.ts';
import type { Files } from '../../controllers/arena.ts';
import { fleet, once, settings, shop, suspend, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen, removed, passWith } = scene;
const template = 'DELETE /apps/{app}';

test.each([
  ['laptop', 1500],
  ['laptop', 3000],
  ['laptop', 20_000],
  ['state', 1500],
  ['state', 3000],
  ['state', 20_000],
])('by %s, where Fly takes %d ms to destroy it: nothing was said', async (state, latencyMs) => {
  await removed();
  let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
  const { code } = await passWith({ template, nth: 1, fault: { latencyMs } }, async () => {
    said = await scene.world.flycd(suspend, state);
  });
  expect(code).toBe(0);
  expect(seen()).toBeUndefined();
  expect(said?.stderr).toContain('nothing was said of it');
  expect(said?.code).toBe(1);
  expect((await scene.world.flycd(['status'], state)).stdout).not.toContain('suspended');
  // Nor is it said of the next app by the name.
  scene.world.write(shop('nginx:3'));
  await done(once, state);
  expect(scene.images()).toEqual(['nginx:3']);
});

/** A config of the same fleet beside the repository: an older checkout, or one in which nothing prunes yet. */
function checkout(files: Files): string {
  const folder = mkdtempSync(join(tmpdir(), 'flycd-checkout-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

describe.each([
  ['still names the app', { ...fleet, ...shop() }],
  ['prunes nothing yet', { ...fleet, 'flycd.yaml': 'fleet: words\n' }],
  ['has the app, and prunes nothing yet', { ...fleet, ...shop(), 'flycd.yaml': 'fleet: words\n' }],
])('from a config that %s', (_what, files) => {
  const folders: string[] = [];
  afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

  test.each([1500, 3000, 20_000])('where Fly takes %d ms to destroy it: it is not said to stand', async (ms) => {
    await removed();
    const folder = checkout(files);
    folders.push(folder);
    let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
    await passWith({ template, nth: 1, fault: { latencyMs: ms } }, async () => {
      said = await scene.world.flycdAt(folder, suspend, 'laptop');
    });
    expect(seen()).toBeUndefined();
    expect(said?.code, said?.stderr).toBe(1);
  });

  test('right before it is destroyed: it stands', async () => {
    await removed();
    const folder = checkout(files);
    folders.push(folder);
    const lease = 'POST /apps/{app}/machines/{machine}/lease';
    let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
    const pass = await passWith({ template: lease, nth: 1, fault: { latencyMs: 4000 } }, async () => {
      said = await scene.world.flycdAt(folder, suspend, 'laptop');
    });
    expect(said?.code, said?.stderr).toBe(0);
    expect(pass.code, pass.stdout).toBe(4);
    expect(seen()?.machines).toHaveLength(1);
  });
});

test.each([1, 3, 30])('of %d machines, from an older checkout: it is not said to stand', async (count) => {
  await removed(count);
  const folder = checkout({ ...fleet, ...shop('nginx:1', count) });
  const began = scene.world.clock.now();
  let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
  await passWith({ template, nth: 1, fault: { latencyMs: 5000 } }, async () => {
    said = await scene.world.flycdAt(folder, suspend, 'laptop');
  });
  rmSync(folder, { recursive: true });
  expect(seen()).toBeUndefined();
  expect(said?.code, said?.stderr).toBe(1);
  expect(scene.world.clock.now() - began).toBeLessThan(30_000);
});

test('a rollback from an older checkout does not say that it stands either', async () => {
  await scene.twoVersions();
  scene.world.remove('shop');
  await scene.world.clock.sleep(60_000);
  const folder = checkout({ ...fleet, ...shop('nginx:2') });
  let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
  await passWith({ template, nth: 1, fault: { latencyMs: 8000 } }, async () => {
    said = await scene.world.flycdAt(folder, ['rollback', 'shop'], 'laptop');
  });
  rmSync(folder, { recursive: true });
  expect(said?.code, said?.stderr).not.toBe(0);
});

test.each([once, [...once, '--now'], ['deploy'], ['diff']])(
  'nobody says from an older checkout that it is as git says: %s %s %s',
  async (...argv) => {
    await removed();
    const folder = checkout({ ...fleet, ...shop() });
    let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
    await passWith({ template, nth: 1, fault: { latencyMs: 8000 } }, async () => {
      said = await scene.world.flycdAt(folder, argv, 'laptop');
    });
    rmSync(folder, { recursive: true });
    expect(said?.stdout).toContain('is destroying the app, or was about to');
    expect(said?.code, said?.stdout).toBe(4);
  },
);

test('one that was killed right before it destroyed it holds nothing for long', async () => {
  await removed();
  const { calls } = await scene.world.mortalFlycd(once);
  await scene.again();
  await removed();
  await scene.world.mortalFlycd(once, { call: calls, when: 'before' });
  scene.world.write(shop());
  expect((await scene.world.flycd(once, 'another')).code).toBe(4);
  await scene.world.clock.sleep(80_000);
  expect((await scene.world.flycd(once, 'another')).code).toBe(0);
  expect(seen()?.machines).toHaveLength(1);
});

test('what one that was killed over it left behind is waited for where git names the app again', async () => {
  await removed();
  const id = seen()?.machines[0]?.id;
  await scene.world.asPerson('POST', `/apps/shop/machines/${id}/lease`, { ttl: 80, description: 'flycd:words:killed' });
  scene.world.write(shop('nginx:3'));
  await done(once, 'another');
  expect(scene.images()).toEqual(['nginx:3']);
});

describe('it is not said to stand where the app goes', () => {
  const isFalse = (said: { readonly code: number } | undefined) => said?.code === 0 && seen() === undefined;

  test.each([
    [5, 40],
    [30, 50],
    [55, 65],
  ])('though no answer came for %i s, and Fly destroys it after %i s', async (answerS, doneS) => {
    await removed();
    const { clock } = scene.world;
    const faults = [{ latencyMs: answerS * 1000 }, { status: 504, body: {} }] as const;
    for (const fault of faults) scene.faults().add({ template, app: 'shop', times: 1, fault });
    let done: Promise<void> | undefined;
    scene.world.simulator.world.onRequest = ({ phase, request: { method, path } }) => {
      if (phase !== 'before' || method !== 'DELETE' || !path.endsWith('/apps/shop') || done !== undefined) return;
      done = clock.sleep(doneS * 1000).then(async () => {
        if (seen() !== undefined) await scene.appByHand();
      });
    };
    const before = scene.calls(template);
    const pass = scene.world.flycd(once);
    while (scene.calls(template) === before) await clock.sleep(50);
    const said = await scene.world.flycd(suspend, 'laptop');
    await pass;
    await done;
    expect(isFalse(said)).toBe(false);
  });

  test.each([3000, 8000, 20_000])('while somebody clones its machine, and Fly takes %i ms', async (latencyMs) => {
    await removed();
    let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
    await passWith({ template, nth: 1, fault: { latencyMs } }, async () => {
      const [machine] = seen()?.machines ?? [];
      await scene.world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config: machine?.config });
      said = await scene.world.flycd(suspend, 'laptop');
    });
    expect(isFalse(said)).toBe(false);
  });

  test.each([8000, 20_000])('while a host falls silent and comes back, and Fly takes %i ms', async (latencyMs) => {
    await removed(2);
    const { world } = scene.world.simulator;
    const [, second] = [...(world.apps.get('shop')?.machines.values() ?? [])];
    if (second === undefined) throw new Error('two machines');
    let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
    await passWith({ template, nth: 1, fault: { latencyMs } }, async () => {
      hostDown(world, second.host);
      await scene.world.clock.sleep(2000);
      hostUp(world, second.host);
      said = await scene.world.flycd(suspend, 'laptop');
    });
    expect(isFalse(said)).toBe(false);
  });

  test('while somebody clones its machine, and destroys the first', async () => {
    await removed();
    const folder = checkout({ ...fleet, ...shop() });
    let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
    await passWith({ template, nth: 1, fault: { latencyMs: 20_000 } }, async () => {
      const [machine] = seen()?.machines ?? [];
      const { id = '', config } = machine ?? {};
      await scene.world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config });
      // As by `fly machine leases clear`.
      for (const one of scene.world.simulator.world.apps.get('shop')?.machines.values() ?? []) one.lease = undefined;
      await scene.world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
      said = await scene.world.flycdAt(folder, suspend, 'laptop');
    });
    rmSync(folder, { recursive: true });
    expect(isFalse(said)).toBe(false);
  });

  test('while Fly moves its machine to another host', async () => {
    await removed();
    const { clock, simulator } = scene.world;
    const patch = 'PATCH /apps/{app}/machines/{machine}/metadata';
    let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
    await passWith({ template, nth: 1, fault: { latencyMs: 20_000 } }, async () => {
      const before = scene.calls(patch);
      const saying = scene.world.flycd(suspend, 'laptop');
      while (scene.calls(patch) === before) await clock.sleep(50);
      await clock.sleep(1000);
      for (const machine of simulator.world.apps.get('shop')?.machines.values() ?? [])
        migrate(simulator.world, machine);
      said = await saying;
    });
    expect(isFalse(said)).toBe(false);
  });
});

test.each([
  ['its only machine', 1, [0]],
  ['one of two', 2, [1]],
])(
  'while the host of %s is silent nothing is destroyed, and what is said then stands',
  async (_which, count, silent) => {
    await removed(count);
    const { world } = scene.world.simulator;
    const hosts = [...(world.apps.get('shop')?.machines.values() ?? [])].map(({ host }) => host);
    for (const at of silent) hostDown(world, hosts[at] ?? '');
    const { code, stdout } = await scene.world.flycd([...once, '--accept']);
    expect(stdout).toMatch(
      /does not answer: what a person says there cannot be seen +FlyCD goes on once the host answers/,
    );
    expect(code).toBe(4);
    for (const at of silent) hostUp(world, hosts[at] ?? '');
    await done(suspend, 'laptop');
    await scene.world.clock.sleep(60_000);
    expect((await scene.world.flycd(once)).stdout).toContain('suspended by alice');
    expect(seen()?.machines).toHaveLength(count);
    await done(['resume', 'shop'], 'laptop');
    await done(once);
    expect(seen()).toBeUndefined();
  },
);

test('a lease that Fly gives without an answer, or refuses to give once, does not fail the pass', async () => {
  for (const fault of ['reset-after', '503', '408-after'] as const) {
    await removed();
    const lease = 'POST /apps/{app}/machines/{machine}/lease';
    scene.faults().add({ template: lease, app: 'shop', times: 1, fault });
    await done(once);
    expect(seen(), fault).toBeUndefined();
    await scene.again();
  }
});

test('where the destroy fails, it stands', async () => {
  await removed();
  scene.faults().add({ template, app: 'shop', times: 99, fault: '503' });
  await passWith({ template, nth: 1, fault: { latencyMs: 3000 } }, () => done(suspend, 'laptop'));
  scene.faults().clear();
  expect((await scene.world.flycd(once)).code).toBe(4);
  expect(seen()).toBeDefined();
});

test('where its machines are taken away meanwhile, it does not say that it stands', async () => {
  await removed();
  const patch = 'PATCH /apps/{app}/machines/{machine}/metadata';
  const get = 'GET /apps/{app}/machines/{machine}';
  scene.faults().add({ template: get, app: 'shop', times: 1, fault: { latencyMs: 5000 } });
  const before = scene.calls(patch);
  const said = scene.world.flycd(suspend, 'laptop');
  while (scene.calls(patch) === before) await scene.world.clock.sleep(50);
  await scene.world.clock.sleep(1000);
  for (const { id } of seen()?.machines ?? [])
    await scene.world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
  const { code, stderr } = await said;
  expect(stderr).toContain('stands on no machine of it');
  expect(code).toBe(1);
});

test.each([
  ['where nothing prunes apps', async () => scene.world.write({ 'flycd.yaml': 'fleet: words\n' })],
  ['where it is suspended already', () => done(suspend, 'state')],
])('%s, nobody is kept waiting', async (_where, before) => {
  await removed();
  await before();
  const began = scene.world.clock.now();
  await done([...suspend, '--for', '2h'], 'laptop');
  expect(scene.world.clock.now() - began).toBeLessThan(10_000);
  scene.world.write({ ...fleet, ...settings() });
  expect((await scene.world.flycd(once)).code).toBe(4);
  expect(seen()).toBeDefined();
});

test.each([200, 1000])(
  'made longer %i ms before its end, which takes a while to write: it does not say 0 of an app that goes',
  async (beforeMs) => {
    await removed();
    const { clock } = scene.world;
    const began = clock.now();
    await done([...suspend, '--for', '5m'], 'laptop');
    await clock.sleep(began + 300_000 - beforeMs - clock.now());
    const patch = 'PATCH /apps/{app}/machines/{machine}/metadata';
    scene.faults().add({ template: patch, app: 'shop', times: 9, fault: { latencyMs: 3000 } });
    scene.faults().add({ template, app: 'shop', times: 1, fault: { latencyMs: 20_000 } });
    const saying = scene.world.flycd([...suspend, '--for', '2h'], 'laptop');
    await clock.sleep(beforeMs + 700);
    await scene.world.flycd(once);
    const { code } = await saying;
    expect(code === 0 && seen() === undefined).toBe(false);
  },
);

test('an app that Fly does not show for a moment is not taken for gone', async () => {
  await removed();
  const patch = 'PATCH /apps/{app}/machines/{machine}/metadata';
  scene.faults().add({ template: patch, app: 'shop', times: 99, fault: '503' });
  const before = scene.calls(patch);
  const saying = scene.world.flycd(suspend, 'laptop');
  while (scene.calls(patch) === before) await scene.world.clock.sleep(50);
  scene.answers(404, 1);
  const { code, stderr } = await saying;
  expect(stderr).toContain('no machine of shop could be stamped');
  expect(code).toBe(1);
  scene.faults().clear();
  expect((await scene.world.flycd(['status'], 'laptop')).stdout).toContain('suspended');
});
