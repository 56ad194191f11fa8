/** An app that git no longer names goes last: when what takes its place runs well, and when all that goes was seen. */
import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const pruning = 'fleet: order\nsync:\n  prune: [app]\n';

function app(name: string, image = 'shop:1', more = ''): string {
  const digest = hash('sha256', image);
  return `app: ${name}
primary_region: arn
build:
  image: docker.io/library/${image}@sha256:${digest}
deploy:
  wait_timeout: 30s
http_service:
  internal_port: 8080
  checks:
    - { path: /health, interval: 5s, timeout: 2s }
machines: { count: 1 }
${more}`;
}

async function flycd(...argv: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

async function begun(files: Record<string, string>): Promise<void> {
  world = await arena();
  world.write({ 'flycd.yaml': pruning, ...files });
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(0);
}

const names = () => world.simulator.world.snapshot().map(({ name }) => name);

describe('an app that git names another way', () => {
  test('goes in the pass that makes the new one, after it', async () => {
    await begun({ 'shop/app.yaml': app('shop') });
    world.write({ 'shop/app.yaml': app('shop-v2') });
    expect((await flycd('diff')).said).toContain(
      'FlyCD destroys it only after every other app runs what git says: shop-v2 is not at its newest version yet',
    );
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
    expect(names()).toEqual(['shop-v2']);
    const destroyed = said.indexOf('app.destroy shop deleted');
    expect(destroyed, said).toBeGreaterThan(said.indexOf('release shop-v2 created'));
  });

  test.each([
    ['fails its check', 'shop:failing-check'],
    ['crashes', 'shop:crash-loop'],
    ['does not start', 'shop:failing-launch'],
  ])('stays while the new one %s, however often that is tried', async (_what, image) => {
    await begun({ 'shop/app.yaml': app('shop') });
    world.write({ 'shop/app.yaml': app('shop-v2', image) });
    for (const _pass of [1, 2, 3]) {
      await flycd('sync', '--once');
      expect(names()).toContain('shop');
    }
    world.write({ 'shop/app.yaml': app('shop-v2', 'shop:2') });
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
    expect(names()).toEqual(['shop-v2']);
  });

  test('stays while another app is suspended, and says what ends that', async () => {
    await begun({ 'shop/app.yaml': app('shop'), 'cart/app.yaml': app('cart') });
    expect((await flycd('suspend', 'cart', '--reason', 'a migration')).code).toBe(0);
    world.remove('shop');
    const { said } = await flycd('diff');
    expect(said).toContain('runs what git says: cart is held (suspended) until flycd resume cart');
    await flycd('resume', 'cart');
    expect((await flycd('sync', '--once')).code).toBe(0);
    expect(names()).toEqual(['cart']);
  });

  test('stays in a pass that fails at the new one, though it runs', async () => {
    await begun({ 'shop/app.yaml': app('shop') });
    world.write({ 'shop/app.yaml': app('shop-v2') });
    const fault = { status: 500, body: { error: 'no addresses today' } };
    world.simulator.world.faults.add({ template: 'POST /apps/{app}/ip_assignments', times: 99, fault });
    expect((await flycd('sync', '--once')).said).toContain('shop-v2 failed in this pass');
    expect(names()).toEqual(['shop', 'shop-v2']);
  });

  test('stays while the new one’s file is wrong', async () => {
    await begun({ 'shop/app.yaml': app('shop') });
    world.write({ 'shop/app.yaml': app('shop-v2', 'shop:1', 'machnies: {}\n') });
    expect((await flycd('sync', '--once')).code).toBe(3);
    expect(names()).toEqual(['shop']);
  });

  test('goes where a person names it, whatever the new one does', async () => {
    await begun({ 'shop/app.yaml': app('shop') });
    world.write({ 'shop/app.yaml': app('shop-v2', 'shop:failing-check') });
    await flycd('sync', '--once', '--accept-only', 'shop');
    expect(names()).toEqual(['shop-v2']);
  });
});

test('an app that another one needs by depends_on stays until that one lets go of it', async () => {
  await begun({
    'rest/app.yaml': app('rest'),
    'db/app.yaml': app('db'),
    'web/app.yaml': app('web', 'shop:1', 'depends_on: [db]\n'),
  });
  world.remove('db');
  for (const more of [[], ['--accept'], ['--accept-only', 'db']]) {
    const { code, said } = await flycd('sync', '--once', ...more);
    expect(code).toBe(3);
    expect(said).toContain('web (web/app.yaml) names it in depends_on');
    expect(names()).toEqual(['db', 'rest', 'web']);
  }
  world.write({ 'web/app.yaml': app('web') });
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(0);
  expect(names()).toEqual(['rest', 'web']);
});

test('removals that are too many do not go a few at a time, as Fly’s lists happen to show them', async () => {
  const elsewhere = app('two').replace('arn', 'ams');
  await begun({ 'shop/app.yaml': app('shop'), 'one/app.yaml': app('one'), 'two/app.yaml': elsewhere });
  world.remove('one');
  world.remove('two');
  expect((await flycd('sync', '--once')).said).toContain('2 of 3 apps would be removed in one sync');
  world.simulator.world.errorRegions.add('ams');
  const gaps = await flycd('sync', '--once');
  expect(gaps.said).toContain('Fly’s machine list of personal is incomplete, so FlyCD cannot count the removals');
  expect(names()).toEqual(['one', 'shop', 'two']);
});

describe('an app that git names another way, chosen alone,', () => {
  test.each([
    ['fails its check', 'shop:failing-check', ''],
    ['has a file that is wrong', 'shop:1', 'machnies: {}\n'],
    ['is not there yet', 'shop:1', ''],
  ])('stays while the new one %s', async (_what, image, more) => {
    await begun({ 'shop/app.yaml': app('shop') });
    world.write({ 'shop/app.yaml': app('shop-v2', image, more) });
    for (const argv of [
      ['diff', '--app', 'shop'],
      ['why', 'shop'],
      ['sync', '--once', '--app', 'shop'],
    ])
      expect((await flycd(...argv)).said).toMatch(
        /destroys it only after every other app runs what git says: shop-v2 is/,
      );
    expect(names()).toEqual(['shop']);
    await flycd('sync', '--once', '--app', 'shop', '--accept-only', 'shop');
    expect(names()).toEqual([]);
  });

  test('goes where all others are well', async () => {
    await begun({ 'shop/app.yaml': app('shop'), 'cart/app.yaml': app('cart') });
    world.remove('shop');
    expect((await flycd('sync', '--once', '--app', 'shop')).code).toBe(0);
    expect(names()).toEqual(['cart']);
  });

  test('counts with the others that would go', async () => {
    await begun({ 'shop/app.yaml': app('shop'), 'cart/app.yaml': app('cart'), 'blog/app.yaml': app('blog') });
    for (const name of ['shop', 'cart']) world.remove(name);
    const { said } = await flycd('sync', '--once', '--app', 'shop');
    expect(said).toContain('2 of 3 apps would be removed');
    expect(said).not.toContain('cart');
    expect(names()).toEqual(['blog', 'cart', 'shop']);
  });
});
