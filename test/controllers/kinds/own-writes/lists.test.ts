/** Lists through a client that knows what was done through it. Fly lists what a test says, and shows machines by their ids as they are. */
import { expect, test } from 'vitest';
import { readingOwnWrites } from '../../../../controllers/kinds/own-writes.ts';
import type { Machine } from '../../../../schemas/fly/machine.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { flyAnswering } from '../../answered-fly.ts';

type Metadata = Record<string, string>;

const machine = (id: string, version = 'v1', metadata: Metadata = {}, state = 'started'): Machine => ({
  id,
  name: `app-${id}`,
  state,
  region: 'arn',
  instance_id: version,
  config: { image: 'nginx:1', metadata },
});

const missing = () => Response.json({ error: 'machine not found' }, { status: 404 });

/** `is`: by their ids, `listed`: as its lists lag. Undefined by its id: Fly does not show it. */
function flyOf(...machines: readonly Machine[]) {
  const is = new Map<string, Machine | undefined>(machines.map((one) => [one.id, one]));
  const fly = { is, listed: [...machines], looks: [] as string[], during: (): unknown => undefined };
  const clock = new IdleClock();
  const answered = flyAnswering(clock, async ({ method, path, body }) => {
    const [, id = '', what] = /machines\/?([^/]*)\/?(.*)$/.exec(path) ?? [];
    if (method === 'GET' && id === '') return Response.json(fly.listed);
    const before = is.get(id);
    if (method === 'GET') {
      fly.looks.push(id);
      await fly.during();
    } else if (id === '') {
      is.set('c', machine('c'));
      return Response.json(is.get('c'));
    } else if (before === undefined) return missing();
    else if (method === 'DELETE') is.set(id, { ...before, state: 'destroyed' });
    else if (what === 'metadata') {
      const { metadata } = JSON.parse(body) as { metadata: Record<string, string | null> };
      const merged = Object.entries({ ...before.config?.metadata, ...metadata });
      const kept = merged.filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== '');
      is.set(id, machine(id, before.instance_id, Object.fromEntries(kept)));
    } else is.set(id, machine(id, 'v2', before.config?.metadata ?? {}));
    const shown = method === 'GET' ? before : is.get(id);
    return shown === undefined ? missing() : Response.json(shown);
  });
  const own = readingOwnWrites({ fly: answered, clock }).fly;
  const read = async (query = {}) => {
    const listed = await own.machines('shop', query);
    return listed.map(({ id, instance_id: version, state, config }) =>
      [id, version, ...(state === 'started' ? [] : [state]), ...Object.keys(config?.metadata ?? {})].join(' '),
    );
  };
  return { fly, own, read };
}

const update = { config: { image: 'nginx:2' } };
const deleted = { includeDeleted: true };

test('a list that shows all as it is known costs no look, whatever was done', async () => {
  const { fly, own, read } = flyOf(machine('a'), machine('b'));
  await own.updateMachine('shop', 'a', update);
  await own.patchMetadata('shop', 'a', { good: '1', gone: null, empty: '' });
  await own.createMachine('shop', { name: 'app-c', config: {} });
  await own.destroyMachine('shop', 'b');
  fly.listed = ['a', 'c'].flatMap((id) => fly.is.get(id) ?? []);
  expect(await read()).toEqual(['a v2 good', 'c v1']);
  expect(fly.looks).toEqual([]);
});

test('an update that nobody has looked at since shows', async () => {
  const { own, read } = flyOf(machine('a'), machine('b'));
  await own.updateMachine('shop', 'a', update);
  expect(await read()).toEqual(['a v2', 'b v1']);
});

test('so does a patch, also where nothing else is known of the machine, and what it took away', async () => {
  const { own, read } = flyOf(machine('a', 'v1', { unproven: '1', kept: '1' }), machine('b'));
  await own.patchMetadata('shop', 'a', { unproven: null, good: '1' });
  expect(await read()).toEqual(['a v1 kept good', 'b v1']);
});

test('of a machine that Fly does not show, or shows as gone, lists tell, but for whose it is', async () => {
  const before = { flycd_fleet: 'other', flycd_origin: 'theirs', unproven: '1' };
  const { fly, own } = flyOf(machine('a', 'v1', before), machine('b', 'v1', before));
  const labels = { flycd_fleet: 'ours', flycd_origin: null, unproven: null, good: '1' };
  for (const id of ['a', 'b']) await own.patchMetadata('shop', id, labels);
  fly.is.set('a', undefined);
  fly.is.set('b', machine('b', 'v1', {}, 'destroyed'));
  const metadata = { flycd_fleet: 'ours', unproven: '1' };
  expect(await own.machines('shop')).toMatchObject(
    ['a', 'b'].map((id) => ({ id, state: 'started', config: { image: 'nginx:1', metadata } })),
  );
  const [one] = await own.machines('shop');
  expect(one?.config?.metadata).toEqual(metadata);
});

test('what somebody patched after that is not hidden', async () => {
  const { fly, own, read } = flyOf(machine('a'));
  await own.patchMetadata('shop', 'a', { good: '1' });
  const theirs = machine('a', 'v1', { suspended: '1' });
  fly.is.set('a', theirs);
  fly.listed = [theirs];
  expect(await read()).toEqual(['a v1 suspended']);
  expect(await read()).toEqual(['a v1 suspended']);
  expect(fly.looks).toEqual(['a']);
});

test('somebody’s update after ours is not hidden, and is looked at once', async () => {
  const { fly, own, read } = flyOf(machine('a'));
  await own.updateMachine('shop', 'a', update);
  const theirs = machine('a', 'v3');
  fly.is.set('a', theirs);
  fly.listed = [theirs];
  expect(await read()).toEqual(['a v3']);
  expect(await read()).toEqual(['a v3']);
  expect(fly.looks).toEqual(['a']);
  // A list that lags behind that, and behind the look.
  fly.listed = [machine('a')];
  expect(await read()).toEqual(['a v3']);
});

test('a machine that was made is listed until it is gone by somebody’s hand', async () => {
  const { fly, own, read } = flyOf(machine('a'));
  await own.createMachine('shop', { name: 'app-c', config: {} });
  expect(await read()).toEqual(['a v1', 'c v1']);
  fly.is.set('c', machine('c', 'v1', {}, 'destroyed'));
  expect(await read()).toEqual(['a v1']);
  const { looks } = fly;
  const sofar = looks.length;
  expect(await read()).toEqual(['a v1']);
  expect(looks).toHaveLength(sofar);
  expect(await read(deleted)).toEqual(['a v1', 'c v1 destroyed']);
});

test('so it is where Fly knows nothing of it any more, and not where it knows nothing for a moment', async () => {
  const { fly, own, read } = flyOf(machine('a'));
  await own.createMachine('shop', { name: 'app-c', config: {} });
  const made = fly.is.get('c');
  fly.is.set('c', undefined);
  fly.during = () => {
    // With the second look.
    if (fly.looks.length === 1) fly.is.set('c', made);
  };
  expect(await read()).toEqual(['a v1', 'c v1']);
  fly.during = () => undefined;
  fly.is.set('c', undefined);
  expect(await read()).toEqual(['a v1']);
  const sofar = fly.looks.length;
  expect(await read()).toEqual(['a v1']);
  expect(fly.looks).toHaveLength(sofar);
  // One look is enough for what is known to be gone.
  expect(await read(deleted)).toEqual(['a v1']);
  expect(fly.looks).toHaveLength(sofar + 1);
});

test('a list that shows a machine as it goes is newer than all that is known of it', async () => {
  const { fly, own, read } = flyOf(machine('a'));
  await own.updateMachine('shop', 'a', update);
  fly.listed = [machine('a', 'v3', {}, 'destroying')];
  expect(await read()).toEqual(['a v3 destroying']);
  expect(fly.looks).toEqual([]);
});

test('one that is seen by its id is listed, too: the answer to its create may have been lost', async () => {
  const { fly, own, read } = flyOf(machine('a'));
  fly.is.set('d', machine('d'));
  await own.machine('shop', 'd');
  expect(await read()).toEqual(['a v1', 'd v1']);
  expect(await own.machines('other')).toHaveLength(1);
});

test('a machine that was destroyed is listed no more, but among those that are gone', async () => {
  const { fly, own, read } = flyOf(machine('a'), machine('b'));
  await own.destroyMachine('shop', 'b');
  expect(await read()).toEqual(['a v1']);
  expect(await own.machine('shop', 'b')).toMatchObject({ state: 'destroyed' });
  expect(await read()).toEqual(['a v1']);
  fly.is.set('b', undefined);
  expect(await read()).toEqual(['a v1']);
  expect(await read(deleted)).toEqual(['a v1', 'b v1 destroyed']);
});

test('it is listed where it runs again, as one on a host that did not answer may', async () => {
  const { fly, own, read } = flyOf(machine('a'), machine('b'));
  await own.destroyMachine('shop', 'b');
  fly.is.set('b', machine('b'));
  for (let times = 0; times < 2; times += 1) expect(await read()).toEqual(['a v1', 'b v1']);
  expect(fly.looks).toEqual(['b']);
});

test('that there is none to destroy may be so for a moment: nothing is concluded', async () => {
  const { fly, own, read } = flyOf(machine('a'), machine('b'));
  fly.is.set('b', undefined);
  expect(await own.destroyMachine('shop', 'b')).toBe(false);
  expect(await read()).toEqual(['a v1', 'b v1']);
});

test('one that went by somebody else’s hand is listed for as long as lists show it with what it leaves behind', async () => {
  const { fly, own, read } = flyOf(machine('a'), machine('b'));
  fly.is.set('b', machine('b', 'v1', {}, 'destroyed'));
  await own.machine('shop', 'b');
  expect(await read()).toEqual(['a v1', 'b v1']);
});

test('a look that a write ended in the middle of tells of before that', async () => {
  const { fly, own, read } = flyOf(machine('a'));
  fly.during = () => {
    fly.during = () => undefined;
    return own.updateMachine('shop', 'a', update);
  };
  expect(await own.machine('shop', 'a')).toMatchObject({ instance_id: 'v1' });
  expect(await read()).toEqual(['a v2']);
});

test('a list fails where Fly does not show a machine that was updated, and not that it is gone', async () => {
  const { fly, own, read } = flyOf(machine('a'));
  await own.updateMachine('shop', 'a', update);
  fly.is.set('a', undefined);
  await expect(read()).rejects.toThrow('nothing shows that it is gone');
  fly.listed = [];
  expect(await read()).toEqual([]);
});
