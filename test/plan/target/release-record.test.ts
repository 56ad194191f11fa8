/** Which record of a release on Fly is the one of what git wants. */
import { describe, expect, test } from 'vitest';
import type { Release } from '../../../schemas/fly/release.ts';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { formatTold, type Told } from '../../../src/model/stamps/stamps.ts';
import { emptyMemory, type RememberedRelease } from '../../../src/model/standing/memory.ts';
import { appConfigVersion } from '../../../src/plan/target/app-version.ts';
import { knownRelease } from '../../../src/plan/target/release-record.ts';
import { desiredApp, image, machine, now, observed, owner } from '../builders.ts';

const desired = desiredApp();
const version = appConfigVersion(desired);
const earlier = 'e'.repeat(32);
const told = (id: string, number: number, of = version): Told => ({ id, number, version: of });
const record = (id: string, number: number, status: string, ref: string | null = image): Release => ({
  id,
  version: number,
  status,
  created_at: new Date(now - 60_000).toISOString(),
  image_ref: ref,
});
const carrying = (release: Told | undefined, more: Parameters<typeof machine>[1] = {}): Machine =>
  machine(desired, {
    ...more,
    metadata: { [stampKeys.told]: release === undefined ? undefined : formatTold(release), ...more.metadata },
  });

interface World {
  readonly machines?: readonly Machine[];
  readonly departed?: readonly Machine[];
  readonly releases?: readonly Release[];
  readonly remembered?: Partial<RememberedRelease>;
  /** Of the app as SQLite and as Fly have it. */
  readonly ids?: readonly [string | undefined, string | undefined];
}

function known({ machines = [], departed = [], releases = [], remembered, ids = [undefined, undefined] }: World) {
  const whole = { ...told('r1', 1), image, isOpen: false, ...remembered };
  const memory = { ...emptyMemory, told: remembered === undefined ? undefined : whole, appId: ids[0] };
  const world = {
    ...observed({ machines }),
    departed,
    releases: { status: 'read', value: releases } as const,
    id: ids[1],
  };
  return knownRelease({ desired, observed: world, memory, fleet: owner, now });
}

describe('the record of what git wants', () => {
  const none = undefined;

  test.each<[string, World, Told | undefined]>([
    [
      'is the newest that a machine names',
      { machines: [carrying(told('r1', 1)), carrying(told('r2', 2))] },
      told('r2', 2),
    ],
    ['is none of another wish', { machines: [carrying(told('r1', 1, earlier))] }, none],
    [
      "is none of another fleet's machine",
      { machines: [carrying(told('r1', 1), { metadata: { flycd_fleet: 'x' } })] },
      none,
    ],
    ['is named by a machine that is gone', { departed: [carrying(told('r1', 1))] }, told('r1', 1)],
    ['of another wish it is not', { departed: [carrying(told('r1', 1, earlier))] }, none],
    ['is remembered', { remembered: {} }, { ...told('r1', 1), image, isOpen: false } as Told],
    ['not of another wish', { remembered: { version: earlier } }, none],
    ['not of another image', { remembered: { image: 'nginx:0' } }, none],
    ['not of an earlier app by the name', { remembered: {}, ids: [undefined, 'app-2'] }, none],
    [
      'of an app whose machine stands there, whatever was not written down',
      { remembered: {}, ids: [undefined, 'app-2'], machines: [carrying(none)] },
      { ...told('r1', 1), image, isOpen: false } as Told,
    ],
    [
      'is the newest, of which nothing has come',
      { releases: [record('r7', 7, 'pending'), record('r6', 6, 'complete')] },
      told('r7', 7),
    ],
    [
      'is the newest wherever it stands in the list',
      { releases: [record('r6', 6, 'complete'), record('r7', 7, 'pending')] },
      told('r7', 7),
    ],
    ['not where something has', { releases: [record('r7', 7, 'running')] }, none],
    ['not where the newest is of another image', { releases: [record('r7', 7, 'pending', 'nginx:0')] }, none],
    [
      'not where somebody has released since',
      { machines: [carrying(told('r1', 1))], releases: [record('r2', 2, 'complete')] },
      none,
    ],
    [
      'also where it is itself the newest',
      { machines: [carrying(told('r2', 2))], releases: [record('r2', 2, 'complete'), record('r1', 1, 'complete')] },
      told('r2', 2),
    ],
  ])('%s', (_what, world, found) => {
    expect(known(world).told).toEqual(found);
  });

  test('none while nobody sees the machines', () => {
    const memory = { ...emptyMemory, told: { ...told('r1', 1), image, isOpen: false } };
    const world = { ...observed(), machines: { status: 'unread', reason: '503' } as const };
    expect(knownRelease({ desired, observed: world, memory, fleet: owner, now }).told).toBeUndefined();
  });
});

describe('what Fly was told of it last', () => {
  const machines = [carrying(told('r2', 2))];

  test.each<[string, World, string | undefined]>([
    ['that it is done', { machines, releases: [record('r2', 2, 'complete')] }, 'complete'],
    ['that it runs', { machines, releases: [record('r2', 2, 'running')] }, 'unfinished'],
    ['that it is to begin', { machines, releases: [record('r2', 2, 'pending')] }, 'unfinished'],
    ['that it failed', { machines, releases: [record('r2', 2, 'failed')] }, undefined],
    ['nothing, as far as it is remembered', { machines, remembered: { ...told('r2', 2), isOpen: true } }, 'unfinished'],
    ['nobody knows', { machines }, undefined],
    ['there is none', { releases: [record('r2', 2, 'complete')] }, undefined],
  ])('%s', (_what, world, status) => {
    expect(known(world).status).toBe(status);
  });
});

describe('one that Fly was not told the end of', () => {
  const left = { ...told('r1', 1, earlier), image: 'nginx:0', isOpen: true };
  const releases = [record('r1', 1, 'running', 'nginx:0')];
  const machines = [carrying(told('r1', 1, earlier)), carrying(told('r2', 2))];

  test.each<[string, World, object | undefined]>([
    ['a machine names it, and it runs', { machines, releases }, left],
    ['a machine that is gone names it', { departed: machines.slice(0, 1), releases }, left],
    ['it is over', { machines, releases: [record('r1', 1, 'complete', 'nginx:0')] }, undefined],
    [
      'it is the one of what git wants',
      { machines: machines.slice(1), releases: [record('r2', 2, 'running')] },
      undefined,
    ],
    [
      "another fleet's machine names it",
      { machines: [carrying(left, { metadata: { flycd_fleet: 'x' } })], releases },
      undefined,
    ],
    ['it is remembered', { remembered: left }, left],
    ['its end is remembered', { remembered: { ...left, isOpen: false } }, undefined],
  ])('%s', (_what, world, open) => {
    expect(known(world).open).toEqual(open);
  });
});
