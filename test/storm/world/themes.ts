/** What only some storms are about: a thing more in the fleet, and commits that change it. */
import { changeOne, type Change, type Commit } from './commits.ts';
import { dice, type Dice } from './dice.ts';
import type { AppIdea, FleetIdea, GroupIdea } from './fleet.ts';

const regions = ['arn', 'ams'] as const;
const tagsMax = 1000;
const kinds = ['addresses', 'secrets'] as const;

const drift: Change = (dice, app) => {
  const drift = dice.pick(['heal', 'heal_all', 'report', 'off'] as const);
  return { app: { ...app, drift }, said: `drift ${drift}` };
};

const prune: Change = (dice, app) => {
  const prune = kinds.filter(() => dice.hit(0.6));
  // With nothing that git no longer names there is nothing to prune.
  const { secret: before, ...others } = app;
  const secret = dice.hit(0.5) ? undefined : before;
  const ips = dice.hit(0.5) ? (['v6'] as const) : app.ips;
  const names = [secret === undefined ? 'no PASSWORD' : 'PASSWORD', ips?.join(', ') ?? 'no addresses'];
  return { app: { ...others, secret, ips, prune }, said: `prune ${prune.join(' and ')}, with ${names.join(', ')}` };
};

const command: Change = (dice, app) => {
  const image = `docker.io/library/${dice.hit(0.3) ? 'failing-release' : 'app'}:4.${dice.below(tagsMax)}`;
  const releaseCommand = `migrate ${dice.below(3)}`;
  return { app: { ...app, image, releaseCommand }, said: `release_command ${releaseCommand}, image ${image}` };
};

const region: Change = (dice, app) => {
  const { otherRegion: before, ...others } = app;
  if (before !== undefined && dice.hit(0.3)) {
    const groups = regrouped(app, ({ elsewhere: _elsewhere, ...group }) => group);
    return { app: { ...others, groups }, said: `no more in ${before}` };
  }
  const otherRegion = regions.find((one) => one !== app.region) ?? 'arn';
  const groups = regrouped(app, (group) => ({ ...group, elsewhere: dice.between(0, 2) }));
  const counts = Object.values(groups).map(({ elsewhere }) => elsewhere);
  return { app: { ...app, otherRegion, groups }, said: `${counts.join(' and ')} in ${otherRegion}` };
};

const schedule: Change = (dice, app) => {
  const runs = dice.hit(0.3);
  const groups = regrouped(app, ({ schedule: _schedule, ...group }) => {
    return group.serves || runs ? group : { ...group, schedule: 'daily' };
  });
  return { app: { ...app, groups }, said: runs ? 'no schedule' : 'schedule daily' };
};

const mount: Change = (dice, app) => {
  const names = Object.keys(app.groups).filter(() => dice.hit(0.7));
  const groups = Object.fromEntries(
    Object.entries(app.groups).map(([name, { volumeGb, ...group }]) => {
      const other = volumeGb === undefined ? 1 : undefined;
      return [name, { ...group, volumeGb: names.includes(name) ? other : volumeGb }];
    }),
  );
  const image = dice.hit(0.3)
    ? `docker.io/library/${dice.pick(['app', 'failing-check'])}:5.${dice.below(tagsMax)}`
    : app.image;
  const said = Object.entries(groups).map(
    ([name, { volumeGb }]) => `${name} ${volumeGb === undefined ? 'no' : 'a'} mount`,
  );
  return { app: { ...app, groups, image }, said: `${said.join(', ')}, image ${image}` };
};

function regrouped(app: AppIdea, change: (group: GroupIdea) => GroupIdea): AppIdea['groups'] {
  return Object.fromEntries(Object.entries(app.groups).map(([name, group]) => [name, change(group)]));
}

/** Pulls that take minutes, drains of the old machine, and an update that Fly takes back. */
const slow: Change = (dice, app) => {
  const image = `docker.io/library/${dice.pick(['slow-pull', 'slow-stop', 'missing-image'])}:6.${dice.below(tagsMax)}`;
  return { app: { ...app, image }, said: `image ${image}` };
};

const themes: readonly [Change, ...Change[]] = [drift, prune, command, region, schedule, mount];
const laterThemes: readonly [Change, ...Change[]] = [...themes, slow, slow, slow];
/** Seeds below it are what they were when they were written down; those from it on know more. */
export const laterSeed = 1_000_000;

/** What was thought of later happens in this one, too. */
export function isLater(seed: number): boolean {
  return seed >= laterSeed;
}

/** Every second storm has one. undefined: this one has none. */
export function themeOf(seed: number): Change | undefined {
  const throws = dice(seed, 'theme');
  return throws.hit(0.5) ? throws.pick(isLater(seed) ? laterThemes : themes) : undefined;
}

/** The same fleet with the theme in one of its apps. */
export function themed(dice: Dice, fleet: FleetIdea, theme: Change | undefined): Commit {
  return changeOne(dice, fleet, () => theme);
}
