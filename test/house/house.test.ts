import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { besideTheFloors, rooms } from '../../floors.ts';
import { configurationPage } from '../../schemas/configuration-page.ts';
import { generateJsonSchemas } from '../../schemas/generate.ts';

const root = join(import.meta.dirname, '../..');
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const sources = tracked.filter((file) => file.endsWith('.ts'));
/** What is shipped and is not the simulator or a schema. */
const product = sources.filter((file) => /^(?:src|controllers)\//.test(file));
const text = (file: string): string => readFileSync(join(root, file), 'utf8');

/** What the linter says of one file that imports this, in a tree of its own under our configuration. */
function lintPlanted(file: string, target: string): string {
  const house = mkdtempSync(join(tmpdir(), 'flycd-house-'));
  onTestFinished(() => rmSync(house, { recursive: true }));
  for (const config of ['oxlint.config.ts', 'floors.ts']) copyFileSync(join(root, config), join(house, config));
  symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'));
  mkdirSync(join(house, dirname(file)), { recursive: true });
  writeFileSync(join(house, file), `import { planted } from '${target}';\n\nexport const grown = planted;\n`);
  const { stdout } = spawnSync(join(root, 'node_modules/.bin/oxlint'), [], { cwd: house, encoding: 'utf8' });
  return stdout;
}

const roomOf = (file: string) => rooms.find((room) => file.startsWith(`${room.folder}/`));

function importsOf(file: string): readonly string[] {
  const found = text(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map((match) => normalize(join(dirname(file), match[1] ?? '')));
}

describe('floors', () => {
  test('every folder of sources has a room', () => {
    const folders = new Set(
      product
        .filter((file) => file !== 'src/main.ts')
        .map((file) => (file.startsWith('src/') ? file.split('/').slice(0, 2).join('/') : (file.split('/')[0] ?? ''))),
    );
    expect([...folders].filter((folder) => rooms.every((room) => room.folder !== folder))).toEqual([]);
  });

  test('imports go down only, and never sideways', () => {
    const wrong = sources.flatMap((file) => {
      const room = roomOf(file);
      if (room === undefined) return [];
      return importsOf(file)
        .filter((target) => {
          const other = roomOf(target);
          return other === undefined || (other.folder !== room.folder && other.floor >= room.floor);
        })
        .map((target) => `${file} -> ${target}`);
    });
    expect(wrong.filter((edge) => !isLazySimulator(edge))).toEqual([]);
  });

  // `flycd simulator` and `flycd demo` are the two commands that run the simulator; nothing else of the product may.
  const isLazySimulator = (edge: string): boolean =>
    /^src\/cli\/commands\/run\/(simulator|demo)\.ts -> simulator\//.test(edge);

  test('the simulator imports schemas only', () => {
    const wrong = sources
      .filter((file) => file.startsWith('simulator/'))
      .flatMap((file) => importsOf(file).map((target) => [file, target] as const))
      .filter(([, target]) => !target.startsWith('simulator/') && !target.startsWith('schemas/'));
    expect(wrong).toEqual([]);
  });

  test.each([
    ['src/plan/planted.ts', '../fly/api.ts', 'a room above'],
    ['src/fly/planted.ts', '../sources/tree.ts', 'a room beside'],
    ['src/model/planted.ts', 'zod', 'a package that is not the room’s'],
    ['simulator/planted.ts', '../src/flyconfig/settle.ts', 'behaviour of the controller'],
  ])('the linter holds the floors: %s may not import %s, %s', (file, target) => {
    expect(lintPlanted(file, target)).toContain('no-restricted-imports');
  });

  test('the linter lets the floors below through', () => {
    expect(lintPlanted('src/plan/planted.ts', '../model/plan.ts')).toContain('Found 0 warnings and 0 errors');
  });
});

describe('house rules', () => {
  test('ARCHITECTURE.md names every folder', () => {
    const architecture = text('ARCHITECTURE.md');
    const folders = [...rooms.map((room) => room.folder), ...besideTheFloors, 'examples', 'docs'];
    expect(folders.filter((folder) => !architecture.includes(`\`${folder}/\``))).toEqual([]);
  });

  test('no folder is called utils, helpers, common or lib', () => {
    expect(tracked.filter((file) => /(^|\/)(utils?|helpers?|common|lib)(\/|\.ts$)/.test(file))).toEqual([]);
  });

  test('files stay under 400 lines', () => {
    const long = sources
      .filter((file) => !file.startsWith('test/'))
      .filter((file) => text(file).split('\n').length > 420);
    expect(long).toEqual([]);
  });

  test('published JSON Schemas are fresh: npm run schemas writes them', () => {
    const stale = Object.entries(generateJsonSchemas()).filter(
      ([file, schema]) => text(`schemas/json/${file}`) !== `${JSON.stringify(schema, null, 2)}\n`,
    );
    expect(stale.map(([file]) => file)).toEqual([]);
  });

  test('docs/configuration.md is fresh: npm run schemas writes it', () => {
    expect(text('docs/configuration.md')).toBe(configurationPage(generateJsonSchemas()));
  });

  test('only src/main.ts reads the environment', () => {
    const readers = product.filter((file) => /process\.env\b/.test(text(file)));
    expect(readers).toEqual(['src/main.ts']);
  });

  test('a module that is loaded late is loaded while the clock stands still', () => {
    // Else virtual time went on while a slow disk was read, and a storm told another story on a busy machine.
    const late = product
      .filter((file) => file !== 'src/main.ts')
      .flatMap((file) => [...text(file).matchAll(/^.*\n.*\n.*\bimport\('.*$/gm)].map(([lines]) => ({ file, lines })));
    expect(late.length).toBeGreaterThan(20);
    expect(late.filter(({ lines }) => !/\b(?:busy|loaded)\(/.test(lines))).toEqual([]);
  });

  test('no module that tests share clears up by a hook of its own', () => {
    // Test files share their process, and the module with it: the hook would be that of the first file alone.
    const shared = sources.filter((file) => file.startsWith('test/') && !file.endsWith('.test.ts'));
    expect(shared.filter((file) => /^(?:before|after)(?:Each|All)\(/m.test(text(file)))).toEqual([]);
  });

  test('every suppressed lint rule says why', () => {
    const silent = sources.filter(
      (file) => /(oxlint|eslint)-disable(?!.*--)/.test(text(file)) && file !== 'test/house/house.test.ts',
    );
    expect(silent).toEqual([]);
  });

  test('the docs name no registry hosts and no machine paths', () => {
    const said = tracked.filter(
      (file) => file.endsWith('.md') && /registry\.npmjs|\/work\/|\/tmp\/bash/.test(text(file)),
    );
    expect(said).toEqual([]);
  });

  test('the changelog has an Unreleased heading', () => {
    expect(text('CHANGELOG.md')).toMatch(/^## Unreleased$/m);
  });
});
