/** What a deployment by hand left when it died is nobody's, however long ago that was: held, and taken away where a person insists. */
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { brief, desiredApp, flyctlMachine, group, holdsOf, machine, now, observed, plan, ulidAt } from '../builders.ts';

const counted = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
const uncounted = desiredApp({ groups: [group({ counts: undefined })] });
const other = 'docker.io/library/other:1';

/** Hours ago, and so no evidence of anybody at work now. */
const begunAt = now - 5 * 3_600_000;
const tag = String(begunAt / 1000);
const at = (time: number) => new Date(time).toISOString();

const own = { fly_release_id: 'r1', fly_release_version: '11', flycd_release: 'r1' };
const byHand = { ...own, fly_release_id: 'r2', fly_release_version: '12' };

/** flyctl copies the metadata of the blue one, FlyCD's stamps among it. */
function blueAndGreen(desired: typeof counted, tags: { readonly blue?: string | undefined } = {}) {
  const blue = machine(desired, {
    id: 'blue1',
    created_at: at(begunAt - 3_600_000),
    metadata: { ...own, fly_bluegreen_deployment_tag: tags.blue },
  });
  const green = machine(desired, {
    id: 'green1',
    created_at: at(begunAt + 1000),
    config: { image: other },
    metadata: { ...byHand, flycd_machine: 'blue1', fly_bluegreen_deployment_tag: tag },
  });
  return { blue, green };
}

describe.each([
  ['with a count', counted],
  ['without a count', uncounted],
])('green machines of a bluegreen deployment that died before it replaced anything, %s', (_what, desired) => {
  test.each<readonly [string, string | undefined]>([
    ['the first one', undefined],
    ['one after another', String(begunAt / 1000 - 7200)],
  ])('%s: are held, and go where a person insists', (_which, before) => {
    const { blue, green } = blueAndGreen(desired, { blue: before });
    const seen = observed({ machines: [blue, green] });
    const held = plan(desired, seen);
    expect([held.status, brief(held.steps), holdsOf(held)]).toEqual(['held', [], ['flyctl']]);
    expect(held.holds[0]?.because).toContain('1 machine of a bluegreen deployment that did not end');
    expect(held.notes.join()).not.toContain('from now on it is updated');
    expect(brief(plan(desired, seen, { options: { now: true } }).steps)).toEqual(['machine.destroy shop/green1']);
    expect(brief(plan(desired, seen, { memory: { revisionSeenAt: now } }).steps)).toEqual([
      'machine.destroy shop/green1',
    ]);
  });

  const pairs = () => {
    const { blue, green } = blueAndGreen(desired);
    const metadata = { ...blue.config?.metadata, fly_bluegreen_deployment_tag: 'safe_to_destroy' };
    const tagged = { ...blue, id: 'blue2', name: 'b2', config: { ...blue.config, metadata } };
    return { blue, tagged, green, second: { ...green, id: 'green2', name: 'g2' } };
  };
  const destroyed = (...machines: readonly Machine[]) =>
    brief(plan(desired, observed({ machines }), { options: { now: true } }).steps)
      .filter((step) => step.startsWith('machine.destroy'))
      .toSorted();

  test('one that died between two tags: the blue ones without a tag are replaced like those with one', () => {
    const { blue, tagged, green, second } = pairs();
    const held = plan(desired, observed({ machines: [blue, tagged, green, second] }));
    expect(held.holds[0]?.because).toContain('2 machines that a bluegreen deployment replaced');
    const steps = destroyed(blue, tagged, green, second);
    expect(steps).toEqual(expect.arrayContaining(['machine.destroy shop/blue1', 'machine.destroy shop/blue2']));
    expect(steps).not.toContain('machine.destroy shop/green1');
  });
});

describe('a green machine that somebody destroyed has taken nobody’s place', () => {
  const elsewhere = (machine: Machine): Machine => ({ ...machine, id: `${machine.id}ams`, region: 'ams' });
  const { blue, green } = blueAndGreen(uncounted);
  const metadata = { ...blue.config?.metadata, fly_bluegreen_deployment_tag: 'safe_to_destroy' };
  const tagged = { ...blue, id: 'blue2', name: 'b2', config: { ...blue.config, metadata } };
  const another = { ...blue, id: 'blue3', name: 'b3' };
  const silent = { ...tagged, host_status: 'unreachable' as const };
  const written = (one: Machine): Machine => {
    const stamps = { ...one.config?.metadata, fly_release_id: 'r3', flycd_release: 'r3', flycd_machine: one.id };
    return { ...one, config: { ...blue.config, metadata: stamps } };
  };

  test.each<readonly [string, readonly Machine[], readonly string[]]>([
    ['of two blue ones that with a tag goes first', [blue, tagged, green], ['blue2']],
    ['in its region', [tagged, elsewhere(blue), green, elsewhere(green)], ['blue1ams', 'blue2']],
    ['but not in another one', [tagged, blue, elsewhere(blue), green, { ...green, id: 'green2' }], ['blue1', 'blue2']],
    ['nor goes one that FlyCD has released to since', [blue, written(green)], []],
    [
      'which still has taken a place: FlyCD was killed before the others went',
      [blue, tagged, written(green), written({ ...green, id: 'green2' })],
      ['blue1', 'blue2'],
    ],
    ['one with a tag also has its place on a host that does not answer', [blue, silent, green], ['blue2']],
    ['nor goes a green one where no blue one is left', [blue, another, green, elsewhere(green)], ['green1']],
  ])('%s', (_what, machines, gone) => {
    const app = plan(uncounted, observed({ machines }), { options: { now: true } });
    const destroys = brief(app.steps).filter((step) => step.startsWith('machine.destroy'));
    expect(destroys.toSorted()).toEqual(gone.map((id) => `machine.destroy shop/${id}`));
  });
});

describe('what a hold for machines that a bluegreen deployment replaced says of releases', () => {
  const told = (id: string, number: number) => ({ flycd_told: `${id}:${number}:${'0'.repeat(32)}` });
  const replaced = (desired: typeof counted) => {
    const { blue, green } = blueAndGreen(desired, { blue: 'safe_to_destroy' });
    const metadata = { ...blue.config?.metadata, ...told('r1', 11) };
    return { blue: { ...blue, config: { ...blue.config, metadata } }, green };
  };

  test('is the newest by hand, and not the one that FlyCD made of them', () => {
    const { blue, green } = replaced(counted);
    const other = { ...green, config: { ...green.config, env: { COLOR: 'other' } } };
    expect(plan(counted, observed({ machines: [blue, other] })).holds[0]?.because).toBe(
      'changed by flyctl (release v12): 1 machine not as git says, 1 machine that a bluegreen deployment replaced',
    );
  });

  test('also where the green ones are as git says: a commit from between the two lifts nothing', () => {
    const { blue, green } = replaced(counted);
    const same = { ...green, config: { ...blue.config, metadata: green.config?.metadata } };
    const seen = observed({ machines: [{ ...blue, instance_id: ulidAt(now - 3_600_000) }, same] });
    const held = plan(counted, seen, { memory: { revisionSeenAt: now - 1_800_000 } });
    expect(held.holds[0]?.because).toBe(
      'changed by flyctl (release v12): 1 machine that a bluegreen deployment replaced',
    );
    expect(brief(plan(counted, seen, { memory: { revisionSeenAt: now } }).steps)).toContain(
      'machine.destroy shop/blue1',
    );
  });
});

test.each<readonly [string, (made: ReturnType<typeof blueAndGreen>) => readonly Machine[]]>([
  ['the only ones that are left', ({ green }) => [green]],
  ['beside one that FlyCD made later', ({ blue, green }) => [green, { ...blue, created_at: at(begunAt + 7_200_000) }]],
  ['beside one whose host does not answer', ({ blue, green }) => [green, { ...blue, host_status: 'unreachable' }]],
  ['beside fewer than they are', ({ blue, green }) => [blue, green, { ...green, id: 'green2', name: 'g2' }]],
])('green machines stay where they may be what serves: %s', (_what, machines) => {
  const steps = plan(uncounted, observed({ machines: machines(blueAndGreen(uncounted)) }), { options: { now: true } });
  expect(brief(steps.steps).filter((step) => step.startsWith('machine.destroy'))).toEqual([]);
});

test('machines of a group that git names no more go with it, green ones as well: that is nothing by hand', () => {
  const { blue, green } = blueAndGreen(uncounted);
  const removed = [blue, green].map((one) => ({
    ...one,
    config: { ...one.config, metadata: { ...one.config?.metadata, fly_process_group: 'cron' } },
  }));
  const app = plan(counted, observed({ machines: [machine(counted, { metadata: own }), ...removed] }));
  expect([holdsOf(app), brief(app.steps)]).toEqual([
    [],
    ['machine.destroy shop/cron/arn/1', 'machine.destroy shop/cron/arn/2'],
  ]);
});

test('the only machine that serves is none that was replaced, whatever stands beside it that flyctl deploys not', () => {
  const web = machine(counted, { metadata: { ...byHand, fly_bluegreen_deployment_tag: 'safe_to_destroy' } });
  const beside = { fly_platform_version: undefined, fly_process_group: undefined };
  const other = flyctlMachine(counted, { id: 'other1', metadata: beside });
  for (const machines of [[web], [web, other]]) {
    const app = plan(counted, observed({ machines }), { options: { now: true } });
    expect(brief(app.steps)).toEqual([]);
    expect(app.status).toBe('synced');
  }
});

test.each([
  ['with a count', counted],
  ['without a count', uncounted],
])('while somebody is at work on them they are his, and no copies, %s', (_what, desired) => {
  const { blue, green } = blueAndGreen(desired);
  const config = { ...green.config, env: { COLOR: 'other' } };
  const young = { ...green, created_at: at(now - 60_000), config };
  for (const blues of [blue, blueAndGreen(desired, { blue: 'safe_to_destroy' }).blue]) {
    const app = plan(desired, observed({ machines: [blues, young] }));
    expect([holdsOf(app), app.notes]).toEqual([['busy'], []]);
  }
});

test('what a finished bluegreen deployment put in the place of others is no copy, held or not', () => {
  const { blue, green } = blueAndGreen(uncounted);
  const same = { ...green, config: { ...blue.config, metadata: green.config?.metadata } };
  const other = { ...same, config: { ...same.config, env: { COLOR: 'other' } } };
  expect(plan(uncounted, observed({ machines: [other] })).notes).toEqual([]);
  expect(plan(uncounted, observed({ machines: [same] })).notes).toEqual([
    'web/arn/1 was restarted by flyctl (release v12); what git names did not change',
  ]);
});

test('a machine that somebody clones meanwhile is told of once they are done', () => {
  const clone = machine(uncounted, { id: 'clone1', metadata: { ...own, flycd_machine: 'webarn1' } });
  const lease = { expires_at: now / 1000 + 10, owner: 'alice@example.com' };
  const notes = (parts: object) =>
    plan(uncounted, observed({ machines: [machine(uncounted, { metadata: own, ...parts }), clone] })).notes;
  expect(notes({ lease }).join()).not.toContain('is a copy');
  expect(notes({}).join()).toContain('(clone1) is a copy that somebody made by hand');
});

describe('an app that FlyCD took over, and made no release of', () => {
  const adopted = { ...own, fly_release_version: '3' };
  const web = machine(counted, { metadata: adopted });
  const left = (version: string, metadata: object) =>
    flyctlMachine(counted, {
      id: 'left1',
      metadata: { fly_release_id: `r${version}x`, fly_release_version: version, ...metadata },
    });

  test.each<readonly [string, Machine, string | undefined]>([
    ['a canary that a deployment left since', left('4', { fly_canary: 'true' }), '1 machine left as a canary'],
    ['a group that a deployment left since', left('4', { fly_process_group: 'cron' }), '1 machine of cron'],
    ['a canary from before', left('3', { fly_canary: 'true' }), undefined],
    ['a group from before', left('2', { fly_process_group: 'cron' }), undefined],
  ])('%s', (_what, machine, because) => {
    const app = plan(counted, observed({ machines: [web, machine] }), { memory: { known: true } });
    expect(holdsOf(app)).toEqual(because === undefined ? [] : ['flyctl']);
    if (because !== undefined) expect(app.holds[0]?.because).toContain(because);
  });

  test('a canary is told of after a later release by hand has reached every machine', () => {
    const since = machine(counted, { metadata: { ...adopted, fly_release_id: 'r5', fly_release_version: '5' } });
    const seen = {
      ...observed({ machines: [since, left('4', { fly_canary: 'true' })] }),
      releases: {
        status: 'read' as const,
        value: [{ id: 'r1', version: 3, status: 'complete', created_at: at(begunAt) }],
      },
    };
    expect(holdsOf(plan(counted, seen, { memory: { known: true } }))).toEqual(['flyctl']);
  });
});
