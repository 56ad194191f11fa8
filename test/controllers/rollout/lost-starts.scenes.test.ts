/** A machine whose start has no known end: where it is there the others of its group are started all the same, where it went none is. */
import { afterEach, describe, expect, test } from 'vitest';
import { destroy, start } from '../../../simulator/machines/lifecycle.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import { arena, type Arena } from '../arena.ts';
import { shop, sync, type Shop } from '../machines/shop.ts';

let world: Arena;
afterEach(() => world.close());

const endedBy = 'another machine of app was started, and is gone or not seen since';
const error = (status: number): Response => Response.json({ error: 'internal: of no use' }, { status });
const there = (): readonly Machine[] =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])]
    .filter(({ state }) => !state.startsWith('destroy'))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
const states = (): readonly string[] => there().map(({ state }) => state);
const groupOf = ({ config }: Machine): string | undefined => config.metadata?.['fly_process_group'];
const processes = "processes: { app: '', worker: work }\n";

/** What Fly answers in the place of its own answer; it may throw, which loses it. undefined: its own. */
type Answering = (call: { readonly method: string; readonly path: string }) => Response | undefined;

/** An app whose machines somebody has stopped, and from now on such answers. */
async function stopped(wanted: Shop): Promise<{ answer: Answering }> {
  const fly: { answer: Answering } = { answer: () => undefined };
  world = await arena({ others: (url, method) => fly.answer({ method, path: url.pathname }) });
  world.write(shop({ service: '', ...wanted }));
  expect((await sync(world)).code).toBe(0);
  await world.clock.sleep(600_000);
  for (const { id } of there()) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
  await world.clock.sleep(60_000);
  expect(new Set(states())).toEqual(new Set(['stopped']));
  return fly;
}

/** To starts of these machines, by their ids. */
function onStarts(ids: ReadonlySet<string>, answer: (machine: Machine) => Response | undefined): Answering {
  return ({ method, path }) => {
    const machine = there().find(({ id }) => ids.has(id) && path.endsWith(`/machines/${id}/start`));
    return method === 'POST' && machine !== undefined ? answer(machine) : undefined;
  };
}

function idsOf(machines: readonly Machine[]): ReadonlySet<string> {
  return new Set(machines.map(({ id }) => id));
}

const lost = (): never => {
  throw new TypeError('fetch failed');
};

/** Each goes so long after it was seen to have started. */
function goesAfter(afterMs: number): void {
  const fly = world.simulator.world;
  fly.onStateChange = (machine) => {
    if (machine.state === 'started') world.clock.timer(afterMs, () => destroy(fly, machine, 'user'));
  };
}

describe('one whose start fails is there, and the others are started in the same pass', () => {
  test.each([500, 502, 503, 504, 408, 409, 422])('with %i each time', async (status) => {
    const fly = await stopped({ count: 4 });
    fly.answer = onStarts(idsOf(there().slice(0, 1)), () => error(status));
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'started', 'started', 'started']]);
    expect(said).not.toContain(endedBy);
    fly.answer = () => undefined;
    expect((await sync(world)).code).toBe(0);
    expect(states()).toEqual(['started', 'started', 'started', 'started']);
  });

  test('with no answer, and nothing done', async () => {
    const fly = await stopped({ count: 4 });
    fly.answer = onStarts(idsOf(there().slice(0, 1)), lost);
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'started', 'started', 'started']]);
  });

  test('two of them', async () => {
    const fly = await stopped({ count: 5 });
    fly.answer = onStarts(idsOf([there().slice(0, 1), there().slice(2, 3)].flat()), () => error(503));
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'started', 'stopped', 'started', 'started']]);
  });

  test('all of them: each is tried', async () => {
    const fly = await stopped({ count: 3 });
    fly.answer = onStarts(idsOf(there()), () => error(500));
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'stopped', 'stopped']]);
    expect(said.match(/machine\.start shop\/app\/arn\/\d failed/g)).toHaveLength(3);
  });

  test('in each of two groups, beside a machine that is made', async () => {
    const more = (workers: number): string =>
      `${processes}machines: { groups: { app: { count: 3 }, worker: { count: ${workers} } } }\n`;
    const files = (workers: number) => {
      const written = shop({ service: '', more: more(workers) });
      return { ...written, 'shop/app.yaml': (written['shop/app.yaml'] ?? '').replace('machines:\n  count: 2\n', '') };
    };
    const fly: { answer: Answering } = { answer: () => undefined };
    world = await arena({ others: (url, method) => fly.answer({ method, path: url.pathname }) });
    world.write(files(2));
    expect((await sync(world)).code).toBe(0);
    await world.clock.sleep(600_000);
    for (const { id } of there()) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
    await world.clock.sleep(60_000);
    world.write(files(3));
    const firsts = ['app', 'worker'].flatMap((group) => there().find((machine) => groupOf(machine) === group) ?? []);
    fly.answer = onStarts(idsOf(firsts), () => error(500));
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'started', 'started', 'stopped', 'started', 'started']]);
  });

  test('on a host that falls silent', async () => {
    await stopped({ count: 3 });
    const [first] = there();
    world.simulator.world.onStateChange = (machine) => {
      if (machine.id === first?.id && machine.state === 'started') machine.hostStatus = 'unreachable';
    };
    const { said } = await sync(world);
    expect(states(), said).toEqual(['started', 'started', 'started']);
    expect(said).toContain('the host of a machine does not answer');
  });

  test('as somebody destroys it, and the start is refused', async () => {
    const fly = await stopped({ count: 3 });
    fly.answer = onStarts(idsOf(there().slice(0, 1)), (machine) => {
      destroy(world.simulator.world, machine, 'user');
      return error(422);
    });
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['started', 'started']]);
    expect(said).not.toContain(endedBy);
  });

  test('one that Fly refuses to start is not looked at: that is an answer', async () => {
    const fly = await stopped({ count: 2 });
    const [first] = there();
    const calls: string[] = [];
    const starts = onStarts(idsOf(there().slice(0, 1)), () => error(422));
    fly.answer = (call) => {
      if (first !== undefined && call.path.includes(first.id))
        calls.push(`${call.method} ${call.path.split('/').at(-1)}`);
      return starts(call);
    };
    await sync(world);
    expect(calls.slice(calls.indexOf('POST start') + 1)).toEqual(['DELETE lease']);
  });
});

describe('a start without an answer that was done is waited for', () => {
  const begun = (machine: Machine): void => {
    if (machine.state === 'stopped') start(world.simulator.world, machine);
  };

  test.each([
    ['none', lost],
    ['a 500', () => error(500)],
    ['a 408', () => error(408)],
  ])('%s each time', async (_what, answer) => {
    const fly = await stopped({ count: 4 });
    fly.answer = onStarts(idsOf(there().slice(0, 1)), (machine) => {
      begun(machine);
      return answer();
    });
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([0, ['started', 'started', 'started', 'started']]);
  });

  test('and it comes up a moment behind its last try', async () => {
    const fly = await stopped({ count: 3 });
    let tries = 0;
    fly.answer = onStarts(idsOf(there().slice(0, 1)), (machine) => {
      tries += 1;
      if (tries === 4) world.clock.timer(500, () => begun(machine));
      return error(504);
    });
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([0, ['started', 'started', 'started']]);
  });

  test.each([409, 412, 422])('and the second try is refused (%i)', async (status) => {
    const fly = await stopped({ count: 3 });
    fly.answer = onStarts(idsOf(there().slice(0, 1)), (machine) => {
      const isFirst = machine.state === 'stopped';
      begun(machine);
      return isFirst ? lost() : error(status);
    });
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([0, ['started', 'started', 'started']]);
  });

  test.each([0, 1500, 5000])('and goes %i ms after it came up: it is the last one', async (afterMs) => {
    const fly = await stopped({ count: 4 });
    goesAfter(afterMs);
    fly.answer = onStarts(idsOf(there()), (machine) => {
      if (machine.state !== 'stopped') return undefined;
      begun(machine);
      return lost();
    });
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'stopped', 'stopped']]);
    expect(said).toContain(endedBy);
  });

  test('so it is where Fly asks for patience behind the first try', async () => {
    const fly = await stopped({ count: 4 });
    goesAfter(0);
    fly.answer = onStarts(idsOf(there()), (machine) => {
      begun(machine);
      return Response.json({ error: 'busy' }, { status: 503, headers: { 'retry-after': '600' } });
    });
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'stopped', 'stopped']]);
    expect(said).toContain(endedBy);
  });

  test('so it is where the last of its tries is refused, since it is gone', async () => {
    const fly = await stopped({ count: 4 });
    goesAfter(0);
    fly.answer = onStarts(idsOf(there()), (machine) => {
      begun(machine);
      return lost();
    });
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'stopped', 'stopped']]);
    expect(said).toContain(endedBy);
  });

  test('so it is where it comes up and goes a while behind the last try', async () => {
    const fly = await stopped({ count: 4 });
    goesAfter(1000);
    const asked = new Set<string>();
    fly.answer = onStarts(idsOf(there()), (machine) => {
      if (!asked.has(machine.id)) world.clock.timer(7000, () => start(world.simulator.world, machine));
      asked.add(machine.id);
      return error(503);
    });
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'stopped', 'stopped']]);
    expect(said).toContain(endedBy);
  });
});

describe('of a machine that is not shown by its id once it was started the list tells', () => {
  /** From its start on it is not read by its id; `lists`: nor in a list, once it was started. */
  function unread(ids: ReadonlySet<string>, answer: () => Response, lists = false): Answering {
    const started = new Set<string>();
    return ({ method, path }) => {
      const id = [...ids].find((one) => path.includes(`/machines/${one}`));
      if (id !== undefined && method === 'POST' && path.endsWith('/start')) started.add(id);
      if (method !== 'GET') return undefined;
      if (lists && started.size > 0 && path.endsWith('/machines')) return answer();
      return id !== undefined && started.has(id) && path.endsWith(`/machines/${id}`) ? answer() : undefined;
    };
  }

  test.each([500, 503, 404])('it is there, and the others are started (%i)', async (status) => {
    const fly = await stopped({ count: 4 });
    fly.answer = unread(idsOf(there().slice(0, 1)), () => error(status));
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['started', 'started', 'started', 'started']]);
    expect(said).not.toContain(endedBy);
  });

  test.each([0, 1500, 6000])('it went %i ms after its start: no other one is started', async (afterMs) => {
    const fly = await stopped({ count: 4 });
    world.simulator.world.lag.set({ listMs: 5000 });
    goesAfter(afterMs);
    fly.answer = unread(idsOf(there()), () => error(500));
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'stopped', 'stopped']]);
    expect(said).toContain(endedBy);
  });

  test('it came up late and went, and lists lag behind that', async () => {
    const fly = await stopped({ count: 3 });
    world.simulator.world.lag.set({ listMs: 8000 });
    goesAfter(1000);
    const asked = new Set<string>();
    const starts = onStarts(idsOf(there()), (machine) => {
      if (!asked.has(machine.id)) world.clock.timer(7000, () => start(world.simulator.world, machine));
      asked.add(machine.id);
      return error(500);
    });
    fly.answer = (call) => {
      const of = [...asked].find((id) => call.method === 'GET' && call.path.endsWith(`/machines/${id}`));
      return of !== undefined && !idsOf(there()).has(of) ? error(404) : starts(call);
    };
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'stopped']]);
    expect(said).toContain(endedBy);
  });

  test('where no list is read either no other one is started, until one is', async () => {
    const fly = await stopped({ count: 4 });
    fly.answer = unread(idsOf(there().slice(0, 1)), () => error(500), true);
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['started', 'stopped', 'stopped', 'stopped']]);
    expect(said).toContain(endedBy);
    fly.answer = () => undefined;
    expect((await sync(world)).code).toBe(0);
    expect(states()).toEqual(['started', 'started', 'started', 'started']);
  });

  test('so none waits for good for one that neither starts nor is shown', async () => {
    const fly = await stopped({ count: 3 });
    const ids = idsOf(there().slice(0, 1));
    const reads = unread(ids, () => error(500));
    const starts = onStarts(ids, () => error(500));
    fly.answer = (call) => reads(call) ?? starts(call);
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'started', 'started']]);
    expect(said).toContain('Fly failed to start the machine');
  });

  test.each([true, false])('one that is on its way out goes (listed alone: %s)', async (isUnread) => {
    const fly = await stopped({ count: 3 });
    const starts = onStarts(idsOf(there()), (machine) => {
      machine.state = 'destroying';
      return error(500);
    });
    const reads = unread(idsOf(there()), () => error(500));
    fly.answer = (call) => (isUnread ? reads(call) : undefined) ?? starts(call);
    const { code, said } = await sync(world);
    expect([code, states()], said).toEqual([1, ['stopped', 'stopped']]);
    expect(said).toContain(endedBy);
  });
});

test('whoever is asked to stop meanwhile looks no further', async () => {
  const fly = await stopped({ count: 3 });
  const stop = new AbortController();
  fly.answer = onStarts(idsOf(there().slice(0, 1)), () => {
    world.clock.timer(4000, () => stop.abort(new Error('asked to stop')));
    return error(500);
  });
  const before = world.clock.now();
  const { stdout, stderr } = await world.flycd(['sync', '--once'], undefined, stop.signal);
  expect(states(), stdout + stderr).toEqual(['stopped', 'stopped', 'stopped']);
  expect(world.clock.now() - before).toBeLessThan(10_000);
});
