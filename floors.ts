/**
 * The house, as data: which folder may import which others and which packages.
 * The linter enforces it (oxlint.config.ts), the house test checks that every folder has a room here.
 * Imports go down the floors only; folders on one floor do not import each other.
 */
export interface Room {
  /** Folder from the repository's root. */
  readonly folder: string;
  readonly floor: number;
  /** npm packages and node: modules this folder may import; `node:*` = any of Node's own but `node:timers`, `node:process` and what lies deeper (`node:fs/promises`). */
  readonly packages: readonly string[];
  /**
   * Inner folders, lowest first: each may import those before it. Folders in one list stand side by side and do not import
   * each other. Files at the room's top import all of them, and no inner folder imports the top.
   */
  readonly inner?: readonly (readonly string[])[];
  /** The exception: a file at the top with types alone, which inner folders may import. It imports nothing of its room. */
  readonly shared?: string;
}

export const rooms: readonly Room[] = [
  { folder: 'schemas', floor: 0, packages: ['zod', 'croner'], inner: [['fly', 'operator']] },
  { folder: 'src/model', floor: 1, packages: ['node:crypto'], inner: [['base'], ['stamps'], ['standing']] },
  {
    folder: 'src/flyconfig',
    floor: 2,
    packages: ['microdiff'],
    inner: [['reading'], ['older-forms'], ['sections'], ['live']],
  },
  { folder: 'src/watchdog', floor: 1, packages: ['node:*'] },
  { folder: 'src/http', floor: 3, packages: ['undici', 'ipaddr.js', 'node:dns', 'node:net'] },
  {
    folder: 'src/plan',
    floor: 3,
    packages: ['croner'],
    inner: [['classify'], ['steps'], ['kinds'], ['target'], ['machines'], ['guards']],
    shared: 'types.ts',
  },
  { folder: 'src/render', floor: 3, packages: ['node:util', 'yaml', 'smol-toml'], inner: [['text']] },
  {
    folder: 'src/fly',
    floor: 4,
    packages: ['zod', 'smol-toml', 'node:*'],
    inner: [['http'], ['resources'], ['builder']],
    shared: 'api.ts',
  },
  {
    folder: 'src/sources',
    floor: 4,
    packages: ['simple-git', 'node:*'],
    inner: [['tree'], ['access'], ['git'], ['mirror'], ['folder'], ['build']],
  },
  { folder: 'src/oci', floor: 4, packages: ['node:crypto'] },
  {
    folder: 'src/desired',
    floor: 5,
    packages: ['yaml', 'smol-toml', 'zod', 're2js', 'node:path'],
    inner: [['documents'], ['files'], ['discover'], ['source'], ['resolve']],
  },
  { folder: 'src/observed', floor: 5, packages: ['p-queue'] },
  {
    folder: 'src/record',
    floor: 5,
    packages: ['kysely', 'kysely/*', 'better-sqlite3', 'node:*'],
    inner: [['file'], ['runs', 'memory', 'wake']],
    shared: 'store.ts',
  },
  { folder: 'src/loop', floor: 5, packages: ['p-queue', 'node-cron'] },
  { folder: 'src/notify', floor: 5, packages: ['@octokit/rest'] },
  {
    folder: 'controllers',
    floor: 6,
    packages: ['p-queue'],
    inner: [['pass'], ['machines', 'images'], ['kinds'], ['rollout'], ['app'], ['fleet/states'], ['fleet']],
  },
  { folder: 'src/server', floor: 7, packages: ['fastify', 'pino', 'node:*'], inner: [['bounds']] },
  {
    folder: 'src/cli',
    floor: 8,
    packages: ['commander', 'pino', 'node:*'],
    inner: [['shell'], ['composition'], ['commands/look', 'commands/run'], ['commands/change']],
  },
];

/** Fly in a box stands beside the floors, as tests and tools do: it shares shapes (schemas/) with the product, never behaviour. */
export const simulator: Room = {
  folder: 'simulator',
  floor: 1,
  packages: ['node:*', 'zod', 'graphql'],
  inner: [['wire'], ['world'], ['http'], ['machines', 'web'], ['api'], ['flyctl', 'graphql'], ['admin'], ['server']],
};

/** The rooms that files of `room` may import from. */
export function roomsBelow(room: Room): readonly Room[] {
  return rooms.filter((other) => other.floor < room.floor);
}

/** A folder whose files share one rule: the top of a room, or one of its inner folders. */
export interface Folder {
  readonly room: Room;
  /** From the repository's root. */
  readonly path: string;
  /** Folders of the same room that its files may import from. */
  readonly before: readonly string[];
}

/** Every folder of a room, its top last. */
export function foldersOf(room: Room): readonly Folder[] {
  const levels = room.inner ?? [];
  const within = (names: readonly string[]): readonly string[] => names.map((name) => `${room.folder}/${name}`);
  const inner = levels.flatMap((names, level) =>
    within(names).map((path) => ({ room, path, before: within(levels.slice(0, level).flat()) })),
  );
  return [...inner, { room, path: room.folder, before: within(levels.flat()) }];
}
