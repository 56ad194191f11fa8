/** A team's own fly.toml, as it is: alone, or under an app.yaml. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const flyToml = `app = "shop"
primary_region = "arn"

[env]
COLOR = "red"

[build]
image = "docker.io/library/caddy:2.10.2"

[[vm]]
size = "shared-cpu-1x"
memory = "512mb"

[http_service]
internal_port = 8080
`;

async function run(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await world.flycd(argv);
  expect(code, stdout + stderr).toBe(0);
  return stdout;
}

const configs = async () =>
  ((await world.asPerson('GET', '/apps/shop/machines')) as readonly Machine[]).map(({ config }) => config);

describe.each(['fly.toml', 'deploy/production.toml', 'fly.json'])('a fly config alone, %s', (path) => {
  const text = path.endsWith('.json')
    ? '{"app":"shop","primary_region":"arn","build":{"image":"docker.io/library/caddy:2.10.2"},"env":{"COLOR":"red"},"vm":{"memory":512},"http_service":{"internal_port":8080}}'
    : flyToml;

  test('is an app for diff, sync and render', async () => {
    world = await arena({ path });
    // Beside it, in the same folder, a whole fleet: none of its business.
    world.write({ [path]: text, 'flycd.yaml': 'fleet: shops\n', 'app.yaml': 'app: other\nprimary_region: arn\n' });
    expect((await world.flycd(['diff'])).code).toBe(2);
    await run('sync', '--once');
    expect(await configs()).toMatchObject(
      [1, 2].map(() => ({ env: { COLOR: 'red' }, guest: { memory_mb: 512 }, services: [{ internal_port: 8080 }] })),
    );
    await run('diff');
    const rendered = JSON.parse(await run('render', '--as', 'json')) as Record<string, unknown>;
    expect(rendered).toMatchObject({ app: 'shop', env: { COLOR: 'red' } });
    world.write({ [path]: text.replace('red', 'blue') });
    await run('sync', '--once');
    expect((await configs()).map((config) => config?.env?.['COLOR'])).toEqual(['blue', 'blue']);
    await run('diff');
  });
});

test('one file makes no orphans of the rest of its fleet', async () => {
  world = await arena();
  const image = 'build: { image: "docker.io/library/caddy:2.10.2" }\n';
  world.write({
    'flycd.yaml': 'fleet: shops\nsync: { prune: [app] }\n',
    'app.yaml': `app: shop\nprimary_region: arn\n${image}`,
    'bakery/app.yaml': `app: bakery\nprimary_region: arn\n${image}`,
  });
  await run('sync', '--once');
  const { folder } = world;
  const { stdout } = await world.flycdAt(`${folder}/app.yaml`, ['diff']);
  expect(stdout).not.toContain('bakery');
});

describe('fly_config', () => {
  const tree = (toml: string, more = '') => ({
    'flycd.yaml': 'fleet: shops\n',
    'config/app.yaml': `app: shop\nsource: { type: local, path: ../web }\nfly_config: fly.toml\n${more}`,
    'web/fly.toml': toml,
  });

  test('is followed: what it says is on the machines, what app.yaml says over it too', async () => {
    world = await arena();
    world.write(tree(flyToml.replace('"shop"', '"elsewhere"'), 'env: { SIZE: large }\nvm: { memory: 1gb }\n'));
    await run('sync', '--once');
    const wanted = { env: { COLOR: 'red', SIZE: 'large' }, guest: { memory_mb: 1024 } };
    expect(await configs()).toMatchObject([wanted, wanted]);
    await run('diff');
    world.write(tree(`# only words\n${flyToml}`, 'env: { SIZE: large }\nvm: { memory: 1gb }\n'));
    await run('diff');
    world.write(tree(flyToml.replace('red', 'blue'), 'env: { SIZE: large }\nvm: { memory: 1gb }\n'));
    expect((await world.flycd(['diff'])).code).toBe(2);
    await run('sync', '--once');
    expect((await configs()).map((config) => config?.env?.['COLOR'])).toEqual(['blue', 'blue']);
    await run('diff');
  });

  test('a mistake in it stops its app and says where', async () => {
    world = await arena();
    world.write(tree(flyToml.replace('8080', '"web"')));
    const { code, stderr, stdout } = await world.flycd(['validate']);
    expect(code).toBe(3);
    expect(stdout + stderr).toMatch(/web\/fly\.toml:15:17/);
  });
});
