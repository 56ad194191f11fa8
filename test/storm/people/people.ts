/** What people do to the same apps by hand while FlyCD works. */
import { idle } from '../../../simulator/machines/autostop.ts';
import { stop, suspend } from '../../../simulator/machines/lifecycle.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import type { FlyctlActor } from '../../../simulator/flyctl/actor.ts';
import type { World } from '../../../simulator/world/world.ts';
import type { Dice } from '../world/dice.ts';
import type { AppIdea, FleetIdea } from '../world/fleet.ts';
import { isLater } from '../world/themes.ts';
import { isAlive } from '../checks/comparison.ts';
import { groupOf, membersOf, type Watch } from '../checks/watch.ts';

export interface Town {
  readonly world: World;
  /** The hands of all of them. */
  readonly flyctl: FlyctlActor;
  readonly fleet: FleetIdea;
  readonly watch: Watch;
  /** Volumes made, secrets set and groups scaled by hand: `app/volume name`, `app/PASSWORD`, `app/group`. */
  readonly byHand: Map<string, number>;
}

/** Does something and says what; undefined: there was nothing to do it to. */
type Act = (dice: Dice, town: Town, app: AppIdea, machine: Machine) => string | undefined;

const update: Act = (dice, { flyctl }, app, machine) => {
  const value = `by hand ${dice.below(1000)}`;
  void flyctl.update(app.name, { machine: machine.id, config: { env: { GREETING: value } } });
  return `fly machine update ${machine.name} --env GREETING="${value}"`;
};

const resize: Act = (dice, { flyctl }, app) => {
  const memoryMb = dice.pick([512, 1024, 2048]);
  void flyctl.scaleMemory(app.name, { memoryMb });
  return `fly scale memory ${memoryMb} -a ${app.name}`;
};

const destroy: Act = (_dice, { flyctl, byHand }, app, machine) => {
  byHand.set(`${app.name}/${groupOf(machine)}`, 1);
  void flyctl.destroy(app.name, { machine: machine.id });
  return `fly machine destroy ${machine.name} --force`;
};

const stopIt: Act = (dice, { world }, _app, machine) => {
  if (machine.state !== 'started' || machine.hostStatus !== 'ok') return undefined;
  const suspends = dice.hit(0.3);
  (suspends ? suspend : stop)(world, machine);
  return `fly machine ${suspends ? 'suspend' : 'stop'} ${machine.name}`;
};

/** What its group's volumes are, now or once git mounts them: then FlyCD gives one to each machine. */
function volumesOf(machine: Machine): string {
  const name = machine.config.mounts?.[0]?.name ?? `${groupOf(machine)}_data`;
  return `${machine.app.name}/${name} in ${machine.region}`;
}

function madeVolumes(byHand: Map<string, number>, what: string, count: number): void {
  byHand.set(what, (byHand.get(what) ?? 0) + count);
}

const clone: Act = (_dice, { flyctl, byHand }, app, machine) => {
  byHand.set(`${app.name}/${groupOf(machine)}`, 1);
  madeVolumes(byHand, volumesOf(machine), 1);
  void flyctl.clone(app.name, { machine: machine.id });
  return `fly machine clone ${machine.name}`;
};

const scaleCount: Act = (dice, { flyctl, byHand }, app, machine) => {
  const count = dice.between(1, 3);
  const group = groupOf(machine);
  byHand.set(`${app.name}/${group}`, 1);
  madeVolumes(byHand, volumesOf(machine), count);
  void flyctl.scaleCount(app.name, { count, group });
  return `fly scale count ${group}=${count} -a ${app.name}`;
};

const deploy: Act = (dice, { flyctl }, app) => {
  const image = `docker.io/library/app:by-hand-${dice.below(1000)}`;
  void flyctl.deploy(app.name, { image });
  return `fly deploy -a ${app.name} --image ${image}`;
};

const secret: Act = (dice, { flyctl, watch, byHand }, app) => {
  if (app.secret === undefined) return undefined;
  const stage = dice.hit(0.5);
  watch.disturbed(app.name);
  byHand.set(`${app.name}/PASSWORD`, 1);
  void flyctl.setSecrets(app.name, { values: { PASSWORD: `by-hand-${dice.below(1000)}` }, stage });
  return `fly secrets set PASSWORD -a ${app.name}${stage ? ' --stage' : ''}`;
};

const releaseAddress: Act = (dice, { world, flyctl }, app) => {
  const ip = dice.one([...(world.apps.get(app.name)?.addresses.keys() ?? [])]);
  if (ip === undefined) return undefined;
  void flyctl.releaseAddress(app.name, { ip });
  return `fly ips release ${ip} -a ${app.name}`;
};

const goIdle: Act = (_dice, { world }, app) => {
  const found = world.apps.get(app.name);
  const stopped = found === undefined ? [] : idle(world, found);
  return stopped.length === 0 ? undefined : `the proxy stops ${stopped.map(({ name }) => name).join(', ')}`;
};

const acts = [
  stopIt,
  update,
  update,
  resize,
  destroy,
  destroy,
  clone,
  scaleCount,
  deploy,
  secret,
  releaseAddress,
  goIdle,
] as const;

/** flyctl's other strategies, which make machines beside those that run. */
const deployBeside: Act = (dice, { flyctl, byHand }, app) => {
  const image = `docker.io/library/${dice.hit(0.2) ? 'failing-check' : 'app'}:by-hand-${dice.below(1000)}`;
  const strategy = dice.pick(['canary', 'bluegreen'] as const);
  for (const group of Object.keys(app.groups)) byHand.set(`${app.name}/${group}`, 1);
  void flyctl.deploy(app.name, { image, strategy });
  return `fly deploy -a ${app.name} --image ${image} --strategy ${strategy}`;
};

const emptyGroup: Act = (_dice, { flyctl, world, byHand, watch }, app, machine) => {
  const group = groupOf(machine);
  byHand.set(`${app.name}/${group}`, 1);
  void flyctl.scaleCount(app.name, { count: 0, group }).then(({ ok }) => {
    // In the middle of a pass nobody knows what that saw.
    if (ok && watch.isCalm() && membersOf(world, app.name, group).length === 0) watch.emptying.emptied(app.name, group);
  });
  return `fly scale count ${group}=0 -a ${app.name}`;
};

/** By a fly.toml that has a group less, one more, or one under another name than what runs. */
const deployGroups: Act = (dice, { flyctl, world, byHand }, app, machine) => {
  const alive = [...machine.app.machines.values()].filter(isAlive);
  const live = new Map(
    alive.map((one) => [groupOf(one), one.config] as const).filter(([group]) => group in app.groups),
  );
  const [lost] = live.keys();
  const kind = dice.pick(['adds', 'removes', 'renames'] as const);
  const { services: _services, checks: _checks, mounts: _mounts, standbys: _standbys, ...plain } = machine.config;
  const kept = [...live].filter(([group]) => kind === 'adds' || group !== lost);
  const made = kind === 'removes' ? [] : [['by-hand', plain] as const];
  if (world.apps.get(app.name)?.status === 'pending' || kept.length + made.length === 0) return undefined;
  for (const group of Object.keys(app.groups)) byHand.set(`${app.name}/${group}`, 1);
  const configs = Object.fromEntries([...kept, ...made].map(([group, config]) => [group, { ...config, metadata: {} }]));
  const highAvailability = dice.hit(0.5);
  void flyctl.deploy(app.name, { configs, highAvailability });
  return `fly deploy -a ${app.name}, whose fly.toml ${kind} a group: ${Object.keys(configs).join(', ')}`;
};

const pause: Act = (_dice, { flyctl, world }, app) => {
  const isPaused = world.apps.get(app.name)?.status === 'suspended';
  void (isPaused ? flyctl.resumeApp(app.name) : flyctl.pauseApp(app.name));
  return `fly apps ${isPaused ? 'resume' : 'suspend'} ${app.name}`;
};

/** What later seeds know besides. */
const laterActs = [...acts, deployBeside, deployBeside, deployBeside] as const;
/** From this seed on people empty groups, deploy others and suspend apps: those before it are on the list of what broke. */
const groupsSeed = 1_010_000;
const groupActs = [...laterActs, emptyGroup, emptyGroup, deployGroups, deployGroups, pause] as const;

function actsOf(seed: number): readonly [Act, ...Act[]] {
  if (seed >= groupsSeed) return groupActs;
  return isLater(seed) ? laterActs : acts;
}

/** One thing done by hand to one app of the fleet that is there. */
export function act(dice: Dice, town: Town, seed: number): string | undefined {
  const app = dice.one(town.fleet.apps);
  const machines = [...(town.world.apps.get(app?.name ?? '')?.machines.values() ?? [])].filter(
    (machine) => isAlive(machine) && machine.config.metadata?.['flycd_fleet'] === town.watch.fleetName,
  );
  const machine = dice.one(machines.toSorted((a, b) => a.sequence - b.sequence));
  if (app === undefined || machine === undefined) return undefined;
  return dice.pick(actsOf(seed))(dice, town, app, machine);
}
