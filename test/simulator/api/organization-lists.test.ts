import { describe, expect, test } from 'vitest';
import { OrgMachinesPage } from '../../../schemas/fly/machine.ts';
import { image, platform, type Platform } from '../platform.ts';

async function fleet(): Promise<Platform> {
  const it = await platform();
  const config = { image, env: { SECRET: 'x' }, metadata: { flycd_fleet: 'f' } };
  for (const app of ['shop', 'blog']) {
    for (const [name, region] of [
      ['one', 'arn'],
      ['two', 'lhr'],
      ['three', 'arn'],
    ] as const) {
      await it.machine({ name, region, config }, app);
    }
    await it.call('POST', `/apps/${app}/volumes`, { name: 'data', region: 'arn' });
  }
  return it;
}

const read = async ({ call }: Platform, query = ''): Promise<OrgMachinesPage> =>
  OrgMachinesPage.parse((await call('GET', `/orgs/personal/machines${query}`)).body);

type OrgMachinesPage = ReturnType<typeof OrgMachinesPage.parse>;

describe('machines across an organization', () => {
  test('are an overview', async () => {
    const it = await fleet();
    const page = await read(it);
    expect(page).toMatchObject({ error_regions: [], next_cursor: '', last_machine_id: page.machines.at(-1)?.id });
    expect(page.machines.map((machine) => `${machine.app_name}/${machine.name}`)).toEqual(
      ['shop', 'blog'].flatMap((app) => ['one', 'two', 'three'].map((name) => `${app}/${name}`)),
    );
    expect(page.machines[0]).toMatchObject({ state: 'started', region: 'arn', version: expect.any(String) });
    expect(page.machines[0]?.config).toEqual({
      image,
      guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
      metadata: { flycd_fleet: 'f' },
    });
    expect((await read(it, '?summary=true')).machines[0]).not.toHaveProperty('config');
  });

  test('come in pages by cursor, each once', async () => {
    const it = await fleet();
    const ids: string[] = [];
    let cursor = '';
    let pages = 0;
    do {
      const page = await read(it, `?limit=4&cursor=${cursor}`);
      ids.push(...page.machines.map((machine) => machine.id));
      cursor = page.next_cursor ?? '';
      pages += 1;
    } while (cursor !== '');
    expect(pages).toBe(2);
    expect(new Set(ids).size).toBe(6);
  });

  test('a page holds a thousand where no limit is named', async () => {
    const it = await platform();
    await it.app();
    for (let n = 0; n < 120; n++)
      await it.call('POST', '/apps/shop/machines', { region: 'arn', skip_launch: true, config: { image } });
    expect((await read(it)).machines).toHaveLength(120);
  });

  test.each([
    ['?region=lhr', 2],
    ['?state=stopped', 0],
    ['?state=started,stopped&region=arn,lhr', 6],
    ['?limit=1000', 6],
  ])('%s finds %i', async (query, count) => {
    expect((await read(await fleet(), query)).machines).toHaveLength(count);
  });

  test('destroyed ones only when asked for; updated_after finds what moved since', async () => {
    const it = await fleet();
    const [first] = (await read(it)).machines;
    const since = new Date(it.clock.now()).toISOString();
    await it.clock.sleep(1000);
    await it.call('DELETE', `/apps/shop/machines/${first?.id}?force=true`);
    await it.clock.sleep(1000);
    expect((await read(it)).machines).toHaveLength(5);
    expect((await read(it, `?updated_after=${since}`)).machines).toEqual([]);
    const deleted = await read(it, `?updated_after=${since}&include_deleted=true`);
    expect(deleted.machines).toMatchObject([{ id: first?.id, state: 'destroyed' }]);
  });

  test('of a region that does not answer are missing, and it says so', async () => {
    const it = await fleet();
    it.world.errorRegions.add('arn');
    const page = await read(it);
    expect(page.error_regions).toEqual(['arn']);
    expect(page.machines.map((machine) => machine.region)).toEqual(['lhr', 'lhr']);
    expect((await it.call('GET', '/apps/shop/machines')).body).toHaveLength(3);
  });

  test.each([
    ['/orgs/nobody/machines', 404],
    ['/orgs/personal/machines?cursor=nonsense', 400],
    ['/orgs/personal/machines?limit=none', 400],
  ])('%s answers %i', async (path, status) => {
    const { call } = await platform();
    expect((await call('GET', path)).status).toBe(status);
  });
});

test('volumes across an organization carry their app', async () => {
  const it = await fleet();
  const { volumes, next_cursor: next } = (await it.call('GET', '/orgs/personal/volumes?limit=1')).body;
  expect(volumes).toMatchObject([{ name: 'data', app_name: 'shop', size_gb: 3, updated_at: expect.any(String) }]);
  const rest = (await it.call('GET', `/orgs/personal/volumes?limit=1&cursor=${next}`)).body;
  expect(rest).toMatchObject({ volumes: [{ app_name: 'blog' }], next_cursor: '', error_regions: [] });
});
