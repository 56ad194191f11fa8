import { expect } from 'vitest';
import { prepared, type Arena, type ArenaOptions, type Files } from './arena.ts';

export interface Walk {
  /** Commits synced before, and the one there is at the end. */
  readonly before: readonly Files[];
  readonly files: Files;
  readonly options?: ArenaOptions;
  /** Done to the world after `before` and before the command: what somebody makes by hand, what goes from the config. */
  readonly prepare?: (world: Arena) => Promise<void>;
  /** What the undisturbed end state has to be, so that a walk that does nothing is seen. */
  readonly judge?: (endState: unknown) => void;
  /** What each world has to be at its end beside that: what an end state leaves out. */
  readonly settled?: (world: Arena) => void;
  /** What others do when it has ended or died, and when who goes on has ended. */
  readonly between?: (world: Arena) => Promise<void>;
  /** What has to go well when all else has been seen. */
  readonly after?: (world: Arena, where: string) => Promise<void>;
  /** What is the same in all end states. Default: everything. */
  readonly compared?: (endState: unknown) => unknown;
  /** Kills at each of so many calls, where many of them are alike. Default: at every one. */
  readonly every?: number;
  /** Names the data directory of who goes on: another one has lost the database. Default: the same. */
  readonly heir?: string;
  /** What dies, and what goes on. Default: `sync --once`. */
  readonly argv?: readonly string[];
  readonly next?: readonly string[];
  /** Exit codes: undisturbed, of who goes on, of a diff at the end. Default: 0. */
  readonly codes?: { readonly whole: number; readonly next: readonly number[]; readonly diff: number };
}

/** Who goes on, with the name of its data directory. */
export const heirs = [
  ['one that has lost the database', 'another-state'],
  ['the same FlyCD', 'state'],
] as const;

const syncOnce = ['sync', '--once'];
const same = (endState: unknown): unknown => endState;
const clean = { whole: 0, next: [0], diff: 0 };

async function begun({ before, files, options, prepare }: Walk): Promise<Arena> {
  const world = await prepared(before, files, options);
  try {
    await prepare?.(world);
    return world;
  } catch (error) {
    await world.close();
    throw error;
  }
}

/** A command that is interrupted nowhere, and what it leaves. */
async function undisturbed(walk: Walk): Promise<{ readonly calls: number; readonly endState: unknown }> {
  const world = await begun(walk);
  try {
    const { calls, ran } = await world.mortalFlycd(walk.argv ?? syncOnce);
    expect(ran?.code, `${ran?.stderr}${ran?.stdout}`).toBe((walk.codes ?? clean).whole);
    await walk.between?.(world);
    const endState = await world.endState();
    walk.settled?.(world);
    await walk.after?.(world, 'undisturbed');
    return { calls, endState };
  } finally {
    await world.close();
  }
}

/**
 * Dies at every call in turn, before it is sent and, but for one that only reads, after Fly has done it; then whoever goes on has to leave what an
 * undisturbed one leaves, and a plan after it says the same. Answers how many calls there are.
 */
export async function walk(asked: Walk): Promise<number> {
  const { heir = 'state', every = 1, argv = syncOnce, next = syncOnce, codes = clean, compared = same } = asked;
  const { calls, endState } = await undisturbed(asked);
  asked.judge?.(endState);
  for (let call = 1; call <= calls; call += 1) {
    if (call % every !== 1 % every && call !== calls) continue;
    for (const when of ['before', 'after'] as const) {
      const where = `killed ${when} call ${call} of ${calls}`;
      const world = await begun(asked);
      try {
        const { diedAt } = await world.mortalFlycd(argv, { call, when });
        await asked.between?.(world);
        const { code, stderr, stdout } = await world.flycd(next, heir);
        expect(codes.next, `${where}: exit ${code}\n${stderr}${stdout}`).toContain(code);
        await asked.between?.(world);
        expect(compared(await world.endState()), `${where}\n${stderr}${stdout}`).toEqual(compared(endState));
        asked.settled?.(world);
        const diff = await world.flycd(['diff'], heir);
        expect(diff.code, `${where}\n${diff.stdout}`).toBe(codes.diff);
        await asked.after?.(world, where);
        if (isRead(diedAt)) break;
      } finally {
        await world.close();
      }
    }
  }
  return calls;
}

/** Whoever dies with its answer leaves what whoever dies before it leaves. A wait takes time, in which machines move on. */
function isRead(call: string | undefined): boolean {
  return call?.startsWith('GET ') === true && !call.endsWith('/wait');
}

/** The same of a sync that goes well. */
export function walkKills(before: readonly Files[], files: Files, heir = 'state'): Promise<number> {
  return walk({ before, files, heir });
}
