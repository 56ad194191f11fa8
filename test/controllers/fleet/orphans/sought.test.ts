/** In which organizations orphans are sought, from what git, the database, Fly and the token say. */
import { describe, expect, it } from 'vitest';
import {
  organizationNaming,
  soughtOrganizations,
  type SoughtOrganization,
  type SoughtRequest,
} from '../../../../controllers/fleet/organizations.ts';
import type { ObservedApp } from '../../../../src/model/observed.ts';
import type { ToldApp } from '../../../../src/record/store.ts';
import { desiredApp, machine, observed } from '../../../plan/builders.ts';
import { fleetOf } from '../../reconcilers.ts';

const shop = desiredApp({ name: 'shop' });
const fleet = fleetOf({ apps: [shop] });
const told = (app: string, org?: string, status: ToldApp['status'] = 'synced'): ToldApp => ({ app, org, status });
const known = (...orgs: readonly string[]): readonly SoughtOrganization[] =>
  orgs.map((org) => ({ org, isGuessed: false }));
const guessed = (...orgs: readonly string[]): readonly SoughtOrganization[] =>
  orgs.map((org) => ({ org, isGuessed: true }));
const seen = (org: string, owner: string, parts: Partial<ObservedApp> = {}): ObservedApp => ({
  ...observed({ machines: [machine(shop, { metadata: { flycd_fleet: owner } })] }),
  org,
  ...parts,
});

interface Says {
  readonly told?: readonly ToldApp[];
  /** The organization that the newest plan which names one gives an app. */
  readonly recorded?: Readonly<Record<string, string>>;
  /** Of git's apps. */
  readonly orgs?: readonly (string | undefined)[];
  readonly observed?: readonly ObservedApp[];
  readonly reached?: readonly string[];
}

async function sought(says: Says, store: boolean = true) {
  const asked: string[] = [];
  const request: SoughtRequest = {
    store: store
      ? {
          appsTold: () => Promise.resolve(says.told ?? []),
          namedRevision: () => Promise.resolve(undefined),
          organizationsOf: (apps) => {
            asked.push(...apps);
            return Promise.resolve(new Map(Object.entries(says.recorded ?? {}).filter(([app]) => apps.includes(app))));
          },
        }
      : undefined,
    fleet,
    apps: () => Promise.resolve((says.orgs ?? []).map((org) => ({ org }))),
    observed: () => Promise.resolve(says.observed ?? []),
    reached: () =>
      says.reached === undefined ? Promise.reject(new Error('unauthorized')) : Promise.resolve(says.reached),
  };
  const found: SoughtOrganization[] = [];
  for await (const one of soughtOrganizations(request)) found.push(one);
  return { found, asked };
}

describe('organizations of a fleet', () => {
  it.each<readonly [string, Says, readonly SoughtOrganization[]]>([
    ['git’s, by name, each once', { told: [told('shop')], orgs: ['b', undefined, 'a', 'b'] }, known('a', 'b')],
    ['where the database tells of an app that git names', { told: [told('shop', 'a')] }, known('a')],
    ['but not where that is blocked', { told: [told('shop', 'a', 'blocked')] }, known()],
    [
      'where it tells of one that git names no more, blocked or not',
      { told: [told('old', 'a', 'blocked')] },
      known('a'),
    ],
    [
      'where an earlier plan of such a one was',
      { told: [told('old')], recorded: { old: 'a' }, reached: ['x'] },
      known('a'),
    ],
    [
      'where git’s apps are on Fly, after the known ones',
      { told: [told('shop')], orgs: ['b'], observed: [seen('a', 'acme'), seen('b', 'acme')] },
      known('b', 'a'),
    ],
    [
      'and where one has no machine',
      { told: [told('shop')], observed: [{ ...observed(), org: 'a' }, observed()] },
      known('a'),
    ],
    [
      'but for one in which another fleet has a machine',
      {
        told: [told('shop')],
        observed: [
          {
            ...observed({
              machines: ['acme', 'rival'].map((one) => machine(shop, { metadata: { flycd_fleet: one } })),
            }),
            org: 'a',
          },
        ],
      },
      known(),
    ],
    ['but for one that is another fleet’s', { told: [told('shop')], observed: [seen('a', 'rival')] }, known()],
    [
      'and one whose machines were not read',
      { told: [told('shop')], observed: [seen('a', 'rival', { machines: { status: 'unread', reason: '503' } })] },
      known('a'),
    ],
  ])('are %s', async (_which, says, wanted) => {
    expect((await sought(says)).found).toEqual(wanted);
  });

  const eight = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  it.each<readonly [string, Says, readonly SoughtOrganization[]]>([
    [
      'where it tells of none',
      { orgs: ['a'], observed: [seen('b', 'acme')], reached: eight },
      [...known('a', 'b'), ...guessed(...eight.slice(2))],
    ],
    [
      'where it does not know where one was',
      { told: [told('old'), told('older')], recorded: { old: 'a' }, reached: ['a', 'b'] },
      [...known('a'), ...guessed('b')],
    ],
    ['but not nine', { orgs: ['a'], reached: [...eight, 'i'] }, known('a')],
    ['and not where the token may not say', { orgs: ['a'] }, known('a')],
  ])('are guessed from what the token reaches: %s', async (_when, says, wanted) => {
    expect((await sought(says)).found).toEqual(wanted);
  });

  it('are guessed without a database', async () => {
    expect((await sought({ orgs: ['a'], reached: ['a', 'b'] }, false)).found).toEqual([...known('a'), ...guessed('b')]);
  });

  it('are asked of earlier plans only for apps of which the last run does not say', async () => {
    const { found, asked } = await sought({
      told: [told('old', 'a'), told('shop'), told('older')],
      recorded: { old: 'x', shop: 'y', older: 'b' },
    });
    expect([found, asked]).toEqual([known('a', 'b'), ['older']]);
  });
});

describe('an app that names no organization', () => {
  const naming = (reached: () => Promise<readonly string[]>, flyOrg?: string) =>
    organizationNaming({ reached, flyOrg });
  const none = desiredApp({ org: undefined });

  it('gets the default one, of which Fly is asked once', async () => {
    let times = 0;
    const name = naming(() => {
      times += 1;
      return Promise.resolve(['only']);
    });
    for (let app = 0; app < 2; app += 1) expect(await name(none)).toEqual({ ...none, org: 'only', orgIsDefault: true });
    expect(times).toBe(1);
    expect(await naming(() => Promise.resolve([]), 'given')(none)).toMatchObject({ org: 'given', orgIsDefault: true });
  });

  it('is no reason to ask where it names one', async () => {
    expect(await naming(() => Promise.reject(new Error('unauthorized')))(shop)).toBe(shop);
  });

  it('fails by itself where Fly does not say, and asks again', async () => {
    const answers = [Promise.reject(new Error('unauthorized')), Promise.resolve(['only'])];
    const name = naming(() => answers.shift() ?? Promise.resolve([]));
    await expect(name(none)).rejects.toMatchObject({
      name: 'Fault',
      message: expect.stringContaining('the organization could not be found out'),
    });
    expect(await name(none)).toMatchObject({ org: 'only' });
  });
});
