import { describe, expect, it, test } from 'vitest';
import type { AllowSecrets } from '../../../schemas/settings.ts';
import { isToolVariable } from '../../../src/desired/resolve/allowed-secrets.ts';
import { createDesiredLoader } from '../../../src/desired/load.ts';
import { systemClock } from '../../../src/model/base/clock.ts';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import { appYaml, errorsOf, load } from '../loading.ts';
import { memoryMirrors, memoryTree, type MemoryFiles } from '../memory-tree.ts';

const partnerUrl = 'https://example.com/partner';
const innerUrl = 'https://example.com/inner';
const ownUrl = 'https://example.com/own';

const from = (url: string, path = '') => `source: { type: git, repo: "${url}", path: "${path}" }\n`;
const project = (name: string, source: string) => `project: ${name}\n${source}`;
const local = 'source: { type: local, path: apps }\n';

/** Asks for these variables, each under the name of its own. */
function asking(app: string, ...variables: readonly string[]): string {
  const entries = variables.map((name, index) => `  - { name: S${index}, type: env, env: ${JSON.stringify(name)} }\n`);
  return appYaml(app, `secrets:\n${entries.join('')}`);
}

interface World {
  readonly own?: MemoryFiles;
  readonly partner?: MemoryFiles;
  readonly inner?: MemoryFiles;
  readonly allow?: AllowSecrets;
  readonly path?: string;
}

interface Read {
  readonly fleet: DesiredFleet;
  /** Variables that were asked of the environment for the values of all secrets. */
  readonly read: readonly string[];
}

async function readAll(world: World): Promise<Read> {
  const own = world.own ?? { 'partner/project.yaml': project('partner', from(partnerUrl)) };
  const mirrors = memoryMirrors({
    [partnerUrl]: memoryTree(world.partner ?? {}, { name: partnerUrl }),
    [innerUrl]: memoryTree(world.inner ?? {}, { name: innerUrl }),
    [ownUrl]: memoryTree(own, { name: ownUrl }),
  });
  const asked: string[] = [];
  const environment = (name: string) => {
    asked.push(name);
    return `value of ${name}`;
  };
  const { allow, path = '' } = world;
  const fleet = await load(own, {
    mirrors,
    path,
    environment,
    ...(allow === undefined ? {} : { allowSecrets: [allow] }),
  });
  expect(errorsOf(fleet)).toStrictEqual([]);
  for (const app of fleet.apps) for (const { name } of app.secrets) fleet.secretValue(app.name, name);
  return { fleet, read: asked };
}

const refusals = ({ fleet }: Read) => fleet.apps.flatMap(({ secrets }) => secrets.map(({ refused }) => refused));
const partner = { 'app.yaml': asking('far', 'SHOP_TOKEN', 'OTHER') };

test('a repo that a project brings in gets nothing, and nothing is read', async () => {
  const found = await readAll({ partner });
  expect(found.read).toStrictEqual([]);
  const refused = { project: 'partner', isTool: false, allowed: [] };
  expect(refusals(found)).toStrictEqual([refused, refused]);
});

test('what is written there needs no leave, nor does an app of the operator’s own', async () => {
  const raw = { 'app.yaml': appYaml('far', 'secrets: [{ name: RAW, type: raw, raw: x }]\n') };
  expect(refusals(await readAll({ partner: raw }))).toStrictEqual([undefined]);
  const own = { 'app.yaml': asking('near', 'SHOP_TOKEN', 'AWS_SECRET_ACCESS_KEY', 'HTTPS_PROXY') };
  const found = await readAll({ own });
  expect(found.read).toStrictEqual(['SHOP_TOKEN', 'AWS_SECRET_ACCESS_KEY', 'HTTPS_PROXY']);
  expect(found.fleet.apps[0]?.secrets[0]).toStrictEqual({
    name: 'S0',
    origin: { type: 'env', variable: 'SHOP_TOKEN' },
  });
});

test.each<readonly [string, World, readonly string[]]>([
  ['an exact name', { allow: { partner: ['SHOP_TOKEN'] } }, ['SHOP_TOKEN']],
  ['how names begin', { allow: { partner: ['SHOP_*'] } }, ['SHOP_TOKEN']],
  ['that is no exact name', { allow: { partner: ['SHOP_'] } }, []],
  ['nor the middle of one', { allow: { partner: ['TOKEN', 'HOP_*', 'SHOP'] } }, []],
  ['small letters are others', { allow: { partner: ['shop_token', 'shop_*'] } }, []],
  ['another project', { allow: { shop: ['SHOP_TOKEN'], Partner: ['SHOP_TOKEN'] } }, []],
  ['what every object has is no project', { allow: { constructor: ['SHOP_TOKEN'] } }, []],
])('%s', async (_what, world, read) => {
  expect((await readAll({ partner, ...world })).read).toStrictEqual(read);
});

describe('who says it', () => {
  const own = { 'partner/project.yaml': project('partner', from(partnerUrl)) };
  const saying = 'allow_secrets: { partner: [SHOP_TOKEN] }\n';

  it.each<readonly [string, World, readonly string[]]>([
    ['the config repo’s own flycd.yaml', { own: { ...own, 'flycd.yaml': saying } }, ['SHOP_TOKEN']],
    ['as toml', { own: { ...own, 'flycd.toml': '[allow_secrets]\npartner = "SHOP_TOKEN"\n' } }, ['SHOP_TOKEN']],
    ['both of them', { own: { ...own, 'flycd.yaml': saying }, allow: { partner: ['OTHER'] } }, ['SHOP_TOKEN', 'OTHER']],
    [
      'one above the folder that was given',
      { own: { 'deep/partner/project.yaml': own['partner/project.yaml'], 'flycd.yaml': saying }, path: 'deep' },
      ['SHOP_TOKEN'],
    ],
    ['not one beside the project', { own: { ...own, 'partner/flycd.yaml': saying } }, []],
    ['not the project itself', { partner: { ...partner, 'flycd.yaml': saying } }, []],
    [
      'nor its repo in another form',
      { partner: { ...partner, 'flycd.toml': 'allow_secrets.partner = "SHOP_TOKEN"\n' } },
      [],
    ],
    [
      'nor a folder of that repo',
      {
        own: { 'partner/project.yaml': project('partner', from(partnerUrl, 'a')) },
        partner: { 'a/app.yaml': partner['app.yaml'], 'a/flycd.yaml': saying, 'flycd.yaml': saying },
      },
      [],
    ],
  ])('%s', async (_what, world, read) => {
    expect((await readAll({ own, partner, ...world })).read).toStrictEqual(read);
  });
});

describe('projects in projects', () => {
  const allow = { partner: ['SHOP_TOKEN'], shop: ['OTHER'] };

  it.each<readonly [string, World, readonly string[]]>([
    [
      'a folder of the repo called as another one: the outer name counts',
      { partner: { 'project.yaml': project('shop', local), 'apps/app.yaml': partner['app.yaml'] } },
      ['SHOP_TOKEN'],
    ],
    [
      'a repo that it brings in: the outer name counts',
      { partner: { 'project.yaml': project('shop', from(innerUrl)) }, inner: partner },
      ['SHOP_TOKEN'],
    ],
    [
      'a local project around it gives no name',
      {
        own: {
          'project.yaml': project('shop', 'source: { type: local, path: below }\n'),
          'below/project.yaml': project('partner', from(partnerUrl)),
        },
        partner,
      },
      ['SHOP_TOKEN'],
    ],
  ])('%s', async (_what, world, read) => {
    expect((await readAll({ allow, ...world })).read).toStrictEqual(read);
  });
});

test('defaults of the operator’s own project.yaml are for the repo’s app all the same', async () => {
  const own = {
    'project.yaml': `${project('partner', from(partnerUrl))}common:\n  app_overrides:\n    secrets: [{ name: A, type: env }]\n`,
  };
  expect((await readAll({ own, partner: { 'app.yaml': appYaml('far') } })).read).toStrictEqual([]);
});

describe('tools’ tokens and proxies', () => {
  const tools = { 'app.yaml': asking('far', 'AWS_SECRET_ACCESS_KEY', 'AWSOME', 'https_proxy') };

  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['how names begin lifts none', ['AWS_*', 'AWSOME', 'https_*'], ['AWSOME']],
    ['an exact name does', ['AWS_SECRET_ACCESS_KEY'], ['AWS_SECRET_ACCESS_KEY']],
    ['also of a proxy', ['https_proxy'], ['https_proxy']],
  ])('%s', async (_what, names, read) => {
    const found = await readAll({ partner: tools, allow: { partner: [...names] } });
    expect(found.read).toStrictEqual(read);
    const isForPrefix = names.some((name) => name.endsWith('*'));
    expect(refusals(found).some((refused) => refused?.isTool === true)).toBe(isForPrefix);
  });

  it.each([
    'GH_TOKEN',
    'GITHUB_PAT',
    'GITHUB_ENTERPRISE_TOKEN',
    'GITLAB_TOKEN',
    'GITLAB_ACCESS_TOKEN',
    'CI_JOB_TOKEN',
    'CI_JOB_JWT_V2',
    'CI_REGISTRY_PASSWORD',
    'CI_REPOSITORY_URL',
    'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
    'ACTIONS_RUNTIME_TOKEN',
    'BITBUCKET_STEP_OIDC_TOKEN',
    'CIRCLE_OIDC_TOKEN_V2',
    'BUILDKITE_AGENT_ACCESS_TOKEN',
    'SYSTEM_ACCESSTOKEN',
    'NPM_TOKEN',
    'npm_config__auth',
    'NODE_AUTH_TOKEN',
    'YARN_NPM_AUTH_TOKEN',
    'TWINE_PASSWORD',
    'UV_PUBLISH_TOKEN',
    'CARGO_REGISTRY_TOKEN',
    'CARGO_REGISTRIES_ACME_TOKEN',
    'GEM_HOST_API_KEY',
    'AWS_ACCESS_KEY_ID',
    'AWS_CONTAINER_AUTHORIZATION_TOKEN',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'GOOGLE_CREDENTIALS',
    'CLOUDSDK_AUTH_ACCESS_TOKEN',
    'AZURE_CLIENT_SECRET',
    'ARM_CLIENT_SECRET',
    'CLOUDFLARE_API_TOKEN',
    'DIGITALOCEAN_ACCESS_TOKEN',
    'DOCKER_AUTH_CONFIG',
    'DOCKER_HUB_PASSWORD',
    'KUBECONFIG',
    'VAULT_TOKEN',
    'TF_TOKEN_app_terraform_io',
    'TF_VAR_db_password',
    'PULUMI_ACCESS_TOKEN',
    'OP_SERVICE_ACCOUNT_TOKEN',
    'SSH_AUTH_SOCK',
    'GIT_ASKPASS',
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'ALL_PROXY',
    'NO_PROXY',
    'no_proxy',
    'FLY_MACHINE_ID',
    `SHOP_${'X'.repeat(200)}`,
  ])('%s', (name) => {
    expect(isToolVariable(name)).toBe(true);
  });

  it.each([
    'SHOP_TOKEN',
    'DATABASE_URL',
    'STRIPE_KEY',
    'SENTRY_DSN',
    'GITHUB_CLIENT_ID',
    'GOOGLE_MAPS_KEY',
    'MY_AWS_KEY',
    'PGPASSWORD',
  ])('not %s', (name) => {
    expect(isToolVariable(name)).toBe(false);
  });
});

test.each(['FLY_API_TOKEN', 'FLYCD_EVIDENCE_KEY', 'GITHUB_TOKEN', 'FLY_SSH_PRIVATE_KEY'])(
  '%s is FlyCD’s own: no name allows it',
  async (name) => {
    const mirrors = memoryMirrors({
      [partnerUrl]: memoryTree({ 'app.yaml': asking('far', name) }, { name: partnerUrl }),
    });
    const own = { 'project.yaml': project('partner', from(partnerUrl)) };
    const fleet = await load(own, { mirrors, allowSecrets: [{ partner: [name, 'FLY_*', 'FLYCD_*', 'GITHUB_*'] }] });
    expect(fleet.apps).toStrictEqual([]);
    expect(errorsOf(fleet).join('\n')).toContain(`${name} is a credential of FlyCD itself`);
  },
);

test('what is allowed later, or no longer, counts with the next load', async () => {
  const loader = createDesiredLoader({ clock: systemClock });
  const mirrors = memoryMirrors({ [partnerUrl]: memoryTree(partner, { name: partnerUrl }) });
  const own = { 'project.yaml': project('partner', from(partnerUrl)) };
  const values = async (allow: AllowSecrets) => {
    const environment = (name: string) => name;
    const fleet = await load(own, { loader, mirrors, environment, allowSecrets: [allow] });
    return ['S0', 'S1'].map((name) => fleet.secretValue('far', name)?.reveal());
  };
  expect(await values({})).toStrictEqual([undefined, undefined]);
  expect(await values({ partner: ['SHOP_TOKEN'] })).toStrictEqual(['SHOP_TOKEN', undefined]);
  expect(await values({ partner: ['OTHER'] })).toStrictEqual([undefined, 'OTHER']);
  expect(await values({})).toStrictEqual([undefined, undefined]);
});

test.each(['SHOP_*', '*', 'X*', 'A=B'])(
  'a variable is called %s by nobody: it would stand in the line that allows it',
  async (name) => {
    const fleet = await load({ 'web/app.yaml': asking('web', name) });
    expect(errorsOf(fleet)).toHaveLength(1);
    expect(errorsOf(fleet)[0]).toContain('secrets[0].env: expected the name of a variable');
  },
);
