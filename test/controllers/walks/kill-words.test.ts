/** A person’s word to one of two FlyCDs, killed at each call; both work on, and the word is said again through the other one. */
import { expect, test } from 'vitest';
import type { Arena, Files } from '../arena.ts';
import { walk, type Walk } from '../kill-walk.ts';

const shop = (image: string, fleet = 'walk'): Files => ({
  'flycd.yaml': `fleet: ${fleet}\n`,
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: docker.io/acme/${image} }
http_service: { internal_port: 8080, checks: [{ path: /health, interval: 2s, timeout: 1s }] }
deploy: { wait_timeout: 6s }
machines: { count: 3 }
network: { ips: [] }
`,
});

/** The two: each with a database of its own. */
const [ours, theirs] = ['state', 'another'];

/** Both make a pass at the same moment. */
async function bothWork(world: Arena): Promise<void> {
  const ran = await Promise.all([ours, theirs].map((state) => world.flycd(['sync', '--once'], state)));
  for (const { code, stdout, stderr } of ran) expect([0, 1, 4], `${stderr}${stdout}`).toContain(code);
}

/** Whatever was said, a word through either of them ends it: three healthy machines of what git says, and nothing left to do. */
async function allIsLifted(world: Arena, where: string): Promise<void> {
  await world.flycd(['resume', 'shop'], ours);
  await bothWork(world);
  for (const state of [theirs, ours]) {
    const ran = await world.flycd(['sync', '--once'], state);
    expect(ran.code, `${where}, ${state}\n${ran.stderr}${ran.stdout}`).toBe(0);
    const diff = await world.flycd(['diff'], state);
    expect(diff.code, `${where}, ${state}\n${diff.stderr}${diff.stdout}`).toBe(0);
  }
  const machines = world.simulator.world.snapshot().flatMap((app) => app.machines);
  expect(
    machines.map(({ state, config }) => [state, config.image?.split('@')[0]]),
    where,
  ).toEqual(Array.from({ length: 3 }, () => ['started', 'docker.io/acme/shop:2']));
}

const said = async (world: Arena, ...argv: readonly string[]): Promise<void> => {
  const { code, stderr } = await world.flycd(argv, theirs);
  expect(code, stderr).toBe(0);
};
const suspend = ['suspend', 'shop', '--reason', 'an incident'];
const released = { before: [shop('shop:1'), shop('shop:2')], files: shop('shop:2'), prepare: bothWork };

test.each<readonly [string, Partial<Walk> & Pick<Walk, 'before' | 'files'>]>([
  ['suspend', { ...released, argv: suspend, codes: { whole: 0, next: [0], diff: 4 } }],
  // Most of its calls are alike: three machines, each gone back, and each stamped.
  ['rollback', { ...released, every: 6, argv: ['rollback', 'shop'], codes: { whole: 0, next: [0], diff: 4 } }],
  [
    'resume of a suspension that the other one was told',
    { ...released, argv: ['resume', 'shop'], prepare: (world) => said(world, ...suspend) },
  ],
  [
    'resume of a rollback that the other one made',
    { ...released, argv: ['resume', 'shop'], prepare: (world) => said(world, 'rollback', 'shop') },
  ],
  [
    'adopt',
    {
      before: [shop('shop:1', 'theirs')],
      files: shop('shop:2'),
      argv: ['adopt', 'shop'],
      every: 2,
      codes: { whole: 0, next: [0], diff: 0 },
      // Of machines that are alike any may get any place.
      compared: (endState) =>
        JSON.parse(JSON.stringify(endState).replaceAll(/app\/arn\/[123]/g, 'app/arn/n')) as unknown,
    },
  ],
])(
  'kill -9 at each API call of %s, on three machines beside another FlyCD',
  async (_word, asked) => {
    const { argv = [] } = asked;
    const calls = await walk({ ...asked, next: argv, heir: theirs, between: bothWork, after: allIsLifted });
    expect(calls).toBeGreaterThan(3);
  },
  300_000,
);
