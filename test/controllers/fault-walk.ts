import { expect } from 'vitest';
import type { FaultKind } from '../../simulator/world/fault-answers.ts';
import { prepared, type Files } from './arena.ts';

/** Nothing done and said so, nothing done and nobody knows, done and nobody knows. */
const faultKinds: readonly Extract<FaultKind, string>[] = ['429', '500', 'reset-before', 'reset-after', '408-after'];

/** What one pass leaves undone, the next ones mend. */
const syncsMax = 3;

interface WritingCall {
  readonly template: string;
  /** Which of its kind, from 1. */
  readonly nth: number;
}

/** By digest: which machine is sent a bare tag first depends on what failed before it, and would show in the end state. */
function pinned(files: Files): Files {
  const digest = `sha256:${'5'.repeat(64)}`;
  return Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path, text.replace(/(image: \S+)/, `$1@${digest}`)]),
  );
}

/** The calls that change something, leases included, of a sync that nothing disturbs, and what it leaves. */
async function undisturbed(
  before: readonly Files[],
  files: Files,
): Promise<{ readonly calls: readonly WritingCall[]; readonly endState: unknown }> {
  const world = await prepared(before.map(pinned), pinned(files));
  try {
    const { requests } = world.simulator.world;
    const first = requests.length;
    const { code, stderr } = await world.flycd(['sync', '--once']);
    expect(code, stderr).toBe(0);
    const counts = new Map<string, number>();
    const calls = requests
      .slice(first)
      .filter(({ method }) => method !== 'GET')
      .map(({ template }) => {
        const nth = (counts.get(template) ?? 0) + 1;
        counts.set(template, nth);
        return { template, nth };
      });
    return { calls, endState: await world.endState() };
  } finally {
    await world.close();
  }
}

/**
 * Strikes each writing call in turn with each fault; after at most two more syncs everything is as an undisturbed sync
 * leaves it, nothing doubled, and a plan after it is empty. Answers how many calls were struck, and how many of these
 * syncs ended well by themselves.
 */
export async function walkFaults(
  before: readonly Files[],
  files: Files,
): Promise<{ readonly calls: number; readonly struck: number; readonly atOnce: number }> {
  const { calls, endState } = await undisturbed(before, files);
  let struck = 0;
  let atOnce = 0;
  for (const call of calls) {
    for (const fault of faultKinds) {
      const where = `${fault} at the ${call.nth}. ${call.template}`;
      const world = await prepared(before.map(pinned), pinned(files));
      try {
        world.simulator.world.faults.add({ ...call, fault });
        let said = '';
        let code = -1;
        let syncs = 0;
        while (code !== 0 && syncs < syncsMax) {
          const ran = await world.flycd(['sync', '--once']);
          ({ code } = ran);
          said += ran.stderr + ran.stdout;
          syncs += 1;
        }
        expect(
          world.simulator.world.faults.list().map(({ hit }) => hit),
          where,
        ).toEqual([1]);
        expect(code, `${where}\n${said}`).toBe(0);
        expect(await world.endState(), `${where}\n${said}`).toEqual(endState);
        const diff = await world.flycd(['diff']);
        expect(diff.code, `${where}\n${diff.stdout}`).toBe(0);
        struck += 1;
        if (syncs === 1) atOnce += 1;
      } finally {
        await world.close();
      }
    }
  }
  return { calls: calls.length, struck, atOnce };
}
