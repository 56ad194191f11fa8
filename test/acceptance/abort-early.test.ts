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
