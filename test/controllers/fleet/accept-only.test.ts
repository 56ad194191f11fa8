import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, changedFleet, walkFleet, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const prune = 'fleet: walk\nsync:\n  prune: [app]\n';
const mounted = (walkFleet['shop/app.yaml'] ?? '').replace('app: shop', 'app: other');

/** `shop` in sync, `other` an orphan with volumes, held. */
async function removedMounted(): Promise<void> {
  world = await arena();
  world.write({ ...walkFleet, 'flycd.yaml': prune, 'other/app.yaml': mounted });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  rmSync(join(world.folder, 'other'), { recursive: true });
}

const accepting = (...words: string[]): readonly string[] => [
  'sync',
  '--once',
  ...words.flatMap((word) => ['--accept-only', word]),
];
const apps = (): readonly string[] => [...world.simulator.world.apps.keys()];

describe('a word that names nothing', () => {
  test.each([
    ['othr', 'did you mean other?'],
    ['app:othr', 'did you mean app:other?'],
    ['volumes', 'did you mean volume?'],
    ['shpo', 'did you mean shop?'],
    ['nothing-like-it', 'brake, destructive'],
    ['app:volume', 'no app is called volume'],
  ])('%s is an error that says what may be meant, before anything is done', async (word, said) => {
    await removedMounted();
    world.write(changedFleet('GREETING: hello', 'GREETING: goodbye'));
    const before = JSON.stringify(world.simulator.world.snapshot());
    const { code, stdout, stderr } = await world.flycd(accepting('other', word));
    expect(code, stdout).toBe(1);
    expect(stderr).toContain(said);
    expect(stdout).toBe('');
    expect(JSON.stringify(world.simulator.world.snapshot())).toBe(before);
  });

  test.each([
    ['ownr', 'did you mean app:owner?'],
    ['volum', 'did you mean app:volume or volume?'],
  ])('%s may mean an app that is called like a reason: it says the word for that', async (word, said) => {
    world = await arena();
    for (const name of ['owner', 'volume'])
      world.write({
        [`${name}/app.yaml`]: `app: ${name}\nprimary_region: arn\nbuild: {image: "docker.io/library/caddy:2.10.2"}\n`,
      });
    expect((await world.flycd(accepting(word))).stderr).toContain(said);
  });

  test('is one in a fleet without a name, too, and beside --app', async () => {
    world = await arena();
    world.write({ 'shop/app.yaml': walkFleet['shop/app.yaml'] ?? '' });
    for (const more of [[], ['--app', 'shop']]) {
      const { code, stderr } = await world.flycd([...accepting('shpo'), ...more]);
      expect(code).toBe(1);
      expect(stderr).toContain('did you mean shop?');
    }
    expect(apps()).toEqual([]);
  });

  test('cannot be told from an orphan where the list could not be read, and is refused with that reason', async () => {
    await removedMounted();
    world.simulator.world.faults.add({ template: 'GET /orgs/{org}/machines', fault: '503', times: 99 });
    const { code, stderr } = await world.flycd(accepting('other'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/FlyCD could not list all machines of organization personal: .*/);
    expect(apps()).toContain('other');
  });
});

describe('a word that is known and releases nothing', () => {
  test.each([
    ['shop', /--accept-only shop: warning: released nothing: .*shop/],
    ['brake', /--accept-only brake: warning: released nothing: .*brake/],
    ['app:shop', /--accept-only app:shop: warning: released nothing/],
    ['volume', /--accept-only volume: warning: released nothing: other must be named \(--accept-only other\)/],
  ])('%s: is said, in JSON too, and changes nothing else', async (word, said) => {
    await removedMounted();
    const { code, stdout } = await world.flycd(accepting(word));
    expect(code).toBe(4);
    expect(stdout).toMatch(said);
    expect(apps()).toContain('other');
    const json = await world.flycd([...accepting(word), '--output', 'json']);
    const { problems } = JSON.parse(json.stdout) as { readonly problems: readonly object[] };
    expect(problems).toMatchObject([{ severity: 'warning', file: `--accept-only ${word}` }]);
  });

  test('is said of that one alone: the other does its work', async () => {
    await removedMounted();
    const { stdout } = await world.flycd(accepting('other', 'shop'));
    expect(stdout).not.toContain('--accept-only other: warning');
    expect(stdout).toContain('--accept-only shop: warning: released nothing');
    expect(apps()).toEqual(['shop']);
  });

  test('is said where the pass is about another app', async () => {
    await removedMounted();
    const { stdout } = await world.flycd([...accepting('other'), '--app', 'shop']);
    expect(stdout).toContain('--accept-only other: warning: released nothing');
    expect(apps()).toContain('other');
  });

  test('is not said of machines that are made anew with that word', async () => {
    world = await arena();
    world.write(walkFleet);
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    world.write(changedFleet('mounts:\n  - source: data\n    destination: /data\n    processes: [store]\n', ''));
    const held = await world.flycd(['diff']);
    expect(held.stdout).toContain('held (volume)');
    const { stdout, code } = await world.flycd(accepting('volume'));
    expect(code, stdout).toBe(0);
    expect(stdout).not.toContain('released nothing');
  });
});
