/** An answer that took long tells how it was when Fly was asked, at the latest when it came: nobody knows which of them. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createMachine } from '../../../controllers/machines/create.ts';
import { checkStayingNow } from '../../../controllers/machines/staying.ts';
import { lockApp } from '../../../controllers/pass/app-lock.ts';
import { checkStillAsPlanned } from '../../../controllers/pass/before-sent.ts';
import { checkOwner, isUnseen, keepIfFirst } from '../../../controllers/pass/beginning.ts';
import { createOnce } from '../../../controllers/pass/intents.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { formatSuspension } from '../../../src/model/standing/standing-text.ts';
import { desiredApp, machine } from '../../plan/builders.ts';
import { passOver, volumeCall } from './passes.ts';

let clock: IdleClock;
/** How long the next answers take; those after them come at once. */
let slow: number[];
beforeEach(() => {
  clock = new IdleClock();
  slow = [6000];
});

const made = machine(desiredApp(), { id: 'a1', metadata: { flycd_begun: '1' } });
const passOn = (begins: boolean, machines: readonly object[] = []) =>
  passOver(
    clock,
    async ({ method }) => {
      await clock.park(slow.shift() ?? 0);
      return method === 'GET' ? machines : made;
    },
    { begins },
  );

describe.each([true, false])('(nobody knows whose the app is: %s) a write is asked about anew', (begins) => {
  it('after the list from which the lock was chosen', async () => {
    const { pass, calls } = passOn(begins);
    await lockApp(pass);
    await checkStillAsPlanned(pass, { of: 'app' });
    expect(calls).toEqual(['GET machines', 'GET machines']);
  });

  it('after the list that a free name was sought in', async () => {
    const { pass, calls } = passOn(begins);
    const step = {
      kind: 'machine.create',
      app: 'shop',
      target: 'app/arn/1',
      because: 'missing',
      changes: [],
      risk: 'safe',
      slot: { group: 'app', region: 'arn', number: 1 },
      config: { image: `docker.io/library/shop:1@sha256:${'a'.repeat(64)}` },
      sent: { config: '1', image: '1' },
      mount: undefined,
      group: 'app',
      skipLaunch: true,
    } as const;
    await createMachine(pass, step, () => undefined).catch(() => undefined);
    expect(calls.slice(0, 3)).toEqual(['GET machines', 'GET machines', 'POST machines']);
  });
});

describe('whose the app is', () => {
  it('is unseen again after a slow look behind a create', async () => {
    const { pass } = passOn(true, [made]);
    await keepIfFirst(pass, made, { stays: false });
    expect(isUnseen(pass)).toBe(true);
  });

  it('is unseen again after a slow look before a write, and after a second one that had to wait for it', async () => {
    const { pass } = passOn(true);
    const first = checkStillAsPlanned(pass, { of: 'app' });
    await clock.sleep(3000);
    await Promise.all([first, checkStillAsPlanned(pass, { of: 'app' })]);
    expect(isUnseen(pass)).toBe(true);
  });

  it('is not told by machines of which nobody says when they were asked for', () => {
    const { pass } = passOn(true);
    checkOwner(pass, []);
    expect(isUnseen(pass)).toBe(true);
  });
});

it('what has no key on Fly is looked for once more after a slow list', async () => {
  const { pass } = passOn(true);
  const asked: string[] = [];
  const list = async (): Promise<readonly string[]> => {
    asked.push('list');
    await clock.sleep(slow.shift() ?? 0);
    return [];
  };
  const create = async (beforeSent: (timesSent: number) => Promise<void>): Promise<string> => {
    await beforeSent(0);
    asked.push('create');
    return 'vol_1';
  };
  await createOnce(pass, volumeCall({ create, list }));
  expect(asked).toEqual(['list', 'list', 'create']);
});

describe('nothing is sent by a list that was asked for long before', () => {
  const ids = ['a1', 'a2', 'a3', 'a4', 'a5'];
  const word = { reason: 'incident', by: 'bob', at: 0, until: undefined, count: 1 } as const;

  /** An app of five machines, of which a person suspends the app or takes one away; a list is of when it was asked for. */
  function shop() {
    let happened: 'said' | 'gone' | undefined;
    const now = () => {
      const metadata = happened === 'said' ? { [stampKeys.suspend]: formatSuspension(word) } : {};
      return ids.slice(happened === 'gone' ? 1 : 0).map((id) => machine(desiredApp(), { id, metadata }));
    };
    const sent: string[] = [];
    const { pass, calls } = passOver(clock, async ({ method, path }) => {
      const machines = now();
      if (method === 'GET' && path.endsWith('/machines')) {
        await clock.park(slow.shift() ?? 10);
        return machines;
      }
      if (method === 'GET') return machines.find(({ id }) => path.endsWith(id)) ?? new Response('{}', { status: 404 });
      sent.push(`${method} ${path.split('/').at(-1)}`);
      return { secrets: [] };
    });
    for (const id of ids) pass.made.set(id, 'web');
    const { fly } = pass.services;
    const outcome = (write: Promise<unknown>) => write.then(() => 'done').catch(String);
    return {
      sent,
      calls,
      happens: (what: 'said' | 'gone') => (happened = what),
      set: () => outcome(fly.setSecrets('shop', {})),
      release: () => outcome(fly.releaseAddress('shop', '1.2.3.4')),
      destroy: (id: string) => {
        const step = { kind: 'machine.destroy', app: 'shop', target: id, machineId: id, group: 'web' } as const;
        const planned = { ...step, because: '', changes: [], risk: 'safe' } as const;
        return outcome(fly.destroyMachine('shop', id, undefined, () => checkStayingNow(pass, planned)));
      },
    };
  }
  beforeEach(() => {
    slow = [25_000];
  });

  it('no address is released over a word that came while another write waited for the list', async () => {
    const { sent, happens, set, release } = shop();
    await clock.sleep(6000);
    const first = set();
    await clock.sleep(2000);
    happens('said');
    await clock.sleep(22_500);
    const ended = await Promise.all([first, release()]);
    expect(sent, ended.join('\n')).toEqual([]);
    expect(ended[1]).toContain('bob said so');
  });

  it('no machine is destroyed where one that stays went while its own list was under way', async () => {
    const { sent, happens, destroy } = shop();
    const first = destroy('b1');
    await clock.sleep(2000);
    happens('gone');
    expect(await first).toContain('machine a1 went meanwhile');
    expect(sent).toEqual([]);
  });

  it('nor by the list of another one', async () => {
    const { sent, happens, destroy } = shop();
    const first = destroy('b1');
    await clock.sleep(2000);
    happens('gone');
    await clock.sleep(22_500);
    const ended = await Promise.all([first, destroy('b2')]);
    expect(sent, ended.join('\n')).toEqual([]);
  });

  it('nor by one that was asked for more than a second ago, though it was answered since', async () => {
    slow = [900];
    const { happens, destroy, sent } = shop();
    await destroy('b1');
    await clock.sleep(200);
    happens('gone');
    expect(await destroy('b2')).toContain('machine a1 went meanwhile');
    expect(sent).toEqual(['DELETE b1']);
  });

  it('ten destroys side by side share a list', async () => {
    slow = [300];
    const { calls, sent, destroy } = shop();
    await Promise.all(Array.from({ length: 10 }, (_, index) => destroy(`b${index}`)));
    expect(sent).toHaveLength(10);
    expect(calls.filter((call) => call === 'GET machines')).toHaveLength(1);
  });

  it.each([3000, 6000, 9000])('where each list takes %i ms, ten destroys get through all the same', async (ms) => {
    slow = Array.from({ length: 99 }, () => ms);
    const { sent, destroy } = shop();
    const ended = Array.from({ length: 10 }, async (_, index) => {
      await clock.sleep(index * 1100);
      return destroy(`b${index}`);
    });
    expect(new Set(await Promise.all(ended))).toEqual(new Set(['done']));
    expect(sent).toHaveLength(10);
  });
});
