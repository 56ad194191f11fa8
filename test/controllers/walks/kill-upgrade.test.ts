import { describe, expect, test } from 'vitest';
import type { Arena } from '../arena.ts';
import { openEarlier, savedUpgrade, versions } from '../../upgrade/opening.ts';
import { worlds } from '../../upgrade/worlds.ts';
import { heirs, walk } from '../kill-walk.ts';

/** Machines of a world that may get a new version: what the earlier one had begun. */
const unfinished: Readonly<Record<string, number>> = { 'half-way': 1 };

function versionsOf({ simulator }: Arena): readonly string[] {
  return simulator.world.snapshot().flatMap(({ machines }) => machines.map(({ id, version }) => `${id} ${version}`));
}

describe.each(versions)('what %s left, taken by this version that is killed at each API call', (version) => {
  describe.each(heirs)('then by %s: as undisturbed', (_who, heir) => {
    test.each(worlds)('$name', { timeout: 240_000 }, async (world) => {
      const isHeld = Object.keys(savedUpgrade(version, world.name).holds).length > 0;
      const before = new Map<Arena, readonly string[]>();
      const calls = await walk({
        before: [],
        files: {},
        options: { repository: world.repository ?? false },
        async prepare(place) {
          await openEarlier(place, version, world);
          before.set(place, versionsOf(place));
        },
        settled(place) {
          const now = versionsOf(place);
          const moved = before.get(place)?.filter((one) => !now.includes(one));
          expect(moved).toHaveLength(unfinished[world.name] ?? 0);
        },
        heir,
        // Five apps that are looked at in the same way.
        every: world.name === 'held' ? 10 : 1,
        codes: isHeld ? { whole: 4, next: [4], diff: 4 } : { whole: 0, next: [0], diff: 0 },
      });
      expect(calls).toBeGreaterThan(1);
    });
  });
});
