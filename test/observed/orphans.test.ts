import { describe, expect, it } from 'vitest';
import { observeOrphan, observeOrphans, type ObserveOrphansRequest } from '../../src/observed/orphans.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { resolveOrganization } from '../../src/observed/organization.ts';
import { machine, speakTo, thrownBy, type Reply } from '../fly/fake-fly.ts';

const requestTo = (fly: ObserveOrphansRequest['fly']): ObserveOrphansRequest => ({
  fly,
  clock: new IdleClock(),
  org: 'acme',
  fleet: { name: 'main' },
  desired: new Set<string>(),
});

interface World {
  /** By app: its machines, or what its list answers. */
  readonly apps: Readonly<Record<string, readonly object[] | Reply>>;
  /** What the org list says; by default the truth. */
  readonly listed?: readonly object[];
  readonly errorRegions?: readonly string[];
  readonly missing?: readonly string[];
}

const of = (fleet: string, id: string, more: object = {}) => ({
  ...machine,
  id,
  config: { metadata: { flycd_fleet: fleet } },
  ...more,
});

async function orphansOf(world: World, desired: readonly string[] = []) {
  await using bench = await speakTo(({ path }) => {
    if (path.startsWith('/v1/orgs/acme/')) {
      const truth = Object.entries(world.apps).flatMap(([app_name, list]) =>
        Array.isArray(list) ? list.map((item: object) => ({ ...item, app_name })) : [],
      );
      return { status: 200, body: { machines: world.listed ?? truth, error_regions: world.errorRegions } };
    }
    const [, , , name = '', kind] = path.split('/');
    const app = world.apps[name];
    if (app === undefined || (kind === undefined && world.missing?.includes(name) === true)) {
      return { status: 404, body: { error: 'Could not find App' } };
    }
    if (kind === undefined) return { status: 200, body: { name } };
    return Array.isArray(app) ? { status: 200, body: app } : (app as Reply);
  });
  const found = await observeOrphans({ ...requestTo(bench.fly), desired: new Set(desired) });
  return { ...found, asked: bench.server.arrivals.map(({ path }) => path.replace('/v1', '')) };
}

describe('orphans', () => {
  it('are the apps with machines of this fleet that git does not name', async () => {
    const found = await orphansOf(
      {
        apps: {
          old: [of('main', '1'), of('main', '2'), { ...machine, id: '3' }],
          older: [of('main', '4')],
          named: [of('main', '5')],
          theirs: [of('other', '6')],
          nobodys: [machine],
        },
      },
      ['named'],
    );
    expect(found).toMatchObject({
      orphans: [
        { name: 'old', org: 'acme', machines: [{ id: '1' }, { id: '2' }, { id: '3' }] },
        { name: 'older', org: 'acme', machines: [{ id: '4' }] },
      ],
      complete: true,
    });
    expect(found.reason).toBeUndefined();
    expect(found.asked.toSorted()).toEqual([
      '/apps/old',
      '/apps/old/machines',
      '/apps/older',
      '/apps/older/machines',
      '/orgs/acme/machines',
    ]);
  });

  it('are never concluded from the list: what is gone, restamped or a copy is none', async () => {
    // Each with an id of its own: the list is one of machines, and one id is one machine.
    const stale = (app_name: string) => ({ ...of('main', `listed-${app_name}`), app_name });
    const found = await orphansOf({
      apps: {
        restamped: [of('other', '1')],
        emptied: [],
        leaving: [of('main', '1', { state: 'destroying' })],
        cloned: [of('main', '9', { config: { metadata: { flycd_fleet: 'main', flycd_machine: '1' } } })],
        ghost: [of('main', '1')],
      },
      listed: ['restamped', 'emptied', 'leaving', 'cloned', 'gone', 'ghost'].map(stale),
      missing: ['ghost'],
    });
    expect(found).toMatchObject({ orphans: [], complete: true });
    const names = ['cloned', 'emptied', 'ghost', 'gone', 'leaving', 'restamped'];
    expect(names.filter((name) => !found.asked.includes(`/apps/${name}/machines`))).toEqual([]);
  });

  it('is one where a copy stands beside the machine it was made from', async () => {
    const copy = of('main', '9', { config: { metadata: { flycd_fleet: 'main', flycd_machine: '1' } } });
    const own = of('main', '1', { config: { metadata: { flycd_fleet: 'main', flycd_machine: '1' } } });
    expect(await orphansOf({ apps: { old: [copy, own] } })).toMatchObject({ orphans: [{ name: 'old' }] });
  });

  it('may be more when regions did not answer', async () => {
    const found = await orphansOf({ apps: { old: [of('main', '1')] }, errorRegions: ['syd', 'gru'] });
    expect(found).toMatchObject({
      orphans: [{ name: 'old' }],
      complete: false,
      reason: "Fly's list of acme lacks gru, syd",
    });
  });

  it('that could not be confirmed are not told, but that there may be more is', async () => {
    const found = await orphansOf({
      apps: { old: { status: 500, body: { error: 'boom' } }, older: [of('main', '4')] },
      listed: [
        { ...of('main', '1'), app_name: 'old' },
        { ...of('main', '4'), app_name: 'older' },
      ],
    });
    expect(found.orphans).toMatchObject([{ name: 'older', org: 'acme', machines: [{ id: '4' }] }]);
    expect(found).toMatchObject({ complete: false, reason: /old: .*boom/ });
  });

  it('are unsure where the token does not reach the app, in which nobody saw a machine', async () => {
    await using bench = await speakTo(({ path }) => {
      if (path.endsWith('/orgs/acme/machines'))
        return { status: 200, body: { machines: [{ ...of('main', '1'), app_name: 'moved' }] } };
      return { status: 403, body: { error: 'unauthorized' } };
    });
    const request = requestTo(bench.fly);
    const reason = 'moved: the token no longer reaches it';
    expect(await observeOrphans(request)).toEqual({ orphans: [], complete: false, reason });
    expect(await observeOrphan(request, { name: 'moved', org: 'acme' })).toEqual({
      state: 'unread',
      reason,
    });
  });

  it('on a host that hides its config are unsure, and sure by what it still shows', async () => {
    const listed = [{ ...of('main', '1'), app_name: 'down' }];
    const down = { ...machine, id: '1', config: null, host_status: 'unreachable' };
    expect(await orphansOf({ apps: { down: [down] }, listed })).toMatchObject({ orphans: [], complete: false });
    const half = { ...down, incomplete_config: { metadata: { flycd_fleet: 'main' } } };
    expect(await orphansOf({ apps: { down: [half] }, listed })).toMatchObject({
      orphans: [{ name: 'down' }],
      complete: true,
    });
  });

  it('are unknown when the list cannot be read', async () => {
    await using bench = await speakTo(() => ({ status: 403, body: { error: 'unauthorized' } }));
    const request = requestTo(bench.fly);
    expect(await observeOrphans(request)).toMatchObject({ orphans: [], complete: false, reason: /may not list/ });
  });

  it('throw only a refused token', async () => {
    await using bench = await speakTo(() => ({ status: 401, body: { error: 'expired' } }));
    const request = requestTo(bench.fly);
    expect(await thrownBy(observeOrphans(request))).toMatchObject({ status: 401 });
  });
});

describe('the organization of apps that name none', () => {
  const reach = (...slugs: string[]) =>
    speakTo(() => ({ status: 200, body: { tokens: slugs.map((org_slug) => ({ org_slug })) } }));

  it('is FLY_ORG, without asking Fly', async () => {
    await using bench = await reach('acme');
    expect(await resolveOrganization(bench.fly, { flyOrg: ' globex ' })).toBe('globex');
    expect(bench.server.arrivals).toHaveLength(0);
  });

  it('else the only one, else personal', async () => {
    await using one = await reach('acme', 'acme');
    expect(await resolveOrganization(one.fly, { flyOrg: '' })).toBe('acme');
    await using several = await reach('acme', 'personal');
    expect(await resolveOrganization(several.fly, { flyOrg: undefined })).toBe('personal');
  });

  it.each([
    [[], /names none/],
    [['globex', 'acme'], /reaches acme, globex/],
  ])('else must be named: %j', async (slugs, why) => {
    await using bench = await reach(...slugs);
    expect(await thrownBy(resolveOrganization(bench.fly, { flyOrg: undefined }))).toMatchObject({
      kind: 'stalled',
      why,
      next: /org: NAME/,
    });
  });
});
