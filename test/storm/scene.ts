/** All that one storm is at a moment. */
import type { Arena } from '../controllers/arena.ts';
import type { Others, PlannedApp } from './checks/invariants.ts';
import { fleetOf, type Owners } from './checks/owners.ts';
import type { Watch } from './checks/watch.ts';
import type { FleetIdea, Tree } from './world/fleet.ts';
import type { Rival } from './world/rival.ts';
import type { Obstacle } from './world/unread.ts';

export interface Rivalry {
  readonly rival: Rival;
  readonly owners: Owners;
}

export interface Scene {
  readonly seed: number;
  readonly world: Arena;
  readonly watch: Watch;
  readonly story: string[];
  readonly findings: string[];
  readonly peaks: Map<string, number>;
  readonly shapes: Map<string, Set<string>>;
  readonly byHand: Map<string, number>;
  readonly begunTwice: Set<string>;
  /** Where apps stand, and that files of it come and go. undefined: each at the top, and all can be read. */
  readonly tree: Tree | undefined;
  /** Each commit is one of git's. */
  readonly isWorkTree: boolean;
  /** What nobody can read at the moment. */
  obstacle: Obstacle | undefined;
  fleet: FleetIdea;
  /** The other config repo, and whose each app is. undefined: ours is alone. */
  rivalry: Rivalry | undefined;
  /** Names of apps that have a file. */
  inGit: readonly string[];
  /** Machines that are somebody else's, and stay as they were. */
  others: readonly Others[];
  /** Apps that a person has suspended at some time. */
  readonly suspended: Set<string>;
  passes: number;
  /** What a FlyCD remembered was lost at some time: the database, or that of a command which had one of its own. */
  hasForgotten: boolean;
}

/** What has to be on Fly, the other repo's apps included. */
export function wholeFleet({ fleet, rivalry }: Pick<Scene, 'fleet' | 'rivalry'>): FleetIdea {
  return rivalry === undefined ? fleet : fleetOf({ ours: fleet, theirs: rivalry.rival.fleet }, rivalry.owners);
}

export function tell(scene: Scene, text: string): void {
  scene.story.push(`${new Date(scene.world.clock.now()).toISOString().slice(11, 19)} ${text}`);
}

/** Only our own repo is spoken to. */
export function isOurs({ rivalry }: Scene): (planned: PlannedApp) => boolean {
  return ({ app }) => rivalry === undefined || rivalry.owners.of(app) !== 'theirs';
}
