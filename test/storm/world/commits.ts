import type { Dice } from './dice.ts';
import {
  firstCount,
  goodImage,
  newApp,
  newGroup,
  secretValue,
  type AddressIdea,
  type AppIdea,
  type FleetIdea,
  type GroupIdea,
} from './fleet.ts';

export interface Commit {
  readonly fleet: FleetIdea;
  /** For the story: "app-1: image app:1.3". */
  readonly said: string;
}

export type Change = (dice: Dice, app: AppIdea) => { readonly app: AppIdea; readonly said: string } | undefined;

const appsMax = 3;
const machinesMax = 10;
const tagsMax = 1000;
const envMax = 1000;
const volumeGbMax = 5;

const config: readonly Change[] = [
  (dice, app) => {
    const value = `hello ${dice.below(envMax)}`;
    return { app: { ...app, env: { ...app.env, GREETING: value } }, said: `env GREETING=${value}` };
  },
  (dice, app) => {
    const image = `docker.io/library/app:2.${dice.below(tagsMax)}`;
    return { app: { ...app, image }, said: `image ${image}` };
  },
  (_dice, app) => {
    const memoryMb = app.memoryMb === 512 ? 1024 : 512;
    return { app: { ...app, memoryMb }, said: `memory ${memoryMb} MB` };
  },
  (dice, app) => ({ app: { ...app, comment: `note ${dice.below(tagsMax)}` }, said: 'a comment' }),
];

/** Brought by a good one after it, at the latest when the storm is over. */
const bad: readonly Change[] = [
  (_dice, app) => ({ app: { ...app, broken: true }, said: 'a file that is no document' }),
  (dice, app) => {
    const image = `docker.io/library/${dice.pick(['failing-check', 'crash-loop', 'failing-launch'])}:3.${dice.below(tagsMax)}`;
    return { app: { ...app, image }, said: `image ${image}` };
  },
];

const scale: readonly Change[] = [
  (dice, app) =>
    regrouped(dice, app, (group) => {
      const count = dice.hit(0.1) ? undefined : dice.between(1, 3);
      return { group: { ...group, count }, said: `count ${count ?? 'as it is'}` };
    }),
];

const secrets: readonly Change[] = [
  (dice, app) => ({ app: { ...app, secret: secretValue(dice) }, said: 'another value for PASSWORD' }),
];

const growth: readonly Change[] = [
  (dice, app) =>
    regrouped(dice, app, (group) => {
      if (group.volumeGb === undefined || group.volumeGb >= volumeGbMax) return undefined;
      const volumeGb = group.volumeGb + 1;
      return { group: { ...group, volumeGb }, said: `volumes of ${volumeGb} GB` };
    }),
];

const groups: readonly Change[] = [
  (dice, app) => {
    const { worker, ...others } = app.groups;
    return worker === undefined
      ? { app: { ...app, groups: { ...others, worker: newGroup(dice, false) } }, said: 'group worker added' }
      : { app: { ...app, groups: others }, said: 'group worker removed' };
  },
];

const addresses: readonly Change[] = [
  (dice, app) => {
    const ips: readonly AddressIdea[] = dice.hit(0.5) ? ['v6', dice.pick(['shared_v4', 'v4'])] : ['v6'];
    return { app: { ...app, ips }, said: `addresses ${ips.join(', ')}` };
  },
];

const strategies: readonly Change[] = [
  (dice, app) => {
    const strategy = app.strategy === 'rolling' ? 'immediate' : 'rolling';
    const maxUnavailable = dice.hit(0.5) ? 1 : undefined;
    return { app: { ...app, strategy, maxUnavailable }, said: `strategy ${strategy}` };
  },
];

const kinds = [config, config, config, bad, scale, scale, secrets, growth, groups, addresses, strategies] as const;

/** One change of one app, or an app more. */
export function commit(dice: Dice, fleet: FleetIdea): Commit {
  if (fleet.apps.length < appsMax && dice.hit(0.06)) {
    const name = `app-${fleet.apps.length + 1}`;
    return smallEnough(fleet, { fleet: { apps: [...fleet.apps, newApp(dice, name)] }, said: `${name} is new` });
  }
  if (fleet.apps.length > 1 && dice.hit(0.04)) {
    const name = fleet.apps.at(-1)?.name ?? '';
    return { fleet: { apps: fleet.apps.slice(0, -1) }, said: `${name} is gone` };
  }
  return changeOne(dice, fleet, () => dice.one(dice.pick(kinds)));
}

/** Something to go back from, and to. */
export function newVersion(dice: Dice, fleet: FleetIdea): Commit {
  return changeOne(dice, fleet, () => (dice.hit(0.25) ? bad[1] : dice.one(config.slice(0, 3))));
}

/** One change of one app. */
export function changeOne(dice: Dice, fleet: FleetIdea, choose: () => Change | undefined): Commit {
  const index = dice.below(fleet.apps.length);
  const app = fleet.apps[index];
  if (app === undefined) return { fleet, said: 'nothing' };
  const changed = choose()?.(dice, repaired(app));
  if (changed === undefined) return { fleet, said: 'nothing' };
  return smallEnough(fleet, {
    fleet: { apps: fleet.apps.with(index, changed.app) },
    said: `${app.name}: ${changed.said}`,
  });
}

/** What was broken is written right again. */
export function repaired(app: AppIdea): AppIdea {
  const fails = /failing|crash|missing/.test(app.image);
  return { ...app, broken: false, ...(fails ? { image: goodImage } : {}) };
}

function smallEnough(before: FleetIdea, after: Commit): Commit {
  const machines = after.fleet.apps
    .flatMap((app) => Object.values(app.groups).map((group) => firstCount(app, group)))
    .reduce((sum, count) => sum + count, 0);
  return machines <= machinesMax ? after : { fleet: before, said: 'nothing' };
}

function regrouped(
  dice: Dice,
  app: AppIdea,
  change: (group: GroupIdea) => { readonly group: GroupIdea; readonly said: string } | undefined,
): ReturnType<Change> {
  const name = dice.one(Object.keys(app.groups));
  const group = app.groups[name ?? ''];
  if (name === undefined || group === undefined) return undefined;
  const changed = change(group);
  if (changed === undefined) return undefined;
  return { app: { ...app, groups: { ...app.groups, [name]: changed.group } }, said: `${name}: ${changed.said}` };
}
