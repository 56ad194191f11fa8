import { expect, onTestFinished, test } from 'vitest';
import { arena } from '../../controllers/arena.ts';
import { goodImage, type AppIdea } from '../world/fleet.ts';
import { accepting } from './accepting.ts';

const idea: AppIdea = {
  name: 'named',
  region: 'arn',
  image: goodImage,
  env: {},
  memoryMb: undefined,
  secret: undefined,
  ips: undefined,
  groups: {},
  strategy: 'rolling',
  maxUnavailable: 1,
  comment: 'first',
  broken: false,
};

test('who accepts lets go what is in an app that goes, and that git does not name', async () => {
  const world = await arena({ orderly: true });
  onTestFinished(() => world.close());
  const names = ['named', 'goes', 'stays'];
  const config = { image: goodImage, guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 } };
  for (const app of names) {
    await world.asPerson('POST', '/apps', { app_name: app, org_slug: 'personal' });
    await world.asPerson('POST', `/apps/${app}/machines`, { region: 'arn', config });
  }
  const fly = world.simulator.world;
  const others = fly.snapshot().flatMap((app) => app.machines.map((machine) => ({ app: app.name, machine })));
  const scene = { world, fleet: { apps: [idea] }, rivalry: undefined, others };
  const ran = await accepting(
    scene,
    (async () => {
      await world.asPerson('DELETE', '/apps/named');
      await world.asPerson('DELETE', '/apps/goes');
      return 'ran';
    })(),
  );
  expect([ran, scene.others.map(({ app }) => app)]).toEqual(['ran', ['named', 'stays']]);
});
