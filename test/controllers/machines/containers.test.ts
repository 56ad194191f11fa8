/** `machine_config`: what a fly config has no word for, on the machines. */
import { afterEach, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const tree = (tag: string, schedule: string) => ({
  'flycd.yaml': 'fleet: shops\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "docker.io/library/caddy:${tag}" }
machine_config: machine.json
machines: { count: 1 }
`,
  'shop/machine.json': JSON.stringify({
    ...(schedule === '' ? {} : { schedule }),
    containers: [{ name: 'proxy', image: 'nginx:1' }, { name: 'app' }],
  }),
});

async function sync(): Promise<Machine['config']> {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stdout + stderr).toBe(0);
  const diff = await world.flycd(['diff']);
  expect(diff.code, diff.stdout).toBe(0);
  const [machine] = (await world.asPerson('GET', '/apps/shop/machines')) as readonly Machine[];
  return machine?.config;
}

test('its containers run the app’s image, and follow it; what it names no longer goes', async () => {
  world = await arena();
  world.write(tree('2.10.2', 'daily'));
  const first = await sync();
  expect(first?.image).toContain('caddy:2.10.2');
  expect(first?.schedule).toBe('daily');
  expect(first?.['containers']).toMatchObject([{ image: 'nginx:1' }, { name: 'app', image: first?.image }]);
  world.write(tree('2.11.0', ''));
  const second = await sync();
  expect(second?.image).toContain('caddy:2.11.0');
  expect(second?.['containers']).toMatchObject([{ image: 'nginx:1' }, { name: 'app', image: second?.image }]);
  expect(second?.schedule ?? '').toBe('');
});
