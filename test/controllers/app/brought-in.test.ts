/** Apps of a repo that a project brings in, and what they may have of FlyCD's environment. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeBareRepository, startGitServer, temporaryFolder, type BareRepository } from '../../servers/git-server.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
let partner: BareRepository;
let close: () => Promise<void>;

// Real children: git and its server.
const patience = { timeout: 60_000 };

function far(image: string, ...variables: readonly string[]): string {
  const secrets = variables.map((name) => `  - { name: ${name}, type: env }\n`).join('');
  return `app: far\nprimary_region: arn\nbuild: { image: "docker.io/acme/${image}" }\nmachines: { count: 1 }\nsecrets:\n${secrets}`;
}

beforeEach(async () => {
  const folder = temporaryFolder('flycd-brought-in-');
  partner = makeBareRepository(folder.path, 'partner.git');
  const server = await startGitServer({ root: folder.path });
  const values = { SHOP_TOKEN: 'shop-canary', DATABASE_URL: 'database-canary', AWS_SECRET_ACCESS_KEY: 'aws-canary' };
  world = await arena({ env: { ...values, FLYCD_ALLOW_HOSTS: '127.0.0.1' } });
  const source = `source: { type: git, repo: "${server.url}/partner.git" }\n`;
  world.write({ 'flycd.yaml': 'fleet: shop\n', 'partner/project.yaml': `project: partner\n${source}` });
  close = async () => {
    await world.close();
    await server.close();
    folder.remove();
  };
});
afterEach(() => close());

async function sync(env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once'], undefined, undefined, env);
  return { code, said: stderr + stdout };
}

const onFly = () => {
  const app = world.simulator.world.snapshot().find(({ name }) => name === 'far');
  return {
    secrets: app?.secrets ?? {},
    images: (app?.machines ?? []).map(({ config }) => config.image?.replace(/@.*$/, '')),
  };
};

const shop = { SHOP_TOKEN: 'shop-canary' };
const line = (names: string) => `allow_secrets: { partner: [${names}] }`;

test('held on just that secret: its machines go on where Fly has it', patience, async () => {
  partner.commit({ 'app.yaml': far('far:1', 'SHOP_TOKEN') });
  const allowed = await sync({ FLYCD_ALLOW_SECRETS: 'other=SHOP_TOKEN; partner = SHOP_*' });
  expect(allowed, allowed.said).toMatchObject({ code: 0 });
  expect(onFly()).toEqual({ secrets: shop, images: ['docker.io/acme/far:1'] });

  partner.commit({ 'app.yaml': far('far:2', 'SHOP_TOKEN') });
  const held = await sync({ SHOP_TOKEN: 'another-canary' });
  expect(held.code, held.said).toBe(4);
  expect(held.said).toContain('nobody has allowed project partner to read env SHOP_TOKEN');
  expect(held.said).toContain(line('SHOP_TOKEN'));
  expect(held.said).not.toContain('canary');
  expect(onFly()).toEqual({ secrets: shop, images: ['docker.io/acme/far:2'] });
  expect((await world.flycd(['status'])).stdout).toMatch(/far +held/);

  world.write({ 'flycd.yaml': `fleet: shop\n${line('SHOP_TOKEN')}\n` });
  const lifted = await sync();
  expect(lifted, lifted.said).toMatchObject({ code: 0 });
  expect((await world.flycd(['status'])).stdout).toMatch(/far +synced/);
});

test('a new app waits for what Fly lacks, until the line stands in flycd.yaml', patience, async () => {
  partner.commit({ 'app.yaml': far('far:1', 'SHOP_TOKEN', 'DATABASE_URL'), 'flycd.yaml': `${line('DATABASE_URL')}\n` });
  const held = await sync({ FLYCD_ALLOW_SECRETS: 'partner=SHOP_TOKEN' });
  expect(held.code, held.said).toBe(4);
  expect(held.said).toContain(line('SHOP_TOKEN, DATABASE_URL'));
  expect(onFly()).toEqual({ secrets: shop, images: [] });

  world.write({ 'flycd.yaml': `fleet: shop\n${line('SHOP_TOKEN, DATABASE_URL')}\n` });
  const lifted = await sync();
  expect(lifted, lifted.said).toMatchObject({ code: 0 });
  expect(onFly()).toEqual({ secrets: { ...shop, DATABASE_URL: 'database-canary' }, images: ['docker.io/acme/far:1'] });
});

test('or until somebody sets it on Fly', patience, async () => {
  partner.commit({ 'app.yaml': far('far:1', 'SHOP_TOKEN') });
  expect((await sync()).code).toBe(4);
  await world.asPerson('POST', '/apps/far/secrets', { values: { SHOP_TOKEN: 'by-hand' } });
  const { code, said } = await sync();
  expect(code, said).toBe(4);
  expect(onFly()).toEqual({ secrets: { SHOP_TOKEN: 'by-hand' }, images: ['docker.io/acme/far:1'] });
});

test('the operator’s own flycd.yaml counts for whatever config is given', patience, async () => {
  partner.commit({ 'app.yaml': far('far:1', 'SHOP_TOKEN', 'DATABASE_URL') });
  const workingDirectory = dirname(world.folder);
  const settings = `config_repo: elsewhere\n${line('SHOP_TOKEN')}\n`;
  writeFileSync(join(workingDirectory, 'flycd.yaml'), settings);
  writeFileSync(join(workingDirectory, 'more.yaml'), `${line('DATABASE_URL, SHOP_TOKEN')}\n`);
  const { stdout } = await world.flycd(['diff']);
  expect(stdout).toContain(line('SHOP_TOKEN, DATABASE_URL'));
  const named = await world.flycd(['sync', '--once', '--settings', 'more.yaml']);
  expect(named.code, named.stderr).toBe(0);
  expect(onFly().secrets).toEqual({ ...shop, DATABASE_URL: 'database-canary' });
});

test('a line of FLYCD_ALLOW_SECRETS that cannot be read ends each command', patience, async () => {
  partner.commit({ 'app.yaml': far('far:1', 'SHOP_TOKEN') });
  const { code, said } = await sync({ FLYCD_ALLOW_SECRETS: 'SHOP_TOKEN=a-canary' });
  expect(code, said).toBe(1);
  expect(said).toContain('entry 1 is not a project’s name');
  expect(said).not.toContain('canary');
  expect(onFly()).toEqual({ secrets: {}, images: [] });
});

test('how names begin is not enough for a tool’s', patience, async () => {
  partner.commit({ 'app.yaml': far('far:1', 'AWS_SECRET_ACCESS_KEY') });
  const held = await sync({ FLYCD_ALLOW_SECRETS: 'partner=AWS_*' });
  expect(held.code, held.said).toBe(4);
  expect(held.said).toContain('a name with * is not enough for AWS_SECRET_ACCESS_KEY');
  expect(onFly()).toEqual({ secrets: {}, images: [] });
  const lifted = await sync({ FLYCD_ALLOW_SECRETS: 'partner=AWS_SECRET_ACCESS_KEY' });
  expect(lifted, lifted.said).toMatchObject({ code: 0 });
  expect(onFly().secrets).toEqual({ AWS_SECRET_ACCESS_KEY: 'aws-canary' });
});

test('a config repo may not allow its projects what it could not read itself', patience, async () => {
  world.write({ 'flycd.yaml': `fleet: shop\n${line('FLY_API_TOKEN')}\n` });
  partner.commit({ 'app.yaml': far('far:1', 'FLY_API_TOKEN') });
  const { code, said } = await sync({ FLYCD_ALLOW_SECRETS: 'partner=FLY_API_TOKEN' });
  expect(code, said).toBe(3);
  expect(said).toContain('FLY_API_TOKEN is a credential of FlyCD itself');
  expect(onFly()).toEqual({ secrets: {}, images: [] });
});

test.each(['constructor', 'toString', '__proto__'])(
  'what every object has is no variable: %s',
  patience,
  async (name) => {
    partner.commit({ 'readme.md': 'no app here\n' });
    world.write({ 'near/app.yaml': far('far:1', name).replace('name: ' + name, 'name: NAME, env: ' + name) });
    const { code, said } = await sync();
    expect(code, said).toBe(4);
    expect(said).toContain(`env ${name} is not set`);
    expect(onFly()).toEqual({ secrets: {}, images: [] });
  },
);
