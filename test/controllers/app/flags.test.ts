/** Flags of flyctl in app.yaml, seen on Fly. */
import { afterEach, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const tree = (more: string) => ({
  'flycd.yaml': 'fleet: flags\n',
  'shop/app.yaml': `app: shop\nbuild: { image: "docker.io/library/caddy:2" }\nhttp_service: { internal_port: 80 }\n${more}`,
});

async function run(...argv: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await world.flycd(argv);
  expect(code, stdout + stderr).toBe(0);
}

async function machines(): Promise<readonly Machine[]> {
  await world.clock.sleep(3000);
  return (await world.asPerson('GET', '/apps/shop/machines')) as readonly Machine[];
}

test('v0’s lists make the app as v0 did, in one plan', async () => {
  world = await arena();
  world.write(
    tree(
      'launch_params: [--ha=true, --auto-confirm, --now, --copy-config, --name, shop, --org, personal, --vm-size, shared-cpu-2x]\n' +
        'deploy_params: [--ha=false, --region, ams, --strategy=immediate, --wait-timeout, 2m, --max-unavailable=1, --remote-only]\n',
    ),
  );
  await run('sync', '--once');
  expect(await machines()).toMatchObject([
    { region: 'ams', config: { guest: { cpus: 2, memory_mb: 512 }, env: { PRIMARY_REGION: 'ams' } } },
  ]);
  await run('diff');
});

test('a size in flags is for new machines: one that is there keeps what somebody gave it', async () => {
  world = await arena();
  const flags = 'primary_region: arn\ndeploy_params: ["--vm-memory=1024", "--ha=false"]\n';
  world.write(tree(flags));
  await run('sync', '--once');
  const [machine] = await machines();
  expect(machine?.config?.guest).toMatchObject({ memory_mb: 1024 });
  const config = { ...machine?.config, guest: { ...machine?.config?.guest, memory_mb: 2048 } };
  await world.asPerson('POST', `/apps/shop/machines/${machine?.id}`, { config });
  await world.clock.sleep(60_000);
  await run('sync', '--once');
  world.write(tree(flags.replace('1024', '512')));
  await run('sync', '--once');
  expect((await machines()).map(({ config: live }) => live?.guest?.memory_mb)).toEqual([2048]);
  await run('diff');
});
