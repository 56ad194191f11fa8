/** What the platform does to everybody during one pass. */
import type { FaultRule } from '../../../simulator/world/faults.ts';
import type { FaultKind } from '../../../simulator/world/fault-answers.ts';
import { hostDown, hostUp, migrate } from '../../../simulator/machines/host-failures.ts';
import { ruleChecks } from '../../../simulator/machines/lifecycle.ts';
import { foreignLease } from '../../../simulator/api/machine-leases.ts';
import type { World } from '../../../simulator/world/world.ts';
import type { Dice } from './dice.ts';
import { isAlive } from '../checks/comparison.ts';

const refusals = ['429', '500', '502', '503', 'reset-before', 'reset-after', '408-before', '408-after'] as const;

/** Answers that go wrong here and there: a third of the rules one call in a kind, the others some of all calls. */
function faulty(dice: Dice, world: World): string {
  const fault: FaultKind = dice.pick(refusals);
  const rule: FaultRule = dice.hit(0.5)
    ? { fault, probability: dice.pick([0.02, 0.05, 0.1]), times: dice.between(1, 6) }
    : { fault, template: dice.pick(writes), nth: dice.between(1, 3) };
  world.faults.add(rule);
  return `${fault} ${rule.template ?? 'anywhere'}`;
}

const writes = [
  'POST /apps',
  'POST /apps/{app}/machines',
  'POST /apps/{app}/machines/{machine}',
  'DELETE /apps/{app}/machines/{machine}',
  'PATCH /apps/{app}/machines/{machine}/metadata',
  'POST /apps/{app}/machines/{machine}/lease',
  'DELETE /apps/{app}/machines/{machine}/lease',
  'POST /apps/{app}/volumes',
  'PUT /apps/{app}/volumes/{volume}/extend',
  'POST /apps/{app}/secrets',
  'POST /apps/{app}/ip_assignments',
  'GET /apps/{app}/machines/{machine}/wait',
] as const;

function slow(dice: Dice, world: World): string {
  const latencyMs = dice.pick([200, 2000, 6000]);
  world.faults.add({ fault: { latencyMs }, probability: 0.2 });
  return `${latencyMs} ms more for one call in five`;
}

function stuck(dice: Dice, world: World): string {
  const state = dice.pick(['starting', 'replacing', 'stopping', 'destroying']);
  const extraMs = dice.pick([3000, 20_000]);
  world.pace.add({ state, extraMs, times: dice.between(1, 2) });
  return `machines stay ${state} ${extraMs / 1000} s longer`;
}

function full(dice: Dice, world: World): string {
  const region = dice.pick(['arn', 'ams']);
  world.capacity.set(region, 0);
  return `no room in ${region}`;
}

function behind(dice: Dice, world: World): string {
  const listMs = dice.pick([1000, 5000]);
  world.lag.set({ listMs });
  return `lists are ${listMs / 1000} s behind`;
}

function leased(dice: Dice, world: World): string | undefined {
  const machine = dice.one(machinesOf(world));
  if (machine === undefined) return undefined;
  const ttlSeconds = dice.pick([13, 60]);
  foreignLease(world, machine, { ttlSeconds });
  return `somebody leases ${machine.name} for ${ttlSeconds} s`;
}

function lost(dice: Dice, world: World): string | undefined {
  const machine = dice.one(machinesOf(world));
  if (machine === undefined) return undefined;
  hostDown(world, machine.host);
  return `host ${machine.host} of ${machine.name} is down`;
}

function unwell(dice: Dice, world: World): string | undefined {
  const machine = dice.one(machinesOf(world).filter(({ state }) => state === 'started'));
  if (machine === undefined) return undefined;
  const rule = dice.pick(['fail', 'flap'] as const);
  ruleChecks(world, machine, rule);
  return `checks of ${machine.name} ${rule}`;
}

function moved(dice: Dice, world: World): string | undefined {
  const machine = dice.one(machinesOf(world));
  const isOurs = machine?.config.metadata?.['flycd_fleet'] !== undefined;
  if (machine === undefined || machine.hostStatus !== 'ok' || !isOurs) return undefined;
  migrate(world, machine);
  return `${machine.name} moves to ${machine.host}`;
}

function blind(_dice: Dice, world: World): string {
  world.errorRegions.add('arn');
  return 'lists of the organization leave arn out';
}

function expired(_dice: Dice, world: World): string {
  for (const token of world.tokens.keys()) world.expireToken(token);
  return 'the token has expired';
}

const weathers = [
  unwell,
  moved,
  blind,
  expired,
  faulty,
  faulty,
  faulty,
  slow,
  stuck,
  full,
  behind,
  leased,
  lost,
] as const;

/** undefined: nothing came of it. */
export function strike(dice: Dice, world: World): string | undefined {
  return dice.pick(weathers)(dice, world);
}

export function clearUp(world: World): void {
  world.faults.clear();
  world.pace.clear();
  world.capacity.clear();
  world.errorRegions.clear();
  for (const grant of world.tokens.values()) delete grant.expiresAt;
  for (const machine of machinesOf(world)) if (machine.checkRule !== undefined) ruleChecks(world, machine, undefined);
  world.lag.set({});
  for (const host of world.hostsDown) hostUp(world, host);
}

function machinesOf(world: World) {
  return [...world.apps.values()]
    .flatMap((app) => [...app.machines.values()])
    .filter(isAlive)
    .toSorted((a, b) => a.sequence - b.sequence);
}
