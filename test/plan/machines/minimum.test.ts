import { describe, expect, test } from 'vitest';
import type { DesiredApp } from '../../../src/model/desired.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { absent, brief, desiredApp, group, machine, observed, only, plan, webService, writes } from '../builders.ts';

/** min_machines_running of a group that git gives no count: what FlyCD 0.x meant by it, without buying for an upgrade. */
const wanted = (least: number, regions: readonly string[], parts: Parameters<typeof group>[0] = {}): DesiredApp =>
  desiredApp({
    groups: [
      group({ counts: undefined, config: { services: [{ ...webService, min_machines_running: least }] }, ...parts }),
    ],
    regions,
  });

const inRegions = (desired: DesiredApp, regions: readonly string[], named: string | undefined) => {
  const numbers = new Map<string, number>();
  return regions.map((region) => {
    const number = (numbers.get(region) ?? 0) + 1;
    numbers.set(region, number);
    return machine(desired, { region, number, metadata: { [stampKeys.regions]: named } });
  });
};

const created = (app: ReturnType<typeof plan>): readonly string[] =>
  brief(app.steps)
    .filter((step) => step.startsWith('machine.create'))
    .map((step) => step.slice('machine.create shop/'.length));

describe('the first rollout', () => {
  test.each([
    [2, ['arn', 'ams'], ['web/ams/1', 'web/ams/2', 'web/arn/1', 'web/arn/2']],
    [1, ['arn', 'ams'], ['web/ams/1', 'web/arn/1', 'web/arn/2']],
    [3, ['arn', 'ams', 'fra'], ['ams', 'arn', 'fra'].flatMap((region) => [1, 2, 3].map((n) => `web/${region}/${n}`))],
    [0, ['arn', 'ams'], ['web/ams/1', 'web/arn/1', 'web/arn/2']],
  ])('min_machines_running %i in %s', (least, regions, slots) => {
    const release = only(plan(wanted(least, regions), absent).steps, 'release');
    expect(release.machines.map(({ target }) => target)).toEqual(slots.map((slot) => `shop/${slot}`));
    for (const { config } of release.machines) {
      expect(config.metadata).toMatchObject({ [stampKeys.regions]: regions.toSorted().join(',') });
    }
  });

  test('with a volume each', () => {
    const mount = { volume: 'data', path: '/data' };
    const release = only(plan(wanted(2, ['arn', 'ams'], { mount }), absent).steps, 'release');
    expect(release.machines.map(({ target }) => target)).toEqual(
      ['ams/1', 'ams/2', 'arn/1', 'arn/2'].map((slot) => `shop/web/${slot}`),
    );
  });
});

describe('a group that runs', () => {
  test.each([
    ['from before this was written down', undefined],
    ['with all its regions known', 'ams,arn'],
  ])('%s gets no machine, and a note says what FlyCD 0.x would have made', (_name, named) => {
    const desired = wanted(2, ['arn', 'ams']);
    const app = plan(desired, observed({ machines: inRegions(desired, ['arn'], named) }));
    expect(created(app)).toEqual([]);
    expect(app.notes).toEqual([
      'web runs fewer machines than min_machines_running (2 per region): 1 short in arn and 2 short in ams. FlyCD 0.x would have made them. Set machines.groups.web.count: 2 to get them',
    ]);
  });

  test('of the default group is asked for by machines.count', () => {
    const desired = wanted(2, ['arn'], { name: 'app' });
    const machines = inRegions(desired, ['arn'], 'arn');
    expect(plan(desired, observed({ machines })).notes.join()).toContain(
      '1 short in arn. FlyCD 0.x would have made it. Set machines.count: 2 to get it',
    );
  });

  test('is stamped with what git names, without a restart', () => {
    const desired = wanted(1, ['arn', 'ams']);
    const app = plan(desired, observed({ machines: inRegions(desired, ['arn', 'ams'], undefined) }));
    expect(brief(writes(app))).toEqual(['machine.label shop/web/ams/1', 'machine.label shop/web/arn/1']);
    expect(only(writes(app).slice(0, 1), 'machine.label').metadata).toEqual({ [stampKeys.regions]: 'ams,arn' });
    expect(app.notes).toEqual([]);
  });

  test('gets them in a region that git names newly, and nowhere else', () => {
    const desired = wanted(2, ['arn', 'ams']);
    const app = plan(desired, observed({ machines: inRegions(desired, ['arn'], 'arn') }));
    expect(created(app)).toEqual(['web/ams/1', 'web/ams/2']);
    expect(brief(writes(app))).not.toContain('machine.label shop/web/arn/1');
    const steps = app.steps.filter((step) => step.kind === 'machine.create');
    expect(steps.map(({ config }) => config.metadata?.[stampKeys.regions])).toEqual(['ams,arn', 'ams,arn']);
    expect(app.notes.join()).toContain('1 short in arn. FlyCD 0.x would have made it');
  });

  test('gets the rest of them after a pass that was cut short, then counts what is there', () => {
    const desired = wanted(2, ['arn', 'ams']);
    const [old, half] = inRegions(desired, ['arn', 'ams'], 'arn');
    const made = {
      ...half,
      config: { ...half?.config, metadata: { ...half?.config?.metadata, [stampKeys.regions]: 'ams,arn' } },
    };
    const machines = [old, made].flatMap((one) => one ?? []) as ReturnType<typeof inRegions>;
    expect(created(plan(desired, observed({ machines })))).toEqual(['web/ams/2']);
    const whole = [...inRegions(desired, ['arn'], 'arn'), ...inRegions(desired, ['ams', 'ams'], 'ams,arn')];
    const after = plan(desired, observed({ machines: whole }));
    expect(brief(writes(after))).toEqual(['machine.label shop/web/arn/1']);
    const gone = plan(desired, observed({ machines: inRegions(desired, ['arn', 'ams'], 'ams,arn') }));
    expect(created(gone)).toEqual([]);
  });

  test('gets none where nothing has to run', () => {
    const desired = wanted(0, ['arn', 'ams']);
    const app = plan(desired, observed({ machines: inRegions(desired, ['arn'], 'arn') }));
    expect(brief(writes(app))).toEqual(['machine.label shop/web/arn/1']);
    expect(app.notes).toEqual(['web has no machine in ams and git gives no count: machines.count makes it exact']);
  });

  test('a count says it all, and takes the stamp away', () => {
    const desired = wanted(1, ['arn', 'ams'], { counts: { arn: 1, ams: 0 } });
    const app = plan(desired, observed({ machines: inRegions(desired, ['arn'], 'arn') }));
    expect(brief(writes(app))).toEqual(['machine.label shop/web/arn/1']);
    expect(only(writes(app), 'machine.label').metadata).toEqual({ [stampKeys.regions]: null });
  });
});
