import { describe, expect, it } from 'vitest';
import { appYaml, load, loadApp, said } from '../loading.ts';

const web = (more: string) => loadApp(appYaml('web', more));
const http = 'http_service:\n  internal_port: 80\n';
const warnings = async (more: string) => said((await load({ 'app.yaml': appYaml('web', more) })).problems);

describe('counts', () => {
  const countsOf = async (more: string) => (await web(more)).groups.map(({ name, counts }) => ({ name, counts }));

  it.each([
    ['none', '', undefined],
    ['count, in each region', 'extra_regions: [ams]\nmachines:\n  count: 2\n', { arn: 2, ams: 2 }],
    [
      'count_per_region wins',
      'extra_regions: [ams]\nmachines:\n  count: 2\n  count_per_region: { ams: 1 }\n',
      { arn: 2, ams: 1 },
    ],
    [
      'a region no count names gets one',
      'extra_regions: [ams]\nmachines:\n  count_per_region: { arn: 3 }\n',
      { arn: 3, ams: 1 },
    ],
    ['a region the app is not in is ignored', 'machines:\n  count: 1\n  count_per_region: { ams: 4 }\n', { arn: 1 }],
    ['as text, as a substitution leaves it', 'machines:\n  count: "3"\n', { arn: 3 }],
    ['zero is none', 'machines:\n  count: 0\n', { arn: 0 }],
    [
      'the minimum that Fly keeps running wins',
      `machines:\n  count: 1\n${http}  min_machines_running: 2\n`,
      { arn: 2 },
    ],
    ['zero is none, whatever the minimum', `machines:\n  count: 0\n${http}  min_machines_running: 2\n`, { arn: 0 }],
  ])('%s', async (_what, more, expected) => {
    expect(await countsOf(more)).toStrictEqual([{ name: 'app', counts: expected }]);
  });

  const groups = 'processes: { app: a, clock: c, web: w }\n';

  it('are for the default group only, others have their own', async () => {
    const more = `${groups}extra_regions: [ams]\nmachines:\n  count: 2\n  groups:\n    clock:\n      count_per_region: { arn: 1, ams: 0 }\n`;
    expect(await countsOf(more)).toStrictEqual([
      { name: 'app', counts: { arn: 2, ams: 2 } },
      { name: 'clock', counts: { arn: 1, ams: 0 } },
      { name: 'web', counts: undefined },
    ]);
  });

  it('without a group app the first by name is the default', async () => {
    expect(await countsOf('processes: { worker: a, api: b }\nmachines:\n  count: 1\n')).toStrictEqual([
      { name: 'api', counts: { arn: 1 } },
      { name: 'worker', counts: undefined },
    ]);
  });

  it('say where a word does not hold', async () => {
    expect(await warnings(`extra_regions: [ams]\nmachines:\n  count_per_region: { arn: 0, lhr: 1 }\n`)).toStrictEqual([
      'app.yaml:7:3: warning: machines.count_per_region: no count names ams: it gets one machine (name it, or give count)',
      'app.yaml:7:28: warning: machines.count_per_region.arn: 0 is exactly none: app gets no machines; FlyCD 0.x read it as not given',
      'app.yaml:7:36: warning: machines.count_per_region.lhr: the app is not in lhr, so this count is ignored (add it to extra_regions)',
    ]);
    expect(await warnings(`machines:\n  count: 1\n${http}  min_machines_running: 2\n`)).toStrictEqual([
      'app.yaml:6:10: warning: machines.count: min_machines_running is 2, so app gets 2 machines, not 1 (raise the count, or lower the minimum)',
    ]);
    expect(await warnings(`${groups}machines:\n  groups:\n    wbe: { count: 1 }\n`)).toStrictEqual([
      'app.yaml:8:5: error: machines.groups.wbe: there is no process group "wbe" (did you mean web?)',
    ]);
  });

  it('may be left to another controller', async () => {
    expect((await web('machines:\n  autoscaled: true\n')).groups[0]?.autoscaled).toBe(true);
    expect(await warnings('machines:\n  autoscaled: true\n  count: 2\n')).toStrictEqual([
      'app.yaml:6:15: warning: machines.autoscaled: another controller decides how many machines there are, so the counts here are not used (keep one of the two)',
    ]);
  });
});

describe('sizes', () => {
  const guests = async (more: string) =>
    Object.fromEntries((await web(more)).groups.map(({ name, config }) => [name, config.guest]));
  const shared = (cpus: number, memory_mb: number) => ({ cpu_kind: 'shared', cpus, memory_mb });

  it.each([
    ['none named', '', undefined],
    ['vm', 'vm: [{ size: shared-cpu-2x }]\n', shared(2, 512)],
    ['ram_mb over vm', 'vm: [{ size: shared-cpu-2x }]\nmachines: { ram_mb: 1024 }\n', shared(2, 1024)],
    ['ram_mb alone', 'machines: { ram_mb: 512 }\n', shared(1, 512)],
    ['cpu_cores alone take the least memory they can have', 'machines: { cpu_cores: 4 }\n', shared(4, 1024)],
    [
      'all three',
      'machines: { ram_mb: 4096, cpu_cores: 2, cpu_type: performance }\n',
      { cpu_kind: 'performance', cpus: 2, memory_mb: 4096 },
    ],
    [
      "FlyCD's own fields over deploy_params",
      'deploy_params: [--vm-memory=512, --vm-cpus=2]\nmachines: { ram_mb: 1024 }\n',
      shared(2, 1024),
    ],
    [
      'vm over deploy_params, as in flyctl',
      'vm: [{ size: shared-cpu-1x }]\ndeploy_params: [--vm-memory=512]\n',
      shared(1, 256),
    ],
    ['none of deploy_params: machines that are there keep theirs', 'deploy_params: [--vm-memory=512]\n', undefined],
  ])('%s', async (_what, more, expected) => {
    expect(await guests(more)).toStrictEqual({ app: expected });
  });

  it('go by group', async () => {
    expect(
      await guests('processes: { app: a, big: b }\nmachines:\n  groups:\n    big: { ram_mb: 2048 }\n'),
    ).toStrictEqual({
      app: undefined,
      big: shared(1, 2048),
    });
  });

  it('move the config version of their group', async () => {
    const one = await web('');
    const other = await web('machines: { ram_mb: 512 }\n');
    expect(other.groups[0]?.configVersion).not.toBe(one.groups[0]?.configVersion);
  });

  it('that Fly does not sell are refused where they stand', async () => {
    expect(await warnings('machines:\n  ram_mb: 300\n')).toStrictEqual([
      'app.yaml:6:11: error: machines.ram_mb: shared with 1 CPU has 256 to 2048 MB of memory in steps of 256, found 300',
    ]);
  });
});
