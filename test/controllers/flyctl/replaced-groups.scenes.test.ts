/** `fly deploy` by hand with other process groups: what told of FlyCD's releases goes with the machines that it takes away. */
import { afterEach, describe, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../arena.ts';
import { groupOf, groupsOf, machinesOf } from './groups.ts';

let world: Arena;
afterEach(() => world.close());

const given = 'machines: { groups: { web: { count: 2 }, worker: { count: 1 } } }';

function shop(greeting: string, { counts = '', drift = 'heal' } = {}): Files {
  return {
    'flycd.yaml': `fleet: hands\nsync: { drift: ${drift} }\n`,
    'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "docker.io/acme/shop:1@sha256:${'1'.repeat(64)}" }
env: { GREETING: ${greeting} }
processes: { web: web, worker: work }
http_service: { internal_port: 8080, processes: [web] }
network: { ips: [{ v: v6 }] }
${counts}
`,
  };
}

const machines = () => machinesOf(world);
const groups = () => groupsOf(world);
const writes = () => world.simulator.world.writes().length;

async function sync(flags: readonly string[] = [], state?: string) {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once', ...flags], state);
  await world.clock.sleep(60_000);
  return { code, said: stderr + stdout };
}

interface Known {
  /** What FlyCD has of its own releases. */
  readonly knows: 'all' | 'lost, and looked' | 'another that looked' | 'no record made' | 'no releases';
  readonly counts?: string;
  readonly drift?: string;
}

const unanswered = {
  'no record made': ['POST /api/v1/releases'],
  'no releases': ['POST /api/v1/releases', 'GET /api/v1/apps/{app}/releases'],
} as const;

/** Two releases of FlyCD's; the database that the rest of the test goes by. */
async function released({ knows, ...parts }: Known): Promise<string | undefined> {
  world = await arena({ seed: 5 });
  if (knows === 'no record made' || knows === 'no releases')
    for (const template of unanswered[knows])
      world.simulator.world.faults.add({
        template,
        probability: 1,
        fault: { status: 404, body: { error: 'not found' } },
      });
  for (const greeting of ['before', 'hello']) {
    world.write(shop(greeting, parts));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
  }
  const state = knows === 'another that looked' ? 'other' : undefined;
  if (knows === 'lost, and looked') world.forget();
  if (knows === 'lost, and looked' || state !== undefined) expect((await sync([], state)).code).toBe(0);
  return state;
}

/** As with a fly.toml that has these groups and no other. */
async function deployed(...names: readonly string[]): Promise<void> {
  const web = machines().find((machine) => groupOf(machine) === 'web');
  if (web === undefined) throw new Error('there is no machine of web');
  const config = { ...web.config, metadata: {} };
  const configs = Object.fromEntries(names.map((name) => [name, config]));
  expect(await world.simulator.flyctl.deploy('shop', { configs })).toEqual({ ok: true });
  await world.clock.sleep(60_000);
}

const whole = (counts: string) => (counts === '' ? 'web web worker worker' : 'web web worker');

describe.each(['', given])('a deployment that replaces all groups, where git gives the counts "%s"', (counts) => {
  test.each<Known['knows']>(['all', 'lost, and looked', 'another that looked', 'no record made', 'no releases'])(
    'is held whole, and undone whole by --now: %s',
    async (knows) => {
      const state = await released({ knows, counts });
      await deployed('extra');
      expect(groups()).toBe('extra extra');
      const before = writes();
      const held = await sync([], state);
      expect([held.code, groups(), writes()], held.said).toEqual([4, 'extra extra', before]);
      expect(held.said).toContain('changed by flyctl');
      expect(held.said).toContain('web has no machine, worker has no machine, 2 machines of extra');
      expect(held.said).not.toContain('scaled it to 0');
      const undone = await sync(['--now'], state);
      expect([undone.code, groups()], undone.said).toEqual([0, whole(counts)]);
      const { code } = await sync([], state);
      expect([code, groups()]).toEqual([0, whole(counts)]);
    },
  );

  test('nothing is made where Fly does not say which machines are gone', async () => {
    await released({ knows: 'lost, and looked', counts });
    await deployed('extra');
    // The first list is of those that are there.
    const template = 'GET /apps/{app}/machines';
    world.simulator.world.faults.add({ template, nth: 2, times: 20, fault: { status: 500, body: {} } });
    const before = writes();
    const { code, said } = await sync();
    expect([groups(), writes()], said).toEqual(['extra extra', before]);
    expect([1, 4]).toContain(code);
  });

  test('heal_all undoes it whole without a word', async () => {
    await released({ knows: 'lost, and looked', counts, drift: 'heal_all' });
    await deployed('extra');
    const { code, said } = await sync();
    expect([code, groups()], said).toEqual([0, whole(counts)]);
  });
});
