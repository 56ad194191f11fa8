import { expect, test } from 'vitest';
import { isStandbyNeeded } from '../../../../controllers/machines/standbys.ts';
import type { AppPass } from '../../../../controllers/pass/app-pass.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { desiredApp, machine } from '../../../plan/builders.ts';
import { flyAnswering } from '../../answered-fly.ts';

const app = desiredApp();
const well = machine(app, { id: 'well' });
const dark = { ...machine(app, { id: 'dark' }), host_status: 'unreachable', config: null };
const answers: Readonly<Record<string, unknown>> = { well, dark, gone: { ...dark, id: 'gone', state: 'destroyed' } };

test.each<readonly [string, readonly string[] | undefined, boolean | undefined]>([
  ['stands in for nobody', undefined, undefined],
  ['has a machine that is well', ['well'], false],
  ['has a machine on a host that does not answer', ['dark'], true],
  ['has a machine that is destroyed there', ['gone'], false],
  ['has a machine that Fly does not have', ['none'], false],
  ['has two, one of them on such a host', ['well', 'dark'], true],
  ['has one on such a host, and one that Fly does not show', ['dark', 'unread'], true],
  ['has one that is well, and one that Fly does not show', ['well', 'unread'], undefined],
  ['has one that Fly does not show', ['unread'], undefined],
])('a standby that %s', async (_words, standbys, isNeeded) => {
  const clock = new IdleClock();
  const fly = flyAnswering(clock, ({ path }) => {
    const id = path.split('/').at(-1) ?? '';
    if (id === 'unread') return Response.json({ error: 'no' }, { status: 403 });
    const found = answers[id];
    return found === undefined ? Response.json({ error: 'machine not found' }, { status: 404 }) : Response.json(found);
  });
  const pass = { app, services: { fly } } as unknown as AppPass;
  expect(await isStandbyNeeded(pass, { standbys: standbys === undefined ? undefined : [...standbys] })).toBe(isNeeded);
});
