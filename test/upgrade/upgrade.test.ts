import { describe, expect, onTestFinished, test } from 'vitest';
import { arena, type Arena } from '../controllers/arena.ts';
import { holdsIn, openEarlier, savedUpgrade, versions } from './opening.ts';
import { worlds, type EarlierWorld } from './worlds.ts';

async function opened(version: string, world: EarlierWorld): Promise<Arena> {
  const place = await arena({ repository: world.repository ?? false });
  onTestFinished(() => place.close());
  await openEarlier(place, version, world);
  return place;
}

/** Which version of it runs, and since when. */
function running({ simulator }: Arena): Readonly<Record<string, string>> {
  const machines = [...simulator.world.apps.values()].flatMap((app) => [...app.machines.values()]);
  return Object.fromEntries(
    machines.map(({ app, name, instanceId, state, events }) => {
      const started = events.find(({ type, status }) => type === 'start' && status === 'started')?.timestamp;
      return [`${app.name} ${name}`, `${instanceId} ${state} since ${started}`];
    }),
  );
}

/** Labels, and the lease behind which they are written: nothing else may be asked of Fly. */
const labels: ReadonlySet<string> = new Set([
  'PATCH /apps/{app}/machines/{machine}/metadata',
  'POST /apps/{app}/machines/{machine}/metadata/{key}',
  'DELETE /apps/{app}/machines/{machine}/metadata/{key}',
]);

interface Planned {
  readonly apps: readonly { readonly app: string; readonly steps: readonly { readonly kind: string }[] }[];
}

const stepsIn = (diff: string): readonly string[] =>
  (JSON.parse(diff) as Planned).apps.flatMap(({ app, steps }) => steps.map(({ kind }) => `${app} ${kind}`));

/** Machines that the earlier version had still to update when it was killed. */
const unfinished: Readonly<Record<string, readonly string[]>> = { 'half-way': ['shop web-arn-2-g1'] };

const whole = worlds.filter(({ name }) => unfinished[name] === undefined);
/** Milliseconds. The first of them loads all of FlyCD, perhaps while others work on the machine. */
const timeout = 60_000;
const databases = [
  ['its database', 'state'],
  ['an empty database', 'another-state'],
] as const;

describe.each(versions)('left by %s, taken by this version', (version) => {
  describe.each(databases)('with %s', (_which, state) => {
    test.each(whole)('$name: nothing restarts, and nothing is held that was not', { timeout }, async (world) => {
      const place = await opened(version, world);
      const before = running(place);
      expect(Object.keys(before).length).toBeGreaterThan(0);
      const { holds } = savedUpgrade(version, world.name);
      expect(holdsIn((await place.flycd(['diff', '--output', 'json'], state)).stdout)).toEqual(holds);
      const { code, stdout, stderr } = await place.flycd(['sync', '--once'], state);
      expect(code, stderr + stdout).toBe(Object.keys(holds).length > 0 ? 4 : 0);
      const written = place.simulator.world.writes().map(({ template }) => template);
      expect([...new Set(written)].filter((template) => !labels.has(template))).toEqual([]);
      expect(running(place)).toEqual(before);
      const after = await place.flycd(['diff', '--output', 'json'], state);
      expect(stepsIn(after.stdout)).toEqual([]);
      expect(holdsIn(after.stdout)).toEqual(holds);
    });

    test('half-way: goes on where it was cut short, with the machines that are left', { timeout }, async () => {
      const world = worlds.find(({ name }) => name === 'half-way');
      if (world === undefined) throw new Error('there is no such world');
      const place = await opened(version, world);
      const before = running(place);
      const { code, stdout, stderr } = await place.flycd(['sync', '--once'], state);
      expect(code, stderr + stdout).toBe(0);
      const now = running(place);
      expect(Object.keys(now)).toEqual(Object.keys(before));
      expect(Object.keys(now).filter((name) => now[name] !== before[name])).toEqual(unfinished['half-way']);
      expect(stepsIn((await place.flycd(['diff', '--output', 'json'], state)).stdout)).toEqual([]);
    });
  });
});
