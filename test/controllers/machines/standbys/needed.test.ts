import { expect, test } from 'vitest';
import { isStandbyNeeded, staysDown } from '../../../../controllers/machines/standbys.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import type { MachineUpdate } from '../../../../src/model/plan.ts';
import { stampKeys } from '../../../../src/model/stamps/keys.ts';
import { desiredApp, machine, owner } from '../../../plan/builders.ts';
import { flyAnswering } from '../../answered-fly.ts';

const app = desiredApp();
const well = machine(app, { id: 'well' });
const dark = { ...machine(app, { id: 'dark' }), host_status: 'unreachable', config: null };
const answers: Readonly<Record<string, unknown>> = {
  well,
  dark,
  stopped: { ...well, id: 'stopped', state: 'stopped' },
  gone: { ...dark, id: 'gone', state: 'destroyed' },
};

function passOf() {
  const clock = new IdleClock();
  const fly = flyAnswering(clock, ({ path }) => {
    const id = path.split('/').at(-1) ?? '';
    if (id === 'unread') return Response.json({ error: 'no' }, { status: 403 });
    const found = answers[id.split('-')[0] ?? ''];
    return found === undefined ? Response.json({ error: 'machine not found' }, { status: 404 }) : Response.json(found);
  });
  const successor = machine(app, { id: 'new', metadata: { [stampKeys.replaces]: 'dark-replaced' } });
  const copied = machine(app, { id: 'other', metadata: { [stampKeys.replaces]: 'dark', flycd_fleet: 'another' } });
  const unseen = machine(app, { id: 'unseen', metadata: { [stampKeys.replaces]: 'dark', [stampKeys.unproven]: '1' } });
  const basis = { machines: [successor, copied, unseen] };
  const replaced = new Set(['dark-made-anew']);
  return { app, services: { fly }, fleet: owner, basis, replaced };
}

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
  ['has one on such a host whose successor was healthy before', ['dark-replaced'], false],
  ['has one on such a host that this pass has made anew', ['dark-made-anew'], false],
  ['has one such, and another one that is cut off', ['dark-replaced', 'dark'], true],
])('a standby that %s', async (_words, standbys, isNeeded) => {
  const config = { standbys: standbys === undefined ? undefined : [...standbys] };
  expect(await isStandbyNeeded(passOf(), config)).toBe(isNeeded);
});

const planned = { skipLaunch: true };
const failed = { rests: true, hasFailed: true };
const stopped = { rests: true, hasFailed: false };
const up = { rests: false, hasFailed: false };
const pointed = { standsInFor: { slot: { group: 'web', region: 'arn', number: 1 }, machineId: 'well' } };

test.each<
  readonly [
    string,
    string,
    Partial<Pick<MachineUpdate, 'skipLaunch' | 'standsInFor'>>,
    Parameters<typeof staysDown>[2],
    boolean,
  ]
>([
  ['failed, and its machine is well', 'well', planned, failed, true],
  ['failed, and its machine is cut off', 'dark', planned, failed, false],
  ['failed, and Fly does not say: as planned', 'unread', planned, failed, true],
  ['failed, and Fly does not say: as planned', 'unread', {}, failed, false],
  ['stopped before, whatever Fly says now', 'dark', planned, stopped, true],
  ['stopped since, and its machine is well', 'well', {}, stopped, true],
  ['stopped since, and its machine is cut off', 'dark', {}, stopped, false],
  ['started since', 'well', planned, up, false],
  ['running, whatever Fly says', 'well', {}, up, false],
  ['running, and pointed at a machine that is well', 'well', pointed, up, true],
  ['running, and pointed at one that is cut off', 'dark', pointed, up, false],
  ['running, and pointed at one that Fly does not show', 'unread', pointed, up, false],
  ['running, and pointed at a machine that rests', 'stopped', pointed, up, false],
  ['at rest, and pointed at a machine that rests', 'stopped', { ...planned, ...pointed }, stopped, true],
  ['at rest, and pointed at one that is cut off', 'dark', { ...planned, ...pointed }, stopped, false],
  ['at rest, and pointed at one that Fly does not show', 'unread', { ...planned, ...pointed }, stopped, true],
])('one that is %s (%s) is left down: %o %o %s', async (_words, id, step, now, isDown) => {
  const update = { config: { standbys: [id] }, skipLaunch: false, standsInFor: undefined, ...step };
  expect(await staysDown(passOf(), update, now)).toBe(isDown);
});
