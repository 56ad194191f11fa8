import { onTestFinished, expect, test } from 'vitest';
import { arena, type Arena } from '../controllers/arena.ts';

const app = (name: string, image = 'nginx:1.27'): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: "${image}" }\nmachines: { count: 1 }\n`;

async function open(files: Readonly<Record<string, string>>): Promise<Arena> {
  const world = await arena();
  onTestFinished(() => world.close());
  world.write({ 'flycd.yaml': 'fleet: part\nsync: { prune: [app] }\n', ...files });
  return world;
}

const namesOnFly = (world: Arena): readonly string[] => world.simulator.world.snapshot().map(({ name }) => name);

test('a broken app spoils nothing but itself', async () => {
  const world = await open({
    'good/app.yaml': app('good'),
    'bad/app.yaml': `${app('bad')}environ: { A: b }\nmachnies: {}\n`,
  });
  const validated = await world.flycd(['validate']);
  expect(validated.code).toBe(3);
  expect(validated.stdout).toContain('bad/app.yaml:6:1: error: machnies:');
  expect(validated.stdout).toContain('hint: did you mean machines?');
  const synced = await world.flycd(['sync', '--once']);
  expect(synced.code).toBe(3);
  expect(namesOnFly(world)).toEqual(['good']);
  expect((await world.flycd(['status'])).stdout).toMatch(/^bad +invalid/m);
  expect((await world.flycd(['sync', '--once', '--app', 'good'])).code).toBe(0);
});

test('apps of a project that cannot be read are unknown: no orphans, even where apps may be pruned', async () => {
  const inner = { 'team/project.yaml': 'project: team\nsource: { type: local }\n', 'team/a/app.yaml': app('team-a') };
  const world = await open({ 'good/app.yaml': app('good'), ...inner });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  // Nobody listens there.
  const unreachable = 'project: team\nsource: { type: git, repo: "http://127.0.0.1:9/team.git" }\n';
  world.write({ 'team/project.yaml': unreachable });
  const planned = await world.flycd(['diff']);
  expect(planned.code).toBe(3);
  expect(planned.stdout).toContain('team/project.yaml:2:');
  expect(planned.stdout).toContain('The config did not load whole');
  expect(planned.stdout).not.toContain('app.destroy');
  const synced = await world.flycd(['sync', '--once', '--accept']);
  expect(synced.code).toBe(3);
  expect(namesOnFly(world)).toEqual(['good', 'team-a']);
});

test('a token that may only read is enough for diff, and changes nothing', async () => {
  const world = await open({ 'good/app.yaml': app('good') });
  world.simulator.world.tokens.clear();
  world.simulator.world.tokens.set(world.simulator.token, {
    id: 'reader',
    organizations: ['personal'],
    readOnly: true,
    owner: 'reader',
  });
  expect((await world.flycd(['diff'])).code).toBe(2);
  expect((await world.flycd(['sync', '--once'])).code).toBe(1);
  expect(namesOnFly(world)).toEqual([]);
});
