import { defineConfig } from 'oxlint';
import { rooms, roomsBelow, type Room } from './floors.ts';

const deepest = 2; // folders inside a room (controllers/release) may be one deep

/** An import allow-list: everything is refused, then what the room may use is let through again. */
function allowList(room: Room, depth: number) {
  const toRoot = '../'.repeat(room.folder.split('/').length + depth);
  const own = depth === 0 ? ['!./**'] : ['!./**', '!../*'];
  const below = roomsBelow(room).map((other) => `!${relativeTo(room, toRoot, other.folder)}/**`);
  const packages = room.packages.map((name) => `!${name}`);
  return {
    patterns: [
      {
        group: ['*', '../**', '*/**', ...own, ...below, ...packages],
        message: `src/ floors: ${room.folder} may not import this (floors.ts says what it may).`,
      },
    ],
  };
}

function relativeTo(room: Room, toRoot: string, folder: string): string {
  const inSource = room.folder.startsWith('src/') && folder.startsWith('src/');
  return inSource ? toRoot.slice(3) + folder.slice(4) : toRoot + folder;
}

const floorOverrides = rooms.flatMap((room) =>
  Array.from({ length: deepest }, (_unused, depth) => ({
    files: [`${room.folder}/${'*/'.repeat(depth)}*.ts`],
    rules: { 'no-restricted-imports': ['error', allowList(room, depth)] as ['error', ReturnType<typeof allowList>] },
  })),
);

const simulatorOverride = {
  files: ['simulator/*.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: ['*', '../**', '*/**', '!./**', '!../schemas/**', '!node:*', '!zod', '!graphql'],
            message: 'the simulator shares shapes (schemas/) with the controller, never behaviour.',
          },
        ],
      },
    ] as ['error', { patterns: { group: string[]; message: string }[] }],
  },
};

export default defineConfig({
  plugins: ['typescript', 'import', 'unicorn', 'oxc'],
  categories: { correctness: 'error', suspicious: 'error' },
  rules: {
    'import/no-cycle': 'error',
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
    ],
    'no-restricted-properties': [
      'error',
      { object: 'Date', property: 'now', message: 'Use clock.now(): tests move it.' },
      { object: 'AbortSignal', property: 'timeout', message: 'Use the Clock: tests move it.' },
      { object: 'process', property: 'env', message: 'Only src/main.ts reads the environment.' },
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
    ...floorOverrides,
    simulatorOverride,
    {
      files: ['src/main.ts', 'test/**', 'bench/**', '*.config.ts', 'vitest*.ts'],
      rules: {
        'no-restricted-globals': 'off',
        'no-restricted-properties': 'off',
        'import/no-default-export': 'off',
        'no-console': 'off',
        'max-lines-per-function': 'off',
      },
    },
    {
      files: ['src/model/clock.ts', 'simulator/clock.ts'],
      rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off' },
    },
  ],
  ignorePatterns: ['dist/**', 'schemas/json/**', 'node_modules/**'],
});
