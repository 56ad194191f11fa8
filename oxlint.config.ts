import { posix } from 'node:path';
import { defineConfig } from 'oxlint';
import { foldersOf, rooms, roomsBelow, simulator, type Folder, type Room } from './floors.ts';

/** Every form of a module: one in another form must not pass by the rules. */
const sources = '*.{ts,mts,cts,js,mjs,cjs}';

/** An import allow-list: everything is refused, then what the folder may use is let through again. */
function allowList({ room, path, before }: Folder, message: string) {
  const towards = (target: string): string => posix.relative(path, target);
  // From a folder down into its own inner folders the path needs its `./`.
  const earlier = before.map((folder) => `!${folder.startsWith(`${path}/`) ? './' : ''}${towards(folder)}/*`);
  const shared =
    room.shared === undefined || path === room.folder ? [] : [`!${towards(`${room.folder}/${room.shared}`)}`];
  const below = roomsBelow(room).map(({ folder }) => `!${towards(folder)}/**`);
  // Node's timers run on real time and its process has the environment: the Clock and Io stand for both.
  const packages = [
    ...room.packages.map((name) => `!${name}`),
    'node:timers',
    'node:timers/*',
    'node:process',
    'node:perf_hooks',
  ];
  const allowed = ['!./*', ...earlier, ...shared, ...below, ...packages];
  // Down and up again leads anywhere; the way straight there says where.
  return { patterns: [{ group: ['*', '../**', '*/**', ...allowed, '**/[!.]*/../**', './../**'], message }] };
}

function restrict(files: string, list: ReturnType<typeof allowList>) {
  const rule: ['error', ReturnType<typeof allowList>] = ['error', list];
  return { files: [files], rules: { 'no-restricted-imports': rule } };
}

/** A folder that floors.ts does not name imports nothing at all; the named ones what their place allows. */
function overridesOf(room: Room) {
  const homeless = `${room.folder}: this folder has no place in floors.ts`;
  return [
    restrict(`${room.folder}/**/${sources}`, {
      patterns: [{ group: ['*', '*/**', '../**', './**'], message: homeless }],
    }),
    ...foldersOf(room).map((folder) => {
      const what =
        room === simulator
          ? 'the simulator shares shapes (schemas/) with the product, never behaviour'
          : 'imports go down the floors';
      const message = `${folder.path} may not import this: ${what}, and inside a room to folders before (floors.ts says which, and which packages)`;
      return restrict(`${folder.path}/${sources}`, allowList(folder, message));
    }),
  ];
}

const overrides = [...rooms, simulator].flatMap(overridesOf);

export default defineConfig({
  plugins: ['typescript', 'import', 'unicorn', 'oxc'],
  categories: { correctness: 'error', suspicious: 'error' },
  rules: {
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-default-export': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/no-explicit-any': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-unsafe-type-assertion': 'off',
    'typescript/no-non-null-assertion': 'error',
    'unicorn/filename-case': ['error', { case: 'kebabCase' }],
    'no-console': 'error',
    'no-restricted-globals': [
      'error',
      { name: 'setTimeout', message: 'Use the Clock: tests move it.' },
      { name: 'setInterval', message: 'Use the Clock: tests move it.' },
      { name: 'performance', message: 'Use clock.monotonic(): tests move it.' },
      { name: 'globalThis', message: 'Name what you need of it: the rules on time and environment go by names.' },
      { name: 'process', message: 'Use Io: only src/main.ts reads the environment.' },
    ],
    'no-restricted-properties': [
      'error',
      { object: 'Date', property: 'now', message: 'Use clock.now(): tests move it.' },
      { object: 'AbortSignal', property: 'timeout', message: 'Use the Clock: tests move it.' },
      { property: 'localeCompare', message: 'Use byText: every machine has to find the same order.' },
      { object: 'Intl', property: 'Collator', message: 'Use byText: every machine has to find the same order.' },
      { property: 'toLocaleLowerCase', message: 'Use toLowerCase: it is the same on every machine.' },
      { property: 'toLocaleUpperCase', message: 'Use toUpperCase: it is the same on every machine.' },
    ],
    'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    'max-params': ['error', 5],
    'no-await-in-loop': 'off',
    'typescript/consistent-return': 'off', // tsc says it, and knows which switches are exhaustive
    'no-shadow': 'off',
    'unicorn/no-array-sort': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'unicorn/no-array-reverse': 'off',
    'no-underscore-dangle': 'off',
    'typescript/no-unsafe-enum-comparison': 'off',
  },
  overrides: [
    ...overrides,
    {
      files: ['src/main.ts', 'src/watchdog/thread.ts', 'test/**', 'bench/**', '*.config.ts', 'vitest*.ts'],
      rules: {
        'no-restricted-globals': 'off',
        'no-restricted-properties': 'off',
        'import/no-default-export': 'off',
        'no-console': 'off',
        'max-lines-per-function': 'off',
      },
    },
    {
      files: ['src/model/base/clock.ts', 'simulator/world/clock.ts'],
      rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off' },
    },
  ],
  ignorePatterns: ['dist/**', 'schemas/json/**', 'node_modules/**'],
});
