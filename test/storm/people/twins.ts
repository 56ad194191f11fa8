/** What people make on Fly beside FlyCD: an address or a volume that is equal to one of its own. */
import type { Dice } from '../world/dice.ts';
import { dice } from '../world/dice.ts';
import type { FleetIdea } from '../world/fleet.ts';
import type { Town } from './people.ts';

/** In these storms people make twins. */
export function hasTwins(seed: number, hasWords: boolean): boolean {
  return !hasWords && dice(seed, 'twins').hit(0.2);
}

/** Apps that list what they want and prune the rest: there a twin is one too many. */
export function pruning(dice: Dice, fleet: FleetIdea): FleetIdea {
  return {
    apps: fleet.apps.map((app) => (dice.hit(0.7) ? { ...app, ips: app.ips ?? ['v6'], prune: ['addresses'] } : app)),
  };
}

/** One twin of something that is there, in an app of the fleet. undefined: there was nothing to make one of. */
export function makeTwin(dice: Dice, town: Town): string | undefined {
  const app = dice.one(town.fleet.apps)?.name ?? '';
  const there = town.world.apps.get(app);
  if (there === undefined) return undefined;
  const volume = dice.one([...there.volumes.values()].filter(({ deletedAt }) => deletedAt === undefined));
  if (volume !== undefined && dice.hit(0.5)) {
    const { name, region, sizeGb } = volume;
    const what = `${app}/${name} in ${region}`;
    town.byHand.set(what, (town.byHand.get(what) ?? 0) + 1);
    void made(town, app, () => town.flyctl.createVolume(app, { name, region, sizeGb }));
    return `fly volumes create ${name} --region ${region} -a ${app}`;
  }
  const address = dice.one([...there.addresses.values()]);
  if (address === undefined) return undefined;
  const { kind: type } = address;
  town.byHand.set(`${app}/${type}`, (town.byHand.get(`${app}/${type}`) ?? 0) + 1);
  void made(town, app, () => town.flyctl.allocateAddress(app, { type }));
  return `fly ips allocate ${type} -a ${app}`;
}

/** Tells what came of it apart from what FlyCD makes: a hand's call takes no time. */
async function made({ world, watch }: Town, app: string, make: () => Promise<unknown>): Promise<void> {
  const things = (): readonly string[] => {
    const there = world.apps.get(app);
    return [...(there?.addresses.keys() ?? []), ...(there?.volumes.keys() ?? [])];
  };
  const before = new Set(things());
  await make();
  for (const thing of things()) if (!before.has(thing)) watch.keeping.madeByHand(thing);
}
