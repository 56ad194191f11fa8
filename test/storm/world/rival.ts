/** A second config repo on the same organization, with a FlyCD of its own: neither of the two names its fleet. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { git, gitEach, initWorkTree } from '../../servers/git-server.ts';
import type { Arena, Elsewhere } from '../../controllers/arena.ts';
import type { Death } from '../../controllers/mortal.ts';
import type { Ran } from '../people/hearing.ts';
import { commit, repaired, type Commit } from './commits.ts';
import { dice, type Dice } from './dice.ts';
import { filesOf, folderOf, newApp, newGroup, secretValue, type AppIdea, type FleetIdea } from './fleet.ts';

/** How two repos are told apart: by their addresses, by where their histories begin, or a fork by its address alone. */
type Kinship = 'addresses' | 'roots' | 'fork';

export interface Rival {
  fleet: FleetIdea;
  /** Writes what the fleet is now. */
  publish(): void;
  flycd(argv: readonly string[], death?: Death): Promise<{ readonly calls: number; readonly ran: Ran | undefined }>;
  /** Loses its database. */
  forget(): void;
}

/** Each FlyCD has a token of its own: what a request came with tells whose it is. */
const tokens = { ours: 'fm2_ours', theirs: 'fm2_theirs' } as const;
/** Its own app. */
const ownApp = 'rival';
/** Of ours, beside its own: three apps in all. */
export const sharedAppsMax = 2;
const state = 'theirs';

/** In these storms another repo is at work; one that prunes apps or has a person's words has enough to do by itself. */
export function hasRival(seed: number, isPlain: boolean): boolean {
  return isPlain && dice(seed, 'rival').hit(0.25);
}

/** What our own FlyCD has in its environment where another is at work beside it. */
export const oursEnvironment = { FLY_API_TOKEN: tokens.ours };

/** Both tokens become valid. */
export function grantTokens({ simulator }: Arena): { readonly ours: string; readonly theirs: string } {
  const { world } = simulator;
  return { ours: world.grantToken(tokens.ours).id, theirs: world.grantToken(tokens.theirs).id };
}

/** A work tree of git for each, and what makes two repos of them. `isCloned`: ours is a repository by itself. */
export function makeRival(dice: Dice, world: Arena, ours: FleetIdea, isCloned: boolean): Rival {
  const kinship = dice.pick<Kinship>(['addresses', 'roots', 'fork']);
  const folder = join(dirname(world.folder), 'rival');
  mkdirSync(folder);
  if (!isCloned) begin(world.folder, 'ours', kinship);
  begin(folder, 'theirs', kinship);
  const elsewhere: Elsewhere = { path: folder, env: { FLY_API_TOKEN: tokens.theirs } };
  let inGit: readonly string[] = [];
  const claimed = ours.apps.filter(() => dice.hit(0.7)).map((app) => variant(dice, app));
  return {
    fleet: { apps: [...claimed, small(dice)] },
    publish() {
      const names = this.fleet.apps.map(({ name }) => name);
      for (const name of inGit)
        if (!names.includes(name)) rmSync(join(folder, folderOf(name)), { recursive: true, force: true });
      inGit = names;
      for (const [path, text] of Object.entries(filesOf(this.fleet, undefined, 'flycd'))) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      commitAll(folder);
    },
    flycd: (argv, death) => world.mortalFlycd(argv, death, state, elsewhere),
    forget: () => world.forget(state),
  };
}

/** Commits what stands in a work tree. */
export function commitAll(folder: string): void {
  gitEach(folder, [
    ['add', '--all'],
    ['commit', '--quiet', '--allow-empty', '--message', 'as it is'],
  ]);
}

/** Committed at one second by one hand, two histories that begin with nothing begin with one commit: a fork's. */
function begin(folder: string, name: string, kinship: Kinship): void {
  initWorkTree(folder);
  if (kinship !== 'roots') git(folder, ['remote', 'add', 'origin', `https://example.com/acme/${name}.git`]);
  if (kinship !== 'fork') writeFileSync(join(folder, 'README.md'), `The config repo ${name}\n`);
  commitAll(folder);
}

/** An app of the same name as the other repo has it. */
function variant(dice: Dice, app: AppIdea): AppIdea {
  return {
    ...repaired(app),
    env: { GREETING: 'theirs' },
    image: dice.hit(0.5) ? `docker.io/library/app:6.${dice.below(9)}` : app.image,
    secret: dice.hit(0.5) ? secretValue(dice) : undefined,
    ips: dice.hit(0.5) ? ['v6'] : app.ips,
    comment: 'theirs',
  };
}

/** One machine: there has to be room for what both name. */
function small(dice: Dice): AppIdea {
  return { ...newApp(dice, ownApp), groups: { web: { ...newGroup(dice, true), count: 1 } } };
}

/** A commit of theirs: a change as of any fleet, another app that they claim, or one that they leave. */
export function rivalCommit(dice: Dice, theirs: FleetIdea, ours: FleetIdea): Commit {
  const unclaimed = dice.one(ours.apps.filter(({ name }) => theirs.apps.every((app) => app.name !== name)));
  if (unclaimed !== undefined && dice.hit(0.5)) {
    return {
      fleet: { apps: [variant(dice, unclaimed), ...theirs.apps] },
      said: `${unclaimed.name} is theirs, too`,
    };
  }
  if (theirs.apps.length > 1 && dice.hit(0.1)) {
    const [left, ...apps] = theirs.apps;
    return { fleet: { apps }, said: `${left?.name} is not theirs any more` };
  }
  return commit(dice, theirs);
}
