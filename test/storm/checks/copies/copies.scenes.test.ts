/** Machines that somebody or FlyCD made beside others, as the invariants see them. */
import { expect, test } from 'vitest';
import type { World } from '../../../../simulator/world/world.ts';
import type { FleetIdea } from '../../world/fleet.ts';
import { app, holding, plain, said, web } from './spoiled.ts';

test('what a deployment by hand left is no finding where a hold names it by its id', async () => {
  let id = '';
  const copied = (world: World): void => {
    id = 'copy';
    const config = { ...web(world).config, image: 'other' };
    world.apps.get('app-1')?.machines.set(id, { ...web(world), id, name: 'copy', config });
  };
  expect(await said(copied)).not.toEqual([]);
  const steps = [{ kind: 'machine.destroy', target: `app-1/${id}`, because: '' }];
  const held = { ...plain, status: 'held', holds: [{ reason: 'flyctl', because: 'left', steps }] };
  expect(await said(copied, [held])).toEqual([]);
});

test.each([
  ['a canary', { fly_canary: 'true' }],
  ['half of a bluegreen deployment', { fly_bluegreen_deployment_tag: '1767225933' }],
])('%s, copied before its original was given its own id, has no place: no slot is there twice', async (_what, left) => {
  const copied = (world: World): void => {
    const original = web(world);
    const { flycd_machine: _id, ...metadata } = original.config.metadata ?? {};
    original.config.metadata = metadata;
    const config = { ...original.config, metadata: { ...metadata, ...left } };
    world.apps.get('app-1')?.machines.set('copy', { ...original, id: 'copy', name: 'quiet-dew-1', config });
  };
  const double = expect.stringMatching(/^app-1: \S+ and \S+ are both web\/arn\/1$/);
  expect(await said(copied, [holding('app-1/copy')])).toEqual([]);
  // A hold on the place says nothing of two in it.
  expect(await said(copied, [holding('app-1/web/arn/1')])).toContainEqual(double);
  expect(await said(copied)).toContainEqual(double);
});

test('a machine and the one made in its place are both there only where git names the app no more', async () => {
  const made = (replaces: string) => (world: World) => {
    const original = web(world);
    const id = '2865421f';
    const metadata = { ...original.config.metadata, flycd_machine: id, flycd_replaces: replaces };
    const next = { ...original, id, name: 'web-arn-1-g2', config: { ...original.config, metadata } };
    world.apps.get('app-1')?.machines.set(id, next);
  };
  const half = (world: World): void => made(web(world).id)(world);
  const none: FleetIdea = { apps: [] };
  const orphaned = [{ ...plain, status: 'orphaned' }];
  const double = expect.stringContaining('are both web/arn/1');
  expect(await said(half, orphaned, new Map(), none)).not.toContainEqual(double);
  expect(await said(made('another'), orphaned, new Map(), none)).toContainEqual(double);
  expect(await said(half)).toContainEqual(double);
});

test('a copy from before its original had its own id goes by the place that a held plan gives it', async () => {
  const copied = (world: World): void => {
    const original = web(world);
    const { flycd_machine: _id, ...metadata } = original.config.metadata ?? {};
    const config = { ...original.config, metadata, image: 'other' };
    world.apps.get('app-1')?.machines.set('copy', { ...original, id: 'copy', name: 'quiet-dew-1', config });
  };
  const step = { kind: 'machine.destroy', target: 'app-1/web/arn/3', because: '' };
  const going = { ...plain, status: 'held', holds: [{ reason: 'flyctl', because: 'changed', steps: [step] }] };
  expect(await said(copied, [going])).toEqual([]);
  expect(await said(copied, [holding('app-1/web/arn/3')])).toHaveLength(2);
});

test('under `drift: off` a copy by hand stays by the name that a note gives it; never one that no note speaks of', async () => {
  const off: FleetIdea = { apps: [{ ...app, drift: 'off' }] };
  const copied = (world: World): void => {
    const original = web(world);
    world.apps.get('app-1')?.machines.set('copy', {
      ...original,
      id: 'copy',
      name: 'quiet-dew-1',
      config: { ...original.config, image: 'other' },
    });
    // In its place, as after a bluegreen deployment.
    original.state = 'destroyed';
  };
  const differs = 'web/arn/2 (copy) differs from git; drift is not healed here (sync.drift: off)';
  const under = (...notes: readonly string[]) => said(copied, [{ ...plain, notes }], new Map(), off);
  expect(await under(differs)).toEqual([]);
  const found = [expect.stringContaining('app-1: quiet-dew-1 runs other')];
  expect(await under()).toEqual(found);
  expect(await under(differs.replace('(copy)', '(another)'))).toEqual(found);
});
