import { onTestFinished, expect, test } from 'vitest';
import { arena } from '../controllers/arena.ts';

const app = (name: string): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: "nginx:1.27" }\nmachines: { count: 1 }\n`;

test.each([
  [['deploy', '--abort-early'], ['first']],
  [['deploy'], ['first', 'third']],
])('%j after a first that works and a second that fails leaves %j', async (argv, made) => {
  const world = await arena();
  onTestFinished(() => world.close());
  for (const name of ['first', 'second', 'third']) world.write({ [`${name}/app.yaml`]: app(name) });
  const refused = { status: 422, body: { error: 'invalid config: no such command' } };
  world.simulator.world.faults.add({ template: 'POST /apps/{app}/machines', app: 'second', fault: refused });
  const { code, stdout } = await world.flycd([...argv]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^second +failed/m);
  const running = world.simulator.world.snapshot().filter(({ machines }) => machines.length > 0);
  expect(running.map(({ name }) => name)).toEqual(made);
});

test.each([
  [
    ['deploy', '--abort-early'],
    ['blog', 'cart', 'shop'],
  ],
  [['deploy'], ['blog', 'shop']],
])('%j where Fly does not destroy the first of two that git no longer names leaves %j', async (argv, left) => {
  const world = await arena();
  onTestFinished(() => world.close());
  const settings = 'fleet: acme\nsync: { prune: [app], max_deletes: 5 }\n';
  world.write({ 'flycd.yaml': settings });
  for (const name of ['blog', 'cart', 'shop']) world.write({ [`${name}/app.yaml`]: app(name) });
  // Two are no more than a tenth of all.
  for (let number = 10; number < 30; number += 1)
    world.write({ [`web-${number}/app.yaml`]: app(`web-${number}`).replace('count: 1', 'count: 0') });
  await world.flycd(['sync', '--once']);
  for (const name of ['blog', 'cart']) world.remove(`${name}/app.yaml`);
  world.simulator.world.faults.add({ template: 'DELETE /apps/{app}', app: 'blog', fault: '503', times: 99 });
  expect((await world.flycd([...argv])).code).toBe(1);
  const running = world.simulator.world.snapshot().filter(({ machines }) => machines.length > 0);
  expect(running.map(({ name }) => name)).toEqual(left);
});
