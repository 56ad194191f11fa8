import { describe, expect, it } from 'vitest';
import { appYaml, load, loadApp, said } from '../loading.ts';

const web = (more: string) => loadApp(appYaml('web', more));
const problems = async (more: string) => said((await load({ 'app.yaml': appYaml('web', more) })).problems);
const inWords = (flags: readonly string[]): string => JSON.stringify(flags);

const usual = {
  highAvailability: true,
  strategy: 'rolling',
  maxUnavailable: 0.33,
  waitTimeoutSeconds: 300,
  org: undefined as string | undefined,
  primaryRegion: 'arn',
  newGuest: undefined as unknown,
};

async function parameters(more: string): Promise<typeof usual> {
  const { highAvailability, strategy, maxUnavailable, waitTimeoutSeconds, org, primaryRegion, groups } =
    await web(more);
  const newGuest = groups[0]?.newGuest;
  return { highAvailability, strategy, maxUnavailable, waitTimeoutSeconds, org, primaryRegion, newGuest };
}

const shared = (cpus: number, memory: number) => ({ cpu_kind: 'shared', cpus, memory_mb: memory });

describe('every flag of deploy_params that means something, in every form', () => {
  it.each<[string, string, Partial<typeof usual>]>([
    ['ha', 'false', { highAvailability: false }],
    ['ha', 'F', { highAvailability: false }],
    ['ha', 'true', {}],
    ['strategy', 'immediate', { strategy: 'immediate' }],
    ['max-unavailable', '2', { maxUnavailable: 2 }],
    ['wait-timeout', '90', { waitTimeoutSeconds: 90 }],
    ['wait-timeout', '10m', { waitTimeoutSeconds: 600 }],
    ['org', 'acme', { org: 'acme' }],
    ['vm-size', 'shared-cpu-4x', { newGuest: shared(4, 1024) }],
    ['vm-memory', '512', { newGuest: shared(1, 512) }],
    ['memory', '1gb', { newGuest: shared(1, 1024) }],
    ['vm-cpus', '1', { newGuest: shared(1, 256) }],
    ['cpus', '1', { newGuest: shared(1, 256) }],
    ['vm-cpu-kind', 'shared', { newGuest: shared(1, 256) }],
    ['vm-cpukind', 'shared', { newGuest: shared(1, 256) }],
  ])('--%s %s', async (name, value, expected) => {
    const forms = [[`--${name}=${value}`], [`--${name}`, value], [`--${name} ${value}`]];
    for (const form of forms) {
      const more = `deploy_params: ${inWords(form)}\n`;
      expect(await parameters(more)).toStrictEqual({ ...usual, ...expected });
      expect(await problems(more)).toStrictEqual([]);
    }
  });

  it.each([['--region=ams'], ['--region', 'ams'], ['-r', 'ams'], ['-r=ams'], ['--primary-region=ams']])(
    'a region by %s %s',
    async (...form) => {
      const app = `app: web\nbuild: { image: nginx }\ndeploy_params: ${inWords(form)}\n`;
      const loaded = await loadApp(app);
      expect(loaded).toMatchObject({ primaryRegion: 'ams', regions: ['ams'], fly: { primary_region: 'ams' } });
      expect(loaded.groups[0]?.config.env).toMatchObject({ PRIMARY_REGION: 'ams' });
    },
  );

  it('a size in single values', async () => {
    const more = 'deploy_params: [--vm-cpu-kind=performance, --vm-cpus=2, --vm-memory=4gb]\n';
    const newGuest = { cpu_kind: 'performance', cpus: 2, memory_mb: 4096 };
    expect(await parameters(more)).toStrictEqual({ ...usual, newGuest });
  });

  it('of several of one name the last counts', async () => {
    const more = 'deploy_params: [--strategy=immediate, --ha=false, --strategy, rolling, --ha]\n';
    expect(await parameters(more)).toStrictEqual(usual);
  });
});

describe('--env', () => {
  const environment = async (flags: readonly string[], more = '') =>
    (await web(`deploy_params: ${inWords(flags)}\n${more}`)).groups[0]?.config.env;

  it.each<[readonly string[], Readonly<Record<string, string>>]>([
    [['--env', 'K=V'], { K: 'V' }],
    [['--env=K=V'], { K: 'V' }],
    [['--env K=V'], { K: 'V' }],
    [['-e', 'K=V'], { K: 'V' }],
    [['-e=K=V'], { K: 'V' }],
    [['-eK=V'], { K: 'V' }],
    [['-e K=V'], { K: 'V' }],
    // One name and one value, whatever is in it: flyctl splits at no comma.
    [['--env=K=a,L=b'], { K: 'a,L=b' }],
    [['--env=K=a=b'], { K: 'a=b' }],
    [['--env=K='], { K: '' }],
    [['-e', 'K= v '], { K: ' v ' }],
    [['--env=K= v '], { K: ' v ' }],
    [['--env', 'K=1', '-e', 'L=2', '-eM=3'], { K: '1', L: '2', M: '3' }],
    [['--env', 'K=1', '--ha=false', '-e', 'K=2'], { K: '2' }],
  ])('%s', async (flags, expected) => {
    expect(await environment(flags)).toStrictEqual({ ...(await environment([])), ...expected });
    expect(await problems(`deploy_params: ${inWords(flags)}\n`)).toStrictEqual([]);
  });

  it('stands over env of the file and of projects, and moves the config version', async () => {
    const file = 'env: { K: file, OWN: file }\n';
    expect(await environment(['-e', 'K=flag'], file)).toMatchObject({ K: 'flag', OWN: 'file' });
    const version = async (more: string) => (await web(more)).groups[0]?.configVersion;
    const byFlag = await version(`${file}deploy_params: [-e, K=flag]\n`);
    expect(byFlag).not.toBe(await version(file));
    expect(byFlag).toBe(await version('env: { K: flag, OWN: file }\n'));
    const { apps } = await load({
      'project.yaml':
        'project: all\nsource: { type: local }\ncommon:\n  app_overrides: { env: { K: project } }\n  app_defaults: { deploy_params: [--env, K=flag] }\n',
      'web/app.yaml': appYaml('web'),
    });
    expect(apps[0]?.groups[0]?.config.env).toMatchObject({ K: 'flag' });
    expect(apps[0]?.fly).toMatchObject({ env: { K: 'flag' } });
  });

  it('reaches the release command, too', async () => {
    const app = await web('deploy: { release_command: migrate }\ndeploy_params: [-e, K=V]\n');
    expect(app.releaseCommand?.config.env).toMatchObject({ K: 'V' });
  });

  it('what is not NAME=VALUE is an error, and two words on one name are said, without a value', async () => {
    expect(await problems('env: { K: hunter1, L: same }\ndeploy_params: [-e, K=hunter2, -eL=same]\n')).toStrictEqual([
      'app.yaml:6:17: warning: deploy_params[0]: this flag gives K another value than env, and counts (keep one of the two)',
    ]);
    expect(await problems('deploy_params: [--env=hunter2, --env==hunter2, --env]\n')).toStrictEqual([
      'app.yaml:5:17: error: deploy_params[0]: --env needs a name and a value (write --env=NAME=value)',
      'app.yaml:5:32: error: deploy_params[1]: --env needs a name and a value (write --env=NAME=value)',
      'app.yaml:5:48: error: deploy_params[2]: --env needs a value, found none (write --env=…)',
    ]);
  });

  it('explains a value by the flag that gave it', async () => {
    const fleet = await load({
      'app.yaml': appYaml('web', 'env: { K: file }\ndeploy_params: [--ha=false, -eK=V, -eL=W]\n'),
    });
    const given = fleet.explain('web').filter(({ path }) => path.startsWith('env.'));
    expect(given.map(({ path, value, line, column }) => [path, value, line, column])).toStrictEqual([
      ['env.K', 'V', 6, 29],
      ['env.L', 'W', 6, 36],
    ]);
  });
});

// Shorthands are read as pflag reads them, and env is only one of them.
it.each([
  ['-rams', { primaryRegion: 'ams' }],
  ['-oacme', { org: 'acme' }],
  ['-yoacme', { org: 'acme' }],
])('the shorthand %s', async (flag, expected) => {
  expect(
    await loadApp(`app: web\nprimary_region: ams\nbuild: { image: nginx }\ndeploy_params: [${flag}]\n`),
  ).toMatchObject(expected);
  expect(await problems(`deploy_params: [${flag.replace('ams', 'arn')}]\n`)).toStrictEqual([]);
});

describe('precedence', () => {
  it.each<[string, string, Partial<typeof usual>]>([
    [
      'deploy of the fly config',
      'deploy: { strategy: immediate, max_unavailable: 0.5, wait_timeout: 10m }\n',
      {
        strategy: 'immediate',
        maxUnavailable: 0.5,
        waitTimeoutSeconds: 600,
      },
    ],
    [
      'a flag beats deploy',
      'deploy: { wait_timeout: 10m, strategy: immediate }\ndeploy_params: [--wait-timeout=90, --strategy=rolling]\n',
      { waitTimeoutSeconds: 90 },
    ],
    [
      'a flag of deploy beats one of launch',
      'launch_params: [--org=a, --vm-size=shared-cpu-2x]\ndeploy_params: [--org=b, --vm-memory=1024]\n',
      {
        org: 'b',
        newGuest: shared(2, 1024),
      },
    ],
    [
      'flags of launch where nothing else says it',
      'launch_params: [--org, a, --vm-size, shared-cpu-2x]\n',
      { org: 'a', newGuest: shared(2, 512) },
    ],
    [
      "v0's usual launch_params",
      'launch_params: [--auto-confirm, --now, --copy-config, --name, web, --region, arn, --org, acme]\n',
      { org: 'acme' },
    ],
  ])('%s', async (_what, more, expected) => {
    expect(await parameters(more)).toStrictEqual({ ...usual, ...expected });
    expect(await problems(more)).toStrictEqual([]);
  });

  const launchRoll = 'launch_params: [--ha=false, --strategy, immediate, --max-unavailable=1, --wait-timeout=90]\n';

  it.each<[string, string, Partial<typeof usual>]>([
    [
      'flags of launch on how to deploy',
      launchRoll,
      { highAvailability: false, strategy: 'immediate', maxUnavailable: 1, waitTimeoutSeconds: 90 },
    ],
    [
      'under those of deploy_params',
      `${launchRoll}deploy_params: [--ha, --strategy=rolling, --max-unavailable=2, --wait-timeout=10m]\n`,
      { maxUnavailable: 2, waitTimeoutSeconds: 600 },
    ],
    [
      'and under deploy of the fly config',
      `${launchRoll}deploy: { strategy: rolling, max_unavailable: 0.5, wait_timeout: 2m }\n`,
      { highAvailability: false, maxUnavailable: 0.5, waitTimeoutSeconds: 120 },
    ],
  ])('%s', async (_what, more, expected) => {
    expect(await parameters(more)).toStrictEqual({ ...usual, ...expected });
    expect(await problems(more)).toStrictEqual([]);
  });

  it.each([
    ['300', 'deploy.wait_timeout: flyctl reads a number here as nanoseconds, found 300 (write "300s" for seconds)'],
    ['"300"', 'deploy.wait_timeout: expected a duration such as 10s or 1m30s, found "300"'],
    ['25h', 'deploy.wait_timeout: expected a duration of at most 24h, such as 5m, found another value'],
  ])('deploy.wait_timeout: %s', async (written, message) => {
    expect(await problems(`deploy: { wait_timeout: ${written} }\n`)).toStrictEqual([
      `app.yaml:5:25: error: ${message}`,
    ]);
  });

  it('two words on one thing are said', async () => {
    expect(await problems('org: own\nlaunch_params: [--org, acme]\ndeploy_params: [--region, ams]\n')).toStrictEqual([
      'app.yaml:6:17: warning: launch_params[0]: this flag names another organization than org, and counts (keep one of the two)',
      'app.yaml:7:17: warning: deploy_params[0]: this flag names another region than primary_region, and counts (keep one of the two)',
    ]);
    expect(await parameters('org: own\nlaunch_params: [--org, acme]\ndeploy_params: [--region, ams]\n')).toStrictEqual({
      ...usual,
      org: 'acme',
      primaryRegion: 'ams',
    });
    expect(await problems('launch_params: [--region, ams]\n')).toStrictEqual([
      'app.yaml:5:17: warning: launch_params[0]: primary_region names another region, and counts: launch makes no machines (keep one of the two)',
    ]);
    expect((await parameters('launch_params: [--region, ams]\n')).primaryRegion).toBe('arn');
  });
});

describe('what is not honoured is said, or has no effect for a reason', () => {
  it.each([
    'launch_params: [--no-deploy, --build-only, --remote-only, -y, --no-db, --no-redis, --reuse-app]\n',
    'deploy_params: [--remote-only, --wg, --http-failover=false, --detach, --yes, --now, -a, web, -c, fly.toml, --lease-timeout, 13s, --deploy-retries=3, --dns-checks=false]\n',
  ])('%s', async (more) => {
    expect(await problems(more)).toStrictEqual([]);
    expect(await parameters(more)).toStrictEqual(usual);
  });

  it('each with its place, and no value repeated', async () => {
    const flags = [
      '--depot',
      '--image-label',
      'hunter2',
      'stray',
      '--access-token=hunter2',
      '--build-only',
      '--smoke-checks=false',
    ];
    const found = await problems(`deploy_params:\n${flags.map((flag) => `  - ${flag}\n`).join('')}`);
    expect(found).toStrictEqual([
      'app.yaml:6:5: warning: deploy_params[0]: FlyCD does not read the flag --depot (remove it, or say it in the config)',
      'app.yaml:7:5: warning: deploy_params[1]: FlyCD does not read the flag --image-label (remove it, or say it in the config)',
      'app.yaml:9:5: warning: deploy_params[3]: this word belongs to no flag, so it has no effect (flags begin with --)',
      'app.yaml:10:5: warning: deploy_params[4]: FlyCD does not read the flag --access-token (remove it, or say it in the config)',
      'app.yaml:11:5: warning: deploy_params[5]: FlyCD does not read the flag --build-only (remove it, or say it in the config)',
      'app.yaml:12:5: warning: deploy_params[6]: FlyCD does not read the flag --smoke-checks (remove it, or say it in the config)',
    ]);
  });

  it.each(['launch_params', 'deploy_params'])('values of %s that nobody can read are errors', async (field) => {
    const flags = [
      '--max-unavailable=half',
      '--strategy=canary',
      '--wait-timeout=-5',
      '--ha=maybe',
      '--vm-size=huge',
      '--region=Stockholm',
      '--org',
    ];
    expect(await problems(`${field}:\n${flags.map((flag) => `  - ${flag}\n`).join('')}`)).toStrictEqual([
      `app.yaml:6:5: error: ${field}[0]: expected a fraction under 1 or a number of machines, found another value`,
      `app.yaml:7:5: error: ${field}[1]: the strategy canary is not supported yet (rolling or immediate)`,
      `app.yaml:8:5: error: ${field}[2]: expected a duration of at most 24h, such as 5m or 300 (seconds), found another value`,
      `app.yaml:9:5: error: ${field}[3]: expected true or false, found another value`,
      expect.stringContaining(`app.yaml:10:5: error: ${field}[4]: `),
      `app.yaml:11:5: error: ${field}[5]: expected a region code such as arn, found another value`,
      `app.yaml:12:5: error: ${field}[6]: --org needs a value, found none (write --org=…)`,
    ]);
  });
});
