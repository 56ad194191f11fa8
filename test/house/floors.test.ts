import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { foldersOf, rooms, roomsBelow, simulator, type Folder } from '../../floors.ts';
import { importsOf, product, root, sources, text, tracked } from './tree.ts';

const folders: readonly Folder[] = [...rooms, simulator].flatMap(foldersOf);
const folderAt = (file: string): Folder | undefined => folders.find(({ path }) => path === dirname(file));
const within = (file: string, folder: string): boolean => file.startsWith(`${folder}/`);

// `flycd simulator` and `flycd demo` are the two commands that run the simulator; nothing else of the product may.
const runsSimulator = (file: string, target: string): boolean =>
  /^src\/cli\/commands\/run\/(?:simulator|demo)\.ts$/.test(file) && target === 'simulator/simulator.ts';

/** Why one file may not import the other. undefined: it may. */
function wrongImport(file: string, target: string): string | undefined {
  const folder = folderAt(file);
  if (folder === undefined || runsSimulator(file, target)) return undefined;
  const { room, path, before } = folder;
  if (!within(target, room.folder)) {
    const isBelow = roomsBelow(room).some((other) => within(target, other.folder));
    return isBelow ? undefined : `${file} -> ${target}: not on a floor below`;
  }
  const isShared = target === `${room.folder}/${room.shared ?? ''}`;
  const isNear = [path, ...before].includes(dirname(target));
  return isNear || isShared ? undefined : `${file} -> ${target}: not in a folder before`;
}

describe('floors', () => {
  test('every folder with sources of the product has its place in floors.ts', () => {
    const homeless = [...product, ...sources.filter((file) => /^(?:schemas|simulator)\//.test(file))].filter(
      (file) => file !== 'src/main.ts' && folderAt(file) === undefined,
    );
    expect(homeless).toEqual([]);
  });

  test('every folder in floors.ts is there', () => {
    const empty = folders.filter(({ path }) => sources.every((file) => !within(file, path)));
    expect(empty.map(({ path }) => path)).toEqual([]);
  });

  test('imports go down only, never sideways, and inside a room to folders before', () => {
    const wrong = sources.flatMap((file) => importsOf(file).map((target) => wrongImport(file, target)));
    expect(wrong.filter((edge) => edge !== undefined)).toEqual([]);
  });

  test('there is no circle of imports, late ones and types included', () => {
    const open = new Set<string>();
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, way: readonly string[]): void => {
      if (open.has(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' -> '));
      if (open.has(file) || done.has(file)) return;
      open.add(file);
      for (const target of importsOf(file)) if (known.has(target)) visit(target, [...way, file]);
      open.delete(file);
      done.add(file);
    };
    const known = new Set(sources);
    for (const file of sources) visit(file, []);
    expect(circles).toEqual([]);
  });

  test('a file that a room shares has types alone and imports nothing of its room', () => {
    for (const { folder, shared } of rooms) {
      if (shared === undefined) continue;
      const file = `${folder}/${shared}`;
      expect(importsOf(file).filter((target) => within(target, folder))).toEqual([]);
      const statements = text(file).matchAll(/^(?!import |(?:export )?(?:interface|type) )[a-z].*$/gm);
      expect([...statements].map(([line]) => line)).toEqual([]);
    }
  });

  test('modules are TypeScript in .ts files, and what is loaded late is written out', () => {
    // Else neither the linter nor the tests above could see what is imported.
    const forms = tracked.filter((file) => /\.[cm]?[jt]sx?$/.test(file));
    expect(forms.filter((file) => !file.endsWith('.ts'))).toEqual([]);
    const housed = forms.filter((file) => /^(?:src|controllers|schemas|simulator)\//.test(file));
    const hidden = housed.filter((file) =>
      /\bimport\s*\((?!\s*'[^']+'\s*\))|\bcreateRequire\b|\brequire\(|import\.meta\.resolve|\bWorker\(/.test(
        text(file),
      ),
    );
    // A thread is no import, and this one is its neighbour.
    expect(hidden).toEqual(['src/watchdog/watchdog.ts']);
  });
});

interface Planting {
  readonly file: string;
  readonly source: string;
  /** What is wrong with it. undefined: nothing. */
  readonly rule?: 'no-restricted-imports' | 'no-restricted-properties' | 'no-cycle';
  readonly why: string;
}

const imports = (file: string, target: string, why: string): Planting => ({
  file,
  source: `import { planted } from '${target}';\n\nexport const grown = planted;\n`,
  rule: 'no-restricted-imports',
  why,
});
const importsType = (file: string, target: string, why: string): Planting => ({
  ...imports(file, target, why),
  source: `import type { Planted } from '${target}';\n\nexport type Grown = Planted;\n`,
});
const importsLate = (file: string, target: string, why: string): Planting => ({
  ...imports(file, target, why),
  source: `export const grown = () => import('${target}');\n`,
});
const orders = (file: string, by: string, why: string): Planting => ({
  file,
  source: `export const order = (a: string, b: string): number => ${by};\n`,
  rule: 'no-restricted-properties',
  why,
});
const allowed = (planting: Planting): Planting => ({ file: planting.file, source: planting.source, why: planting.why });

const plantings: readonly Planting[] = [
  imports('src/plan/above.ts', '../fly/api.ts', 'a room above'),
  imports('src/plan/kinds/above.ts', '../../desired/load.ts', 'a room above, from a nested folder'),
  imports('src/cli/commands/run/above.ts', '../../../main.ts', 'the top of the house, from two folders down'),
  imports('controllers/app/above.ts', '../../src/cli/main.ts', 'a room above, from beside src'),
  importsType('src/model/stamps/above.ts', '../../plan/types.ts', 'a type of a room above'),
  importsLate('src/fly/http/above.ts', '../../server/server.ts', 'a room above, late'),
  imports('src/fly/beside.ts', '../sources/tree/tree.ts', 'a room beside'),
  imports('src/fly/http/beside.ts', '../../oci/registry.ts', 'a room beside, from a nested folder'),
  imports('src/model/package.ts', 'zod', 'a package that is not the room’s'),
  imports('src/model/base/package.ts', 'zod', 'a package that is not the room’s, from a nested folder'),
  imports('src/plan/classify/later.ts', '../guards/brakes.ts', 'a later folder of the room'),
  importsType('src/plan/classify/later-type.ts', '../machines/group.ts', 'a type of a later folder'),
  imports('controllers/pass/later.ts', '../fleet/sync.ts', 'a later folder of the room'),
  imports('controllers/machines/side.ts', '../images/pin.ts', 'a folder beside it in the room'),
  imports('src/plan/steps/top.ts', '../app.ts', 'the top of its room'),
  importsType('src/desired/resolve/top.ts', '../load.ts', 'a type of the top of its room'),
  imports('src/cli/shell/up.ts', '../commands/change/sync.ts', 'a later folder two down'),
  imports('simulator/planted.ts', '../src/flyconfig/machine.ts', 'behaviour of the product'),
  imports(
    'simulator/api/planted.ts',
    '../../src/flyconfig/live/settle.ts',
    'behaviour of the product, from a nested folder',
  ),
  importsType('simulator/graphql/planted.ts', '../../controllers/pass/services.ts', 'a type of the controllers'),
  imports('simulator/world/later.ts', '../api/volumes.ts', 'a later folder of the simulator'),
  imports('simulator/web/side.ts', '../machines/images.ts', 'a folder beside it in the simulator'),
  imports('simulator/api/deep/planted.ts', '../../../src/model/base/json.ts', 'anything, in a folder without a place'),
  imports('src/plan/newroom/planted.ts', '../types.ts', 'anything, in a folder without a place'),
  imports('src/plan/kinds/winding.ts', '../../model/../desired/load.ts', 'a room above by a winding path'),
  imports('simulator/api/winding.ts', '../../schemas/../src/model/base/text.ts', 'the product by a winding path'),
  imports('src/plan/kinds/here.ts', './../../desired/load.ts', 'a room above by way of its own folder'),
  imports('src/plan/kinds/form.mts', '../../desired/load.ts', 'a room above, in another form of module'),
  imports('simulator/api/form.js', '../../src/model/base/text.ts', 'the product, in another form of module'),
  {
    file: 'src/plan/kinds/again.ts',
    source: "export { planted } from '../../desired/load.ts';\n",
    rule: 'no-restricted-imports',
    why: 'a room above, handed on',
  },
  {
    file: 'src/plan/kinds/effect.ts',
    source: "import '../../desired/load.ts';\n",
    rule: 'no-restricted-imports',
    why: 'a room above for its effect',
  },
  imports('schemas/fly/planted.ts', '../../src/model/plan.ts', 'anything above the shapes'),
  {
    file: 'src/observed/circle-one.ts',
    source: "import type { Two } from './circle-two.ts';\n\nexport interface One {\n  readonly two: Two;\n}\n",
    rule: 'no-cycle',
    why: 'a circle of types',
  },
  {
    file: 'src/observed/circle-two.ts',
    source: "import type { One } from './circle-one.ts';\n\nexport interface Two {\n  readonly one: One;\n}\n",
    rule: 'no-cycle',
    why: 'a circle of types',
  },
  orders('src/plan/steps/by-locale.ts', 'a.localeCompare(b)', 'an order that a locale decides'),
  orders('simulator/api/by-locale.ts', 'a?.localeCompare(b)', 'an order that a locale decides'),
  orders('controllers/pass/by-locale.ts', 'new Intl.Collator().compare(a, b)', 'an order that a locale decides'),
  allowed(imports('src/plan/below.ts', '../model/plan.ts', 'a room below')),
  allowed(imports('src/plan/kinds/below.ts', '../../model/base/json.ts', 'a room below, from a nested folder')),
  allowed(imports('src/plan/kinds/before.ts', '../classify/exit.ts', 'a folder before')),
  allowed(importsType('src/plan/classify/shared.ts', '../types.ts', 'the types that all of the room share')),
  allowed(imports('src/plan/door.ts', './guards/brakes.ts', 'inner folders, from the top')),
  allowed(imports('controllers/kinds/below.ts', '../../src/plan/app.ts', 'a room below, from beside src')),
  allowed(imports('simulator/api/shapes.ts', '../../schemas/fly/app.ts', 'shapes, from a nested folder')),
];

/** Rules broken by file: all plantings in a tree of its own, under our configuration. */
function lintPlanted(): ReadonlyMap<string, ReadonlySet<string>> {
  const house = mkdtempSync(join(tmpdir(), 'flycd-house-'));
  try {
    for (const config of ['oxlint.config.ts', 'floors.ts']) copyFileSync(join(root, config), join(house, config));
    symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'));
    for (const { file, source } of plantings) {
      mkdirSync(join(house, dirname(file)), { recursive: true });
      writeFileSync(join(house, file), source);
    }
    const oxlint = join(root, 'node_modules/.bin/oxlint');
    const { stdout } = spawnSync(oxlint, ['--format', 'json'], { cwd: house, encoding: 'utf8' });
    const report = JSON.parse(stdout) as { readonly diagnostics: readonly { code: string; filename: string }[] };
    const broken = new Map<string, Set<string>>(plantings.map(({ file }) => [file, new Set()]));
    for (const { code, filename } of report.diagnostics) broken.get(filename)?.add(/\((.+)\)/.exec(code)?.[1] ?? code);
    return broken;
  } finally {
    rmSync(house, { recursive: true });
  }
}

describe('the linter holds the floors', () => {
  let broken: ReturnType<typeof lintPlanted> | undefined;
  const brokenBy = (file: string): readonly string[] => [...((broken ??= lintPlanted()).get(file) ?? [])];

  test.each(plantings.filter(({ rule }) => rule !== undefined).map((one) => [one.file, one.why, one.rule]))(
    '%s may not have %s',
    (file, _why, rule) => expect(brokenBy(file)).toContain(rule),
  );

  test.each(plantings.filter(({ rule }) => rule === undefined).map((one) => [one.file, one.why]))(
    '%s may have %s',
    (file) => expect(brokenBy(file)).toEqual([]),
  );
});
