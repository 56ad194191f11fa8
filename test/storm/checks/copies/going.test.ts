import { expect, test } from 'vitest';
import { goingCopies, type Copied } from './going.ts';

function machine(name: string, slot: string, metadata: Readonly<Record<string, string>> = {}): Copied {
  const stamps = { fly_process_group: 'web', flycd_slot: slot, ...metadata };
  return { id: name, name, region: 'arn', metadata: stamps };
}

const original = machine('web-arn-1-g1', 'web/arn/1', { flycd_machine: 'web-arn-1-g1' });
const second = machine('web-arn-2-g1', 'web/arn/2', { flycd_machine: 'web-arn-2-g1' });
const copy = machine('quiet-dew-1', 'web/arn/1');

function going(machines: readonly Copied[], ...places: readonly string[]): readonly string[] {
  const app = { name: 'app-1', machines };
  return [
    ...goingCopies(
      app,
      places.map((place) => `app-1/${place}`),
    ),
  ];
}

test('a copy goes by a place that no machine has, and its original may lack its id, too', () => {
  expect(going([original, second, copy], 'web/arn/3')).toEqual(['quiet-dew-1']);
  expect(going([machine('web-arn-1-g1', 'web/arn/1'), copy], 'web/arn/2')).toEqual(['quiet-dew-1']);
  expect(going([original, second, copy])).toEqual([]);
});

test.each(['web/arn/1', 'web/arn/2', 'worker/arn/3', 'web/ams/1'])('not by %s, which is another’s', (place) => {
  expect(going([original, second, copy], place)).toEqual([]);
});

test('of two copies neither where one goes: nobody says which', () => {
  const both = [original, copy, machine('old-dew-2', 'web/arn/1')];
  expect(going(both, 'web/arn/2')).toEqual([]);
  expect(going(both, 'web/arn/2', 'web/arn/2')).toEqual([]);
  expect(going(both, 'web/arn/2', 'web/arn/3')).toEqual(['quiet-dew-1', 'old-dew-2']);
});

test.each([
  ['has a name of FlyCD’s', machine('web-arn-1-g2', 'web/arn/1')],
  ['has its own id', machine('quiet-dew-1', 'web/arn/1', { flycd_machine: 'quiet-dew-1' })],
  ['has a place for itself', machine('quiet-dew-1', 'web/arn/4')],
  ['says whose copy it is', machine('quiet-dew-1', 'web/arn/1', { flycd_machine: 'web-arn-1-g1' })],
])('no such copy: it %s', (_, one) => {
  expect(going([original, second, one], 'web/arn/3')).toEqual([]);
});
