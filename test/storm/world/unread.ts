/** Files of the config that nobody can read for a while, and names that two files claim; later all is mended. */
import { git } from '../../servers/git-server.ts';
import type { Arena } from '../../controllers/arena.ts';
import { dice, type Dice } from './dice.ts';
import { filesOf, newApp, type FleetIdea, type Tree } from './fleet.ts';

/** What stands in the way of reading the config. */
export interface Obstacle {
  /** For the story. */
  readonly said: string;
  /** Apps that nothing may be done to while it stands; undefined: all of the fleet. */
  readonly governs: readonly string[] | undefined;
  /** Into a config that is written whole. */
  put(world: Arena): void;
  /** Until the config can be written whole again. */
  mend(world: Arena): void;
}

/** In these storms the config has a project, apps may be pruned, and files come and go. undefined: in the others. */
export function treeOf(seed: number, hasWords: boolean): Tree | undefined {
  const throws = dice(seed, 'unread');
  if (hasWords || !throws.hit(0.4)) return undefined;
  // A work tree costs a child process for each look at it.
  return { folder: 'team', isWorkTree: throws.hit(0.2) };
}

/** Someone has to be left where one app is gone: an empty config is refused. */
export function populated(dice: Dice, fleet: FleetIdea): FleetIdea {
  const [first] = fleet.apps;
  return first === undefined || fleet.apps.length > 1 ? fleet : { apps: [first, newApp(dice, 'app-2')] };
}

/** Something that stands in the way from now on. */
export function obstacle(dice: Dice, fleet: FleetIdea, tree: Tree): Obstacle {
  const app = dice.one(fleet.apps)?.name ?? '';
  const appFile = `${tree.folder}/${app}/app.yaml`;
  const kinds = tree.isWorkTree
    ? (['skipped', 'sparse', 'file', 'project'] as const)
    : (['file', 'file', 'folder of an app', 'project', 'source', 'settings', 'copy', 'name'] as const);
  switch (dice.pick(kinds)) {
    case 'skipped':
      return skipped(dice.pick([appFile, `${tree.folder}/project.yaml`, 'flycd.yaml']), app, tree);
    case 'sparse':
      return sparse;
    case 'file':
      return supplanted(dice, appFile, [app]);
    case 'folder of an app':
      return link(`${tree.folder}/${app}`, [app]);
    case 'project':
      return supplanted(dice, `${tree.folder}/project.yaml`, undefined);
    case 'source':
      return rewritten(`${tree.folder}/project.yaml`, 'project: team\nsource: { type: local, path: gone }\n');
    case 'settings':
      return supplanted(dice, 'flycd.yaml', undefined);
    case 'copy':
      return added(`${tree.folder}/copy/app.yaml`, fileOf(fleet, tree, app), [app]);
    case 'name': {
      const other = fleet.apps.find(({ name }) => name !== app)?.name;
      // A file claims its own name in vain.
      if (other === undefined) return added(`${tree.folder}/copy/app.yaml`, fileOf(fleet, tree, app), [app]);
      return claimed(`${tree.folder}/${other}/app.yaml`, fileOf(fleet, tree, app), [app, other]);
    }
  }
}

function fileOf(fleet: FleetIdea, tree: Tree, app: string): string {
  return filesOf(fleet, tree)[`${tree.folder}/${app}/app.yaml`] ?? '';
}

function supplanted(dice: Dice, path: string, governs: Obstacle['governs']): Obstacle {
  const by = dice.pick(['link', 'folder'] as const);
  return {
    said: by === 'link' ? `${path} is a link to nowhere` : `${path} is a folder`,
    governs,
    put: (world) => world.supplant(path, by),
    mend: (world) => world.remove(path),
  };
}

function link(path: string, governs: Obstacle['governs']): Obstacle {
  return {
    said: `${path} is a link to nowhere`,
    governs,
    put: (world) => world.supplant(path, 'link'),
    mend: (world) => world.remove(path),
  };
}

function rewritten(path: string, text: string): Obstacle {
  return {
    said: `${path} names a folder that is not there`,
    governs: undefined,
    put: (world) => world.write({ [path]: text }),
    mend: () => undefined,
  };
}

function added(path: string, text: string, governs: readonly string[]): Obstacle {
  return {
    said: `${path} claims ${governs.join(' and ')}, too`,
    governs,
    put: (world) => world.write({ [path]: text }),
    mend: (world) => world.remove(path),
  };
}

/** The app that had the other name has no file of its own then. */
function claimed(path: string, text: string, governs: readonly string[]): Obstacle {
  return {
    said: `${path} claims the name of ${governs[0]}`,
    governs,
    put: (world) => world.write({ [path]: text }),
    mend: () => undefined,
  };
}

function skipped(path: string, app: string, tree: Tree): Obstacle {
  return {
    said: `${path} is not in the work tree, and git was told not to look`,
    governs: path === `${tree.folder}/${app}/app.yaml` ? [app] : undefined,
    put(world) {
      git(world.folder, ['update-index', '--skip-worktree', path]);
      world.remove(path);
    },
    mend({ folder }) {
      git(folder, ['update-index', '--no-skip-worktree', path]);
    },
  };
}

const sparse: Obstacle = {
  said: 'the work tree is sparse, and the project is not in it',
  governs: undefined,
  put({ folder }) {
    git(folder, ['sparse-checkout', 'set', '--no-cone', '/*', '!/team/project.yaml']);
  },
  mend({ folder }) {
    git(folder, ['sparse-checkout', 'disable']);
  },
};
