import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { FaultRule } from '../../../simulator/world/faults.ts';
import { arena, walkFleet, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const other = 'app: other\nprimary_region: arn\nbuild:\n  image: docker.io/library/caddy:2.10.2\n';
const named = 'fleet: walk\n';
const prunes = `${named}sync:\n  prune: [app]\n`;

async function removedApp(settings: string): Promise<void> {
  world = await arena();
  world.write({ ...walkFleet, 'flycd.yaml': settings, 'other/app.yaml': other });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  rmSync(join(world.folder, 'other'), { recursive: true });
}

const list: FaultRule = { template: 'GET /orgs/{org}/machines', fault: '503', times: 99 };
const gaps: FaultRule = {
  ...list,
  fault: { status: 200, body: { machines: [], error_regions: ['syd', 'gru'], next_cursor: '' } },
};
const silent: FaultRule = { template: 'GET /apps/{app}', app: 'other', fault: '503', times: 99 };

describe.each([
  ['a list of the organization that fails', list, /503|unavailable/],
  ['one with regions that did not answer', gaps, /lacks gru, syd/],
  ['an app in it that does not answer', silent, /other: /],
])('%s', (_what, rule, reason) => {
  test.each([
    ['diff', ['diff']],
    ['sync', ['sync', '--once']],
  ])('is said by %s in every output, and changes no exit code where an orphan is a warning', async (_name, argv) => {
    await removedApp(named);
    world.simulator.world.faults.add(rule);
    for (const output of ['text', 'markdown']) {
      const { code, stdout } = await world.flycd([...argv, '--output', output]);
      expect(stdout).toMatch(
        /organization personal: warning: FlyCD could not list all machines: .*\. Apps that git no longer names may be missing here/,
      );
      expect(stdout).toMatch(reason);
      expect(code).toBe(0);
    }
    const { code, stdout } = await world.flycd([...argv, '--output', 'json']);
    expect(code).toBe(0);
    const { problems } = JSON.parse(stdout) as { readonly problems: readonly object[] };
    expect(problems).toMatchObject([{ severity: 'warning', file: 'organization personal', app: null }]);
    expect(JSON.stringify(problems)).toMatch(reason);
  });

  test.each([
    ['diff', ['diff']],
    ['sync', ['sync', '--once']],
  ])('is no success of %s where the policy would destroy what may be in it', async (_name, argv) => {
    await removedApp(prunes);
    world.simulator.world.faults.add(rule);
    const { code, stdout } = await world.flycd(argv);
    expect(code, stdout).toBe(1);
    expect(world.simulator.world.apps.has('other')).toBe(true);
    world.simulator.world.faults.clear();
    expect((await world.flycd(argv)).code).toBe(argv[0] === 'diff' ? 2 : 0);
  });
});

test('an app that git does not name is not called unknown where its list could not be read', async () => {
  await removedApp(named);
  world.simulator.world.faults.add(list);
  for (const argv of [
    ['why', 'other'],
    ['diff', '--app', 'other'],
    ['sync', '--once', '--app', 'other'],
  ]) {
    const { code, stderr } = await world.flycd(argv);
    expect(code).toBe(1);
    expect(stderr).not.toContain('no app is called other');
    expect(stderr).toContain('personal');
  }
  world.simulator.world.faults.clear();
  expect((await world.flycd(['why', 'other'])).code).toBe(0);
});

test('whoever asks for apps of git’s alone is told of no list', async () => {
  await removedApp(prunes);
  world.simulator.world.faults.add(list);
  const { code, stdout } = await world.flycd(['diff', '--app', 'shop']);
  expect(code).toBe(0);
  expect(stdout).not.toContain('warning');
});
