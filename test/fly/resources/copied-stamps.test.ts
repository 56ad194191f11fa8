/** Whose stamps a machine carries decides the client, wherever it reads one. */
import { describe, expect, it } from 'vitest';
import { speakTo, type Arrival, type Reply } from '../fake-fly.ts';

type Metadata = Readonly<Record<string, string>>;
interface Shown {
  readonly id: string;
  readonly [more: string]: unknown;
}

const machine = (id: string, metadata: Metadata, more: object = {}) => ({
  id,
  name: id,
  state: 'started',
  region: 'arn',
  config: { metadata: { flycd_fleet: 'acme', flycd_machine: id, mine: 'stays', ...metadata } },
  ...more,
});
const own = machine('a', { flycd_app: 'shop' });
const unnamed = machine('a', {});
const copy = machine('c', { flycd_machine: 'x', flycd_good: 'theirs' });
const clone = machine('c', { flycd_machine: 'a', flycd_good: 'its own' });
const down = { id: 'a', name: 'a', state: 'started', region: 'arn', host_status: 'unreachable' };

/** The app's list, one of its machines by the id, its versions. */
function flyWith(machines: readonly Shown[], versions: readonly Metadata[] = []) {
  return ({ path }: Arrival): Reply => {
    const [, id, isVersions] = /\/machines(?:\/([^/]+)(\/versions)?)?$/.exec(path) ?? [];
    const body =
      isVersions === undefined
        ? id === undefined
          ? machines
          : machines.find((one) => one.id === id)
        : versions.map((metadata) => ({ user_config: { metadata } }));
    return { status: 200, body };
  };
}

const left = { flycd_machine: 'x', mine: 'stays' };
const whole = copy.config.metadata;

describe('a copy that does not say of which app', () => {
  it.each<[string, readonly Shown[], Metadata]>([
    ['beside a machine that says this app', [own, copy], left],
    ['beside one on a silent host that says so', [{ ...down, incomplete_config: own.config }, copy], left],
    ['beside one that was destroyed and said so', [{ ...own, state: 'destroyed' }, copy], left],
    ['where none says an app', [unnamed, copy], whole],
    ['beside one that says another app', [machine('b', { flycd_app: 'other' }), copy], whole],
    ['beside one that shows nothing', [down, copy], whole],
    ['alone', [copy], whole],
    ['of a machine that stands in the app', [own, clone], clone.config.metadata],
  ])('%s', async (_where, machines, metadata) => {
    await using bench = await speakTo(flyWith(machines));
    expect((await bench.fly.machines('shop')).find(({ id }) => id === 'c')?.config?.metadata).toEqual(metadata);
    expect((await bench.fly.machine('shop', 'c'))?.config?.metadata).toEqual(metadata);
    expect((await bench.fly.machineVersions('shop', 'c')).length).toBe(0);
  });

  it('shows on a silent host as little', async () => {
    const { config, ...rest } = copy;
    await using bench = await speakTo(flyWith([own, { ...rest, incomplete_config: config }]));
    expect((await bench.fly.machine('shop', 'c'))?.incomplete_config?.metadata).toEqual(left);
  });

  it('costs a list where it is read by its id, and no other machine does', async () => {
    await using bench = await speakTo(flyWith([own, copy]));
    await bench.fly.machine('shop', 'a');
    expect(bench.server.arrivals).toHaveLength(1);
    await bench.fly.machine('shop', 'c');
    expect(bench.server.arrivals.map(({ path }) => path.replace('/v1/apps/shop', ''))).toEqual([
      '/machines/a',
      '/machines/c',
      '/machines',
    ]);
  });

  it('is not read where the others are not', async () => {
    await using bench = await speakTo((asked) =>
      asked.path.endsWith('/machines') ? { status: 403, body: { error: 'no' } } : flyWith([copy])(asked),
    );
    await expect(bench.fly.machine('shop', 'c')).rejects.toMatchObject({ status: 403 });
  });

  it('was sent nothing of this app before it got the name', async () => {
    const named = { ...clone.config.metadata, flycd_app: 'shop', flycd_machine: 'c' };
    const versions = [whole, { flycd_app: 'shop', flycd_good: 'its own' }];
    await using bench = await speakTo(flyWith([machine('c', named)], versions));
    expect((await bench.fly.machineVersions('shop', 'c')).map(({ metadata }) => metadata)).toEqual([left, versions[1]]);
  });

  it('is another’s in the list of the organization, too, whichever page tells', async () => {
    const pages: Record<string, object> = {
      '': { machines: [{ ...copy, app_name: 'shop' }], next_cursor: 'b' },
      b: {
        machines: [
          { ...own, app_name: 'shop' },
          { ...clone, id: 'd', app_name: 'blog' },
        ],
        next_cursor: '',
      },
    };
    await using bench = await speakTo(({ query }) => ({ status: 200, body: pages[query.get('cursor') ?? ''] }));
    const { machines } = await bench.fly.orgMachines('acme');
    expect(machines.map(({ id, config }) => [id, config?.metadata])).toEqual([
      ['c', left],
      ['a', own.config.metadata],
      ['d', clone.config.metadata],
    ]);
  });
});

describe('a copy that says another app', () => {
  const theirs = machine('c', { flycd_app: 'other', flycd_machine: 'x', flycd_good: 'theirs' });

  it('tells nothing wherever it is read', async () => {
    await using bench = await speakTo(flyWith([theirs], [theirs.config.metadata]));
    const metadata = { ...left, flycd_app: 'other' };
    expect((await bench.fly.machines('shop'))[0]?.config?.metadata).toEqual(metadata);
    expect((await bench.fly.machine('shop', 'c'))?.config?.metadata).toEqual(metadata);
    expect((await bench.fly.machineVersions('shop', 'c'))[0]?.metadata).toEqual(metadata);
  });
});
