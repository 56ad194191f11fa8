/** Two config repos at work on one organization: theirs comes before, after and beside ours, and both come to rest. */
import { othersAreHeld, originsAreOne, owners, planOf, writtenAgain, type Side } from './checks/owners.ts';
import type { PlannedApp } from './checks/invariants.ts';
import { amiss, written } from './people/hearing.ts';
import { heard, look, passOnce, settles, type Flags } from './passes.ts';
import { tell, wholeFleet, type Rivalry, type Scene } from './scene.ts';
import type { Dice } from './world/dice.ts';
import { grantTokens, rivalCommit, type Rival } from './world/rival.ts';

/** Rounds of both until nothing is left to do; the last one shows that nothing is written any more. */
const calmRoundsMax = 6;

export type Plans = Readonly<Record<Side, readonly PlannedApp[]>>;

/** From now on the other repo is there, and whose each app is is kept in mind. */
export function rivalry(scene: Scene, rival: Rival): Rivalry {
  const { world, watch, byHand } = scene;
  return {
    rival,
    owners: owners({
      world: world.simulator.world,
      tokens: grantTokens(world),
      isHands: (app) => [...byHand.keys()].some((what) => what.startsWith(`${app}/`)),
      moved: () => watch.expect(wholeFleet(scene)),
    }),
  };
}

/** When theirs begins its pass of this round. undefined: there is no other repo. */
export function momentOf({ rivalry }: Scene, dice: Dice): 'before' | 'beside' | 'after' | undefined {
  return rivalry === undefined ? undefined : dice.pick(['before', 'beside', 'beside', 'after'] as const);
}

/** undefined: nothing was committed. */
export function theirCommit({ rivalry, fleet }: Scene, dice: Dice): string | undefined {
  if (rivalry === undefined || !dice.hit(0.5)) return undefined;
  const { rival } = rivalry;
  const next = rivalCommit(dice, rival.fleet, fleet);
  rival.fleet = next.fleet;
  return next.said;
}

/** One pass of theirs, killed now and then. */
export async function theirPass(scene: Scene, dice: Dice): Promise<void> {
  const { rivalry, watch, world } = scene;
  if (rivalry === undefined) return;
  if (dice.hit(0.05)) {
    rivalry.rival.forget();
    watch.keeping.forgotten();
    tell(scene, 'their database is lost');
  }
  const death = dice.hit(0.25)
    ? { call: dice.between(1, 45), when: dice.pick(['before', 'after'] as const) }
    : undefined;
  await world.clock.sleep(dice.pick([0, 0, 300, 3000]));
  const ended = watch.working();
  const { ran, calls } = await rivalry.rival.flycd(['sync', '--once'], death);
  ended();
  scene.passes += 1;
  if (ran === undefined) tell(scene, `their pass: killed ${death?.when} call ${death?.call}`);
  else heard(scene, ran, `their pass (${calls} calls)`);
}

async function theirLook(scene: Scene, { rival }: Rivalry): Promise<readonly PlannedApp[]> {
  const { requests } = scene.world.simulator.world;
  const before = requests.length;
  const { ran } = await rival.flycd(['diff', '--output', 'json']);
  if (ran === undefined) return [];
  scene.findings.push(...amiss(ran, 'their diff'), ...written(requests.slice(before)));
  return ran.stdout === '' ? [] : (JSON.parse(ran.stdout) as { readonly apps: readonly PlannedApp[] }).apps;
}

/** Both in turn until neither has anything to do, and then once more, when neither may write. */
export async function bothSettled(scene: Scene, both: Rivalry, what: string, flags: Flags): Promise<Plans> {
  const { world, watch, findings } = scene;
  const { requests } = world.simulator.world;
  let plans: Plans = { ours: [], theirs: [] };
  let isEmpty = false;
  for (let round = 1; round <= calmRoundsMax; round += 1) {
    const before = requests.length;
    await passOnce(scene, `${what} pass ${round}`, flags);
    const ended = watch.working();
    const { ran } = await both.rival.flycd(['sync', '--once']);
    ended();
    scene.passes += 1;
    if (ran !== undefined) heard(scene, ran, `their ${what} pass ${round}`);
    await settles(scene);
    const again = writtenAgain(requests.slice(before));
    if (isEmpty) findings.push(...again);
    if (isEmpty) break;
    plans = { ours: (await look(scene)) ?? [], theirs: await theirLook(scene, both) };
    isEmpty = [...plans.ours, ...plans.theirs].every(({ steps }) => steps.length === 0);
    if (isEmpty && again.length === 0) break;
  }
  return plans;
}

/** Of both plans what each app's owner says; what the other side says of it is looked at here. */
export function judged(scene: Scene, { owners }: Rivalry, plans: Plans): readonly PlannedApp[] {
  const apps = scene.world.simulator.world.snapshot();
  scene.findings.push(...othersAreHeld(plans, owners), ...originsAreOne(apps, owners));
  return planOf(plans, owners);
}
