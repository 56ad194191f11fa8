import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { shownApp } from '../../../controllers/app/plan-app.ts';
import { longAgo } from '../../../src/model/base/moment.ts';
import type { ObservedApp, Reading } from '../../../src/model/observed.ts';

const unread = { status: 'unread', reason: 'no answer' } as const;
const none = { status: 'read', value: [] } as const;
const machine = (fleet: string, state = 'started') =>
  ({ id: 'm', state, config: { metadata: { flycd_fleet: fleet } } }) as unknown as Machine;

const seen = (app: ObservedApp['app'], machines: Reading<readonly Machine[]> = none): ObservedApp => ({
  name: 'shop',
  askedAt: longAgo,
  flyAheadMs: 0,
  app,
  id: 'id',
  machines,
  volumes: none,
  secrets: none,
  addresses: none,
});
const present = { status: 'read', value: { state: 'present', app: { name: 'shop' } } } as const;
const read = (...value: readonly Machine[]) => ({ status: 'read', value }) as const;

describe('which app Fly shows', () => {
  test.each([
    ['is not known where the app could not be read', seen(unread), undefined],
    ['is not known where its machines could not be read', seen(present, unread), undefined],
    ['is none where Fly has none', seen({ status: 'read', value: { state: 'absent' } }), [false, false]],
    ['is one where the name is taken', seen({ status: 'read', value: { state: 'taken' } }), [true, false]],
    ['is not proven to be ours without a machine', seen(present), [true, false]],
    ['is proven by a machine of ours', seen(present, read(machine('lives'))), [true, true]],
    ['is not proven by a machine of another fleet', seen(present, read(machine('other'))), [true, false]],
    ['is not proven by one on its way out', seen(present, read(machine('lives', 'destroyed'))), [true, false]],
  ])('%s', (_what, observed, told) => {
    const shown = shownApp(observed, { name: 'lives' });
    expect(shown && [shown.isThere, shown.isStamped]).toEqual(told);
    expect(shown?.id).toBe(told === undefined ? undefined : 'id');
  });
});
