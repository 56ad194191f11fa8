/**
 * The house, as data: which folder may import which others and which packages.
 * The linter enforces it (oxlint.config.ts), the house test checks that every folder has a room here.
 * Imports go down the floors only; folders on one floor do not import each other.
 */
export interface Room {
  /** Folder from the repository's root. */
  readonly folder: string;
  readonly floor: number;
  /** npm packages and node: modules this folder may import; `node:*` = any of Node's own. */
  readonly packages: readonly string[];
}

export const rooms: readonly Room[] = [
  { folder: 'schemas', floor: 0, packages: ['zod', 'croner'] },
  { folder: 'src/model', floor: 1, packages: ['node:crypto'] },
  { folder: 'src/flyconfig', floor: 2, packages: ['microdiff'] },
  { folder: 'src/wire', floor: 3, packages: [] },
  { folder: 'src/plan', floor: 3, packages: ['croner'] },
  { folder: 'src/render', floor: 3, packages: ['node:util', 'yaml', 'smol-toml'] },
  { folder: 'src/fly', floor: 4, packages: ['zod', 'smol-toml', 'node:*'] },
  { folder: 'src/sources', floor: 4, packages: ['simple-git', 'node:*'] },
  { folder: 'src/oci', floor: 4, packages: ['node:crypto'] },
  { folder: 'src/desired', floor: 5, packages: ['yaml', 'smol-toml', 'zod', 're2js', 'node:path'] },
  { folder: 'src/observed', floor: 5, packages: ['p-queue'] },
  { folder: 'src/record', floor: 5, packages: ['kysely', 'kysely/*', 'better-sqlite3', 'node:*'] },
  { folder: 'src/loop', floor: 5, packages: ['p-queue', 'node-cron'] },
  { folder: 'src/notify', floor: 5, packages: ['@octokit/rest'] },
  { folder: 'src/controllers', floor: 6, packages: ['p-queue'] },
  { folder: 'src/server', floor: 7, packages: ['fastify', 'pino', 'node:*'] },
  { folder: 'src/cli', floor: 8, packages: ['commander', 'pino', 'node:*'] },
];

/** Folders outside the floors: the simulator knows the wire's shapes only; tests and tools may import everything. */
export const besideTheFloors = ['simulator', 'test', 'bench'] as const;

/** The rooms that files of `room` may import from. */
export function roomsBelow(room: Room): readonly Room[] {
  return rooms.filter((other) => other.floor < room.floor);
}
