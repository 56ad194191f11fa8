import { expect } from 'vitest';
import { prepared, type Files } from './arena.ts';

/** A sync that is interrupted nowhere, and what it leaves. */
async function undisturbed(
  before: readonly Files[],
  files: Files,
): Promise<{ readonly calls: number; readonly endState: unknown }> {
  const world = await prepared(before, files);
  try {
    const { calls, ran } = await world.mortalFlycd(['sync', '--once']);
    expect(ran?.code, ran?.stderr).toBe(0);
    return { calls, endState: await world.endState() };
  } finally {
    await world.close();
  }
}

/**
 * Dies at every call in turn, before it is sent and after Fly has done it; then one `sync --once` has to leave what an
 * undisturbed one leaves, and a plan after it is empty. Answers the number of calls walked. `heir` names the data directory
 * of who goes on: another one has lost the database.
 */
export async function walkKills(before: readonly Files[], files: Files, heir = 'state'): Promise<number> {
  const { calls, endState } = await undisturbed(before, files);
  for (let call = 1; call <= calls; call += 1) {
    for (const when of ['before', 'after'] as const) {
      const where = `killed ${when} call ${call} of ${calls}`;
      const world = await prepared(before, files);
      try {
        await world.mortalFlycd(['sync', '--once'], { call, when });
        const { code, stderr, stdout } = await world.flycd(['sync', '--once'], heir);
        expect(code, `${where}\n${stderr}${stdout}`).toBe(0);
        expect(await world.endState(), where).toEqual(endState);
        const diff = await world.flycd(['diff'], heir);
        expect(diff.code, `${where}\n${diff.stdout}`).toBe(0);
      } finally {
        await world.close();
      }
    }
  }
  return calls;
}
