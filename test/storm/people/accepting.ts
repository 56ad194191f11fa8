/** What a person agrees to who says `--accept`. */
import { wholeFleet, type Scene } from '../scene.ts';

/** An app that git no longer names goes with all that is in it: a hold has said who else that is. */
export async function accepting<Ran>(
  scene: Pick<Scene, 'world' | 'fleet' | 'rivalry' | 'others'>,
  run: Promise<Ran>,
): Promise<Ran> {
  const { apps } = scene.world.simulator.world;
  const named = new Set(wholeFleet(scene).apps.map(({ name }) => name));
  const unnamed = new Set([...apps.keys()].filter((app) => !named.has(app)));
  const ran = await run;
  scene.others = scene.others.filter(({ app }) => !unnamed.has(app) || apps.has(app));
  return ran;
}
