/** A person's word on an app that git no longer names: said, shown and taken back as of any other. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, walkFleet, type Arena } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const named = 'fleet: walk\n';
const prunes = `${named}sync:\n  prune: [app]\n`;
const other = 'app: other\nprimary_region: arn\nbuild:\n  image: docker.io/library/caddy:2.10.2\n';
const mounted = (walkFleet['shop/app.yaml'] ?? '').replace('app: shop', 'app: other');

async function flycd(...argv: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}
const sync = (...flags: string[]) => flycd('sync', '--once', ...flags);
const apps = (): readonly string[] => [...world.simulator.world.apps.keys()];
const remove = (): void => rmSync(join(world.folder, 'other'), { recursive: true });

/** `other` runs, as git says; a person's words on it; then git names it no more. */
async function removedApp(settings: string, words: readonly string[][] = [], text = other): Promise<void> {
  world = await arena();
  world.write({ ...walkFleet, 'flycd.yaml': settings, 'other/app.yaml': text });
  expect((await sync()).code).toBe(0);
  for (const argv of words) expect((await flycd(...argv)).code).toBe(0);
  remove();
}

const suspend = ['suspend', 'other', '--reason', 'bob looks'];

/** The one command that the plan prints for it, carried out as it stands there. */
async function carriedOut(command: RegExp): Promise<string> {
  const { said } = await flycd('diff');
  const [printed = ''] = command.exec(said) ?? [];
  expect(printed, said).not.toBe('');
  const { code, said: answer } = await flycd(...printed.split(' ').slice(1));
  expect(code, answer).toBe(0);
  return answer;
}

describe('an app that was suspended and is removed from git', () => {
  test('is held, and goes on by the command that is printed', async () => {
    await removedApp(prunes, [suspend]);
    const held = await sync('--accept', '--now');
    expect(held.code, held.said).toBe(4);
    expect(held.said).toContain('bob looks');
    expect(apps()).toContain('other');
    const answer = await carriedOut(/flycd resume other/);
    expect(answer).toContain('other: orphaned: no longer held (suspended by alice); the next sync destroys it');
    // Said, and not done.
    expect(apps()).toContain('other');
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(said).toMatch(/other +deleted/);
    expect(apps()).toEqual(['shop']);
  });

  test('with volumes is asked for by name once it is resumed, not before', async () => {
    await removedApp(prunes, [suspend], mounted);
    await sync('--accept-only', 'other');
    expect(apps()).toContain('other');
    expect((await flycd('resume', 'other')).said).toContain('held (volume)');
    await sync();
    expect(apps()).toContain('other');
    await carriedOut(/flycd sync --once --accept-only other/);
    expect(apps()).toEqual(['shop']);
  });

  test('is resumed where the policy prunes nothing, and says until then that it is suspended', async () => {
    await removedApp(named, [suspend]);
    const why = await flycd('why', 'other');
    expect(why.said).toContain('suspended by alice');
    expect(why.code).toBe(0);
    expect((await flycd('resume', 'other')).said).toContain('no longer held (suspended by alice)');
    expect((await flycd('why', 'other')).said).not.toContain('suspended by alice');
    expect((await flycd('resume', 'other')).said).toContain('nothing was to be lifted');
  });

  test('is resumed by another FlyCD, which knows of it from Fly alone', async () => {
    await removedApp(prunes, [suspend]);
    const { code, stdout } = await world.flycd(['resume', 'other'], 'another');
    expect(code, stdout).toBe(0);
    expect((await sync()).said).toMatch(/other +deleted/);
  });
});

describe('an app that git no longer names', () => {
  test('is suspended by its name, and stays until it is resumed or the time is over', async () => {
    await removedApp(prunes);
    const { code, said } = await flycd(...suspend, '--for', '2h');
    expect(code, said).toBe(0);
    expect(said).toMatch(/other: orphaned: suspended by alice at .*: bob looks/);
    expect((await sync('--accept-only', 'other')).code).toBe(4);
    expect(apps()).toContain('other');
    await world.clock.sleep(2 * 60 * 60_000);
    expect((await sync()).said).toMatch(/other +deleted/);
  });

  test('is suspended by a name that a project has as well, with the apps of the project', async () => {
    world = await arena();
    const project = 'project: other\nsource: { type: local, path: . }\n';
    const second = other.replace('app: other', 'app: other-two');
    const files = { 'two/project.yaml': project, 'two/app/app.yaml': second, 'other/app.yaml': other };
    world.write({ ...walkFleet, 'flycd.yaml': prunes, ...files });
    expect((await sync()).code).toBe(0);
    remove();
    const { code, said } = await flycd(...suspend);
    expect(code, said).toBe(0);
    expect(said).toMatch(/^other-two: /m);
    expect(said).toMatch(/^other: /m);
    await sync('--accept');
    expect(apps()).toContain('other');
    expect((await flycd('resume', 'other')).code).toBe(0);
    expect((await sync()).said).toMatch(/other +deleted/);
  });

  test('is suspended where nothing would destroy it, which counts once the policy does', async () => {
    await removedApp(named);
    const { said } = await flycd(...suspend);
    expect(said).toMatch(/other: orphaned: suspended by alice at .*: bob looks/);
    world.write({ 'flycd.yaml': prunes });
    await sync();
    expect(apps()).toContain('other');
    await carriedOut(/flycd resume other/);
    await sync();
    expect(apps()).toEqual(['shop']);
  });

  test('keeps its suspension when git names it again', async () => {
    await removedApp(prunes);
    await flycd(...suspend);
    world.write({ 'other/app.yaml': other.replace('2.10.2', '2.10.3') });
    expect((await sync()).said).toMatch(/other +held +suspended/);
    await flycd('resume', 'other');
    expect((await sync()).said).toMatch(/other +updated +synced/);
  });

  test('has no version to go back to, and is not called unknown', async () => {
    await removedApp(prunes);
    const { code, said } = await flycd('rollback', 'other');
    expect(code).toBe(1);
    expect(said).toContain('git no longer names other');
    expect(said).toContain('bring its app.yaml back');
    expect(apps()).toContain('other');
  });
});

describe.each(['resume', 'suspend'])('%s', (word) => {
  const say = (name: string) => flycd(word, name, ...(word === 'suspend' ? ['--reason', 'x'] : []));

  test('calls unknown what neither git nor Fly knows as the fleet’s, and no glob reaches an app', async () => {
    await removedApp(prunes);
    for (const name of ['othr', 'oth*', '*']) {
      const { code, said } = await say(name);
      expect(code).toBe(1);
      expect(said).toContain(`no app is called ${name}`);
    }
    expect((await sync()).said).toMatch(/other +deleted/);
    expect((await say('other')).said).toContain('no app is called other');
  });

  test('says so where the list that would tell could not be read, or part of the config was not', async () => {
    await removedApp(prunes);
    world.simulator.world.faults.add({ template: 'GET /orgs/{org}/machines', fault: '503', times: 99 });
    const unread = await say('other');
    expect(unread.code).toBe(1);
    expect(unread.said).toContain('whether other is an app of this fleet is not known');
    world.simulator.world.faults.clear();
    world.write({ 'broken/project.yaml': 'project: [\n' });
    const part = await say('other');
    expect(part.code).toBe(1);
    expect(part.said).toContain('whether other is an app of this fleet is not known');
    expect(part.said).toContain('flycd validate');
    world.remove('broken');
    expect((await say('other')).code).toBe(0);
  });

  test('asks Fly for no list where git names the app', async () => {
    await removedApp(prunes);
    world.simulator.world.faults.add({ template: 'GET /orgs/{org}/machines', fault: '503', times: 99 });
    expect((await say('shop')).code).toBe(0);
  });
});
