import { arena, type ArenaOptions, type Files } from './arena.ts';

/**
 * Which call of a sync is the nth of that template (from 1), after these commits were synced.
 */
export async function callOf(
  template: string,
  nth: number,
  world: { readonly before: readonly Files[]; readonly files: Files; readonly options?: ArenaOptions },
): Promise<number> {
  const it = await arena({ orderly: true, ...world.options });
  try {
    for (const files of world.before) {
      it.write(files);
      await it.flycd(['sync', '--once']);
    }
    it.write(world.files);
    const { requests } = it.simulator.world;
    const first = requests.length;
    await it.flycd(['sync', '--once']);
    const calls = requests.slice(first).flatMap((call, index) => (call.template === template ? [index + 1] : []));
    const found = calls[nth - 1];
    if (found === undefined) throw new Error(`that sync has ${calls.length} calls of ${template}, not ${nth}`);
    return found;
  } finally {
    await it.close();
  }
}
