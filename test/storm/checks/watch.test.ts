import { describe, expect, onTestFinished, test } from 'vitest';
import type { Machine } from '../../../simulator/world/records.ts';
import { arena, type Arena } from '../../controllers/arena.ts';
import { filesOf, goodImage, type AppIdea, type FleetIdea } from '../world/fleet.ts';
import { membersOf, watch, type Watch } from './watch.ts';

const app: AppIdea = {
  name: 'app-1',
  region: 'arn',
  image: goodImage,
  env: { GREETING: 'hello' },
  memoryMb: undefined,
  secret: undefined,
  ips: ['v6'],
  groups: { web: { count: 3, serves: true, rests: false, checks: true, volumeGb: undefined } },
  strategy: 'rolling',
  maxUnavailable: 1,
  comment: 'first',
  broken: false,
};

/** Three machines under watch, and whoever wants to play a FlyCD that has gone mad. */
async function watched(
  change: Partial<AppIdea> = {},
): Promise<{ it: Arena; eyes: Watch; machines: readonly Machine[] }> {
  const it = await arena({ orderly: true });
  onTestFinished(() => it.close());
  const fleet: FleetIdea = { apps: [{ ...app, ...change }] };
  it.write(filesOf(fleet));
  const eyes = watch(it.simulator.world);
  eyes.expect(fleet);
  expect((await it.flycd(['sync', '--once'])).code).toBe(0);
  expect(eyes.findings).toEqual([]);
  return { it, eyes, machines: membersOf(it.simulator.world, 'app-1', 'web') };
}

const path = (machine: Machine | undefined): string => `/apps/app-1/machines/${machine?.id}`;
const update = (it: Arena, machine: Machine | undefined) =>
  it.asPerson('POST', path(machine), { config: machine?.config });

describe('the watch finds', () => {
  test('more machines of a group down at once than the strategy allows', async () => {
    const { it, eyes, machines } = await watched();
    eyes.disturbed('app-1');
    await update(it, machines[0]);
    expect(eyes.findings).toEqual([]);
    await update(it, machines[1]);
    expect(eyes.findings).toEqual([expect.stringContaining('app-1/web: FlyCD has 2 of 3 machines down at once')]);
  });

  test('nothing where one follows the other, where all may be down, and where a person took the first down', async () => {
    const { it, eyes, machines } = await watched();
    eyes.disturbed('app-1');
    for (const machine of machines) {
      await update(it, machine);
      await it.clock.sleep(5000);
    }
    eyes.disturbed('app-1');
    void it.simulator.flyctl.update('app-1', { machine: machines[0]?.id ?? '', config: { env: { A: '1' } } });
    await it.clock.sleep(100);
    await update(it, machines[1]);
    expect(eyes.findings).toEqual([]);
    const immediate = await watched({ strategy: 'immediate' });
    immediate.eyes.disturbed('app-1');
    await Promise.all(immediate.machines.map((machine) => update(immediate.it, machine)));
    expect(immediate.eyes.findings).toEqual([]);
  });

  test('nothing in mending what an earlier commit let go down, and one that goes down beside it', async () => {
    const { it, eyes, machines } = await watched({ strategy: 'immediate' });
    eyes.disturbed('app-1');
    const [first, second, third] = machines;
    for (const machine of [first, second]) {
      const config = { ...machine?.config, image: 'docker.io/library/failing-launch:1' };
      await it.asPerson('POST', path(machine), { config });
    }
    await it.clock.sleep(60_000);
    eyes.expect({ apps: [app] });
    await it.asPerson('POST', path(first), { config: { ...first?.config, image: goodImage } });
    expect(eyes.findings).toEqual([]);
    await update(it, third);
    expect(eyes.findings).toEqual([expect.stringContaining('app-1/web: FlyCD has 3 of 3 machines down at once')]);
  });

  test('machines destroyed that git wants', async () => {
    const { it, eyes, machines } = await watched();
    for (const machine of machines.slice(0, 2)) await it.asPerson('DELETE', `${path(machine)}?force=true`);
    expect(eyes.findings).toEqual([expect.stringContaining('app-1/web: FlyCD has 2 of 3 machines down at once')]);
  });

  test('nothing where a release that failed is undone and with it a group that came with it', async () => {
    const { it, eyes, machines } = await watched();
    const [first] = machines;
    const { web } = app.groups;
    if (web === undefined || first === undefined) throw new Error('there is no web');
    const giving = (count: number | undefined) =>
      eyes.expect({ apps: [{ ...app, groups: { web, worker: { ...web, count } } }] });
    giving(2);
    const comeAndGo = async (generation: number, stamps: object) => {
      const metadata = { ...first.config.metadata, fly_process_group: 'worker', flycd_slot: undefined, ...stamps };
      for (const number of [1, 2]) {
        const name = `worker-arn-${number}-g${generation}`;
        await it.asPerson('POST', '/apps/app-1/machines', {
          name,
          region: 'arn',
          config: { ...first.config, metadata },
        });
      }
      await it.clock.sleep(10_000);
      const members = membersOf(it.simulator.world, 'app-1', 'worker');
      for (const machine of members) await it.asPerson('DELETE', `${path(machine)}?force=true`);
      return eyes.findings.filter((text) => text.includes('down at once'));
    };
    expect(await comeAndGo(1, { flycd_failed: 'x' })).toEqual([]);
    expect(await comeAndGo(2, {})).toEqual([
      expect.stringContaining('app-1/worker: FlyCD has 2 of 2 machines down at once'),
    ]);
    // Two passes at once each undo the worker that each of them made.
    giving(undefined);
    const uncounted = () => eyes.findings.filter((text) => text.includes('gives worker no count')).length;
    for (const generation of [3, 4]) await comeAndGo(generation, { flycd_failed: 'x' });
    expect(uncounted()).toBe(0);
    await comeAndGo(5, {});
    expect(uncounted()).toBe(2);
  });

  test('a machine destroyed where git gives no count', async () => {
    const groups = { web: { count: undefined, serves: true, rests: false, checks: true, volumeGb: undefined } };
    const { it, eyes, machines } = await watched({ groups });
    await it.asPerson('DELETE', `${path(machines[0])}?force=true`);
    expect(eyes.findings).toEqual([expect.stringContaining('web-arn-1-g1 was destroyed, and git gives web no count')]);
  });

  test('no canary, of which git knows nothing', async () => {
    const groups = { web: { count: undefined, serves: true, rests: false, checks: true, volumeGb: undefined } };
    const { it, eyes, machines } = await watched({ groups });
    const canary = { fly_platform_version: 'v2', fly_process_group: 'web', fly_canary: 'true' };
    const config = { image: 'docker.io/library/app:2', metadata: canary };
    const made = (await it.asPerson('POST', '/apps/app-1/machines', { region: 'arn', config })) as {
      readonly id: string;
    };
    await it.clock.sleep(10_000);
    await it.asPerson('DELETE', `/apps/app-1/machines/${made.id}?force=true`);
    expect(eyes.findings).toEqual([]);
    await it.asPerson('DELETE', `${path(machines[0])}?force=true`);
    expect(eyes.findings).toHaveLength(1);
  });

  /** Blue and green machines of a deployment that died, destroyed in this order; which of them the watch tells of. */
  async function destroyedOf(greens: number, marked: readonly number[], order: readonly string[]) {
    const groups = { web: { count: undefined, serves: true, rests: false, checks: true, volumeGb: undefined } };
    const { it, eyes, machines: blue } = await watched({ groups });
    await it.clock.sleep(5000);
    const tag = (value: string) => ({ ...blue[0]?.config.metadata, fly_bluegreen_deployment_tag: value });
    const begun = String(Math.floor(it.simulator.world.now() / 1000));
    for (let number = 1; number <= greens; number += 1) {
      const config = { ...blue[0]?.config, metadata: tag(begun) };
      await it.asPerson('POST', '/apps/app-1/machines', { name: `green-${number}`, region: 'arn', config });
    }
    for (const one of marked)
      await it.asPerson('PATCH', `${path(blue[one])}/metadata`, { metadata: tag('safe_to_destroy') });
    await it.clock.sleep(10_000);
    for (const name of order) {
      const one = [...(it.simulator.world.apps.get('app-1')?.machines.values() ?? [])].find((m) => m.name === name);
      await it.asPerson('DELETE', `${path(one)}?force=true`);
      await it.clock.sleep(5000);
    }
    return eyes.findings.map((text) => / (\S+) was destroyed, and git gives web no count/.exec(text)?.[1] ?? text);
  }
  const [one, two] = ['web-arn-1-g1', 'web-arn-2-g1'];

  test.each<readonly [string, Parameters<typeof destroyedOf>, readonly string[]]>([
    ['blue ones that green ones have replaced', [2, [0], [one, two]], []],
    ['one more than there are green ones', [1, [0], [one, two]], [two]],
    ['none that is marked, but the last of the group', [1, [0, 1], [one, two]], []],
    ['the last of the group', [1, [0, 1], ['green-1', one, two]], ['green-1', two]],
    ['a blue one where none was replaced', [2, [], [one]], [one]],
    ['green ones that have replaced none', [2, [], ['green-1', 'green-2']], []],
    ['one more than there are blue ones', [3, [], ['green-1', 'green-2', 'green-3']], ['green-3']],
    ['a green one where one was replaced', [2, [1], ['green-1']], ['green-1']],
  ])('of a bluegreen deployment that died: %s', async (_what, deployment, found) => {
    expect(await destroyedOf(...deployment)).toEqual(found);
  });

  test('an update without a cause', async () => {
    const { it, eyes, machines } = await watched();
    await update(it, machines[0]);
    expect(eyes.findings).toEqual([expect.stringContaining('was updated though nothing changed')]);
  });

  test.each([
    [1, 1],
    [2, 0],
  ])('an update for a secret that %i at work set anew with its value: %i', async (atWork, found) => {
    const { it, eyes, machines } = await watched();
    const secret = (value: string) => it.asPerson('POST', '/apps/app-1/secrets', { values: { PASSWORD: value } });
    await secret('one');
    await update(it, machines[0]);
    await it.clock.sleep(5000);
    const ends = Array.from({ length: atWork }, () => eyes.working());
    await secret('one');
    await update(it, machines[0]);
    for (const end of ends) end();
    expect(eyes.findings).toHaveLength(found);
    await it.clock.sleep(5000);
    await update(it, machines[0]);
    expect(eyes.findings).toHaveLength(found + 1);
  });

  test('an update for a secret that two at work have set anew at one moment', async () => {
    const { it, eyes, machines } = await watched();
    const secret = (value: string) => it.asPerson('POST', '/apps/app-1/secrets', { values: { PASSWORD: value } });
    await secret('one');
    await update(it, machines[0]);
    await it.clock.sleep(5000);
    const ends = [eyes.working(), eyes.working()];
    // Both were sent before either was done.
    it.simulator.world.faults.add({ template: 'POST /apps/{app}/secrets', times: 2, fault: { latencyMs: 5000 } });
    const first = secret('two');
    await it.clock.sleep(3000);
    const second = secret('two');
    await first;
    await update(it, machines[0]);
    await second;
    await update(it, machines[0]);
    for (const end of ends) end();
    expect(eyes.findings).toEqual([]);
  });

  test('nothing where a machine runs with another secret than Fly has now', async () => {
    const { it, eyes, machines } = await watched();
    const secret = (value: string) => it.asPerson('POST', '/apps/app-1/secrets', { values: { PASSWORD: value } });
    await secret('one');
    await update(it, machines[0]);
    expect(eyes.findings).toEqual([]);
    await it.clock.sleep(5000);
    await secret('one');
    await update(it, machines[0]);
    expect(eyes.findings).toEqual([expect.stringContaining('was updated though nothing changed')]);
  });

  test('a restart without a cause', async () => {
    const { it, eyes, machines } = await watched();
    await it.asPerson('POST', `${path(machines[0])}/restart`);
    expect(eyes.findings).toEqual([expect.stringContaining('was restarted though its volume has not grown')]);
  });

  test('a second restart of a machine whose volume had yet to grow when it was made', async () => {
    const web = { count: 3, serves: true, rests: false, checks: true, volumeGb: 2 };
    const { it, eyes, machines } = await watched({ groups: { web } });
    const volume = { name: 'web_data', region: 'arn', size_gb: 1 };
    const { id } = (await it.asPerson('POST', '/apps/app-1/volumes', volume)) as { id: string };
    const mounts = [{ volume: id, path: '/data' }];
    const config = { ...machines[0]?.config, mounts };
    const machine = { name: 'web-arn-9-g1', region: 'arn', config };
    const made = (await it.asPerson('POST', '/apps/app-1/machines', machine)) as { id: string };
    await it.clock.sleep(20_000);
    const restart = () => it.asPerson('POST', `/apps/app-1/machines/${made.id}/restart`);
    const found = () => eyes.findings.filter((finding) => finding.includes('was restarted'));
    await restart();
    expect(found()).toEqual([]);
    await it.clock.sleep(20_000);
    await restart();
    expect(found()).toHaveLength(1);
  });

  test('an image before its release command, and two commands side by side', async () => {
    const image = 'docker.io/library/app:2';
    const { it, eyes, machines } = await watched();
    eyes.expect({ apps: [{ ...app, image, releaseCommand: 'migrate 1' }] });
    const metadata = { fly_process_group: 'fly_app_release_command' };
    const run = (name: string, word: string, image: string) =>
      it.asPerson('POST', '/apps/app-1/machines', {
        name,
        region: 'arn',
        config: {
          image,
          metadata,
          env: { RELEASE_COMMAND: '1' },
          init: { cmd: ['migrate', word] },
          restart: { policy: 'no' },
        },
      });
    await run('release-1', '2', image);
    await it.clock.sleep(5000);
    const [first, second] = machines;
    await it.asPerson('POST', path(first), { config: { ...first?.config, image } });
    expect(eyes.findings).toEqual([
      expect.stringContaining('app-1: web-arn-1-g1 runs docker.io/library/app:2 before "migrate 1" has run on it'),
    ]);
    const next = 'docker.io/library/app:3';
    eyes.expect({ apps: [{ ...app, image: next, releaseCommand: 'migrate 1' }] });
    await run('release-2', '1', next);
    await run('release-3', '1', next);
    // A person's clone of one.
    await run('ancient-field-5641', '1', next);
    expect(eyes.findings.slice(1)).toEqual([
      expect.stringContaining('app-1: release-3 runs a release command beside release-2'),
    ]);
    await it.clock.sleep(5000);
    await it.asPerson('POST', path(second), { config: { ...second?.config, image: next } });
    expect(eyes.findings).toHaveLength(2);
  });

  test('two machines made for one slot', async () => {
    const { it, eyes, machines } = await watched();
    const [first] = machines;
    await it.asPerson('POST', '/apps/app-1/machines', { name: 'web-arn-1-g2', region: 'arn', config: first?.config });
    expect(eyes.findings[0]).toContain('app-1: web-arn-1-g2 and web-arn-1-g1 are both web/arn/1');
  });

  test('a hand on what is somebody else’s', async () => {
    const { it, eyes, machines } = await watched();
    const id = machines[0]?.id ?? '';
    eyes.protect({ machine: id });
    eyes.protect({ app: 'theirs' });
    await it.asPerson('PATCH', `/apps/app-1/machines/${id}/metadata`, { metadata: { mine: 'now' } });
    await it.asPerson('POST', '/apps', { app_name: 'theirs', org_slug: 'personal' }).catch(() => undefined);
    await it.asPerson('POST', '/apps/theirs/secrets', { values: { A: '1' } });
    expect(eyes.findings).toEqual([
      expect.stringContaining(`somebody else's: PATCH /v1/apps/app-1/machines/${id}/metadata`),
      expect.stringContaining("somebody else's: POST /v1/apps/theirs/secrets"),
    ]);
  });
});
