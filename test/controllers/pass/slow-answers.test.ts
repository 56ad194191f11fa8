/** An answer that took long tells how it was when Fly was asked, at the latest when it came: nobody knows which of them. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createMachine } from '../../../controllers/machines/create.ts';
import { lockApp } from '../../../controllers/pass/app-lock.ts';
import { checkStillAsPlanned } from '../../../controllers/pass/before-sent.ts';
import { checkOwner, isUnseen, keepIfFirst } from '../../../controllers/pass/beginning.ts';
import { createOnce } from '../../../controllers/pass/intents.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { desiredApp, machine } from '../../plan/builders.ts';
import { passOver } from './passes.ts';

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
  await createOnce(pass, { kind: 'volume.create', target: 'data', there: 0, list, idOf: (id) => id, create });
  expect(asked).toEqual(['list', 'list', 'create']);
});
