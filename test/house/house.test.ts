import { dirname } from 'node:path';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configurationPage } from '../../schemas/configuration-page.ts';
import { generateJsonSchemas } from '../../schemas/generate.ts';
import { statusByReason } from '../../src/plan/steps/status.ts';
import { importsOf, product, root, sources, text, tracked } from './tree.ts';

/** More than one looks through at a glance. What tests and generators write is not counted. */
const filesMax = 15;
/** Nine in ten files of the product had no more when the house was put in order. */
const exportsMax = 8;
/** One thought each, as ARCHITECTURE.md says: vocabularies, and one state machine. How many names they have may only fall. */
const exportsMaxOf: Readonly<Record<string, number>> = {
  'schemas/fly/app.ts': 16,
  'schemas/fly/machine.ts': 15,
  'schemas/fly/presets.ts': 9,
  'simulator/machines/lifecycle.ts': 16,
  'simulator/world/records.ts': 23,
  'src/model/desired.ts': 16,
  'src/model/plan.ts': 25,
  'src/plan/types.ts': 25,
};

const architecture = text('ARCHITECTURE.md');
/** Its tables: a folder and the sentence on it. */
const sentences = new Map(
  [...architecture.matchAll(/^\|(?: \d? ?\|)? `([^`]+)\/` \| (.+) \|$/gm)].map(([, folder = '', said = '']) => [
    folder,
    said,
  ]),
);

/** `export *`, and several names in one `const`, would hide how many. */
function exportedNames(file: string): readonly string[] {
  const source = text(file);
  const declared = source.matchAll(
    /^export (?:declare |abstract |async )*(?:function\*?|class|const|let|interface|type|enum) *([\w$]+)/gm,
  );
  const listed = source.matchAll(/^export (?:type |const |let )?[{[]([^}\]]*)[}\]]/gm);
  const again = [...listed].flatMap(([, names = '']) => names.split(',').map((name) => name.trim()));
  const stars = [...source.matchAll(/^export (?:type )?\*.*$|^export (?:const|let) [^;]*?,\s+[\w$]+ = /gm)].map(
    ([lines]) => lines,
  );
  return [
    ...new Set([...[...declared].map(([, name = '']) => name), ...again.filter((name) => name !== ''), ...stars]),
  ];
}

/** Inline, by reference and in HTML. */
function linksIn(page: string): readonly string[] {
  const found = page.matchAll(/\]\(<?([^)\s>]+)|^\[[^\]]+\]: *<?([^\s>]+)|\b(?:href|src)="([^"]+)"/gm);
  const targets = [...found].map(([, inline, reference, html]) => inline ?? reference ?? html ?? '');
  return targets.filter((target) => !/^(?:https?|mailto):/.test(target));
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(root, file))) return false;
  return anchor === undefined || (file.endsWith('.md') && headingsOf(file).has(anchor));
}

/** As the sites that show Markdown name them. */
function headingsOf(page: string): ReadonlySet<string> {
  const headings = text(page).matchAll(/^#+ +(.+)$/gm);
  const named = [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return new Set(named);
}

describe('house rules', () => {
  test('every folder has its sentence in ARCHITECTURE.md', () => {
    const folders = new Set(sources.map((file) => dirname(file)).filter((folder) => folder !== '.'));
    // A test folder that has the name of a product's folder needs no words of its own.
    const mirrored = (folder: string): boolean =>
      /^test(?:\/|$)/.test(folder) &&
      [folder.slice(5), `src/${folder.slice(5)}`].some((of) => of === '' || existsSync(join(root, of)));
    const silent = [...folders].filter((folder) => !mirrored(folder) && (sentences.get(folder) ?? '').length < 10);
    expect(silent, 'add a row to its tables: | floor | `folder/` | what is in it |').toEqual([]);
  });

  test('ARCHITECTURE.md and the docs name no file or folder that is not there', () => {
    const pages = tracked.filter((file) => /^(?:[A-Z]+|docs\/[a-z]+)\.md$/.test(file) && file !== 'CHANGELOG.md');
    const gone = pages.flatMap((page) =>
      [
        ...text(page).matchAll(
          /(?<=`[^`\n]*)(?<![\w./-])((?:src|controllers|schemas|simulator|test|bench|examples|docs)\/[\w./-]*)(?<!\.)(?=[^`\n]*`)/g,
        ),
      ]
        .map(([, path = '']) => path)
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${page}: ${path}`),
    );
    expect([...gone, ...[...sentences.keys()].filter((folder) => !existsSync(join(root, folder)))]).toEqual([]);
  });

  test(`no folder has more than ${filesMax} files of its own`, () => {
    const counts = Map.groupBy(sources, (file) => dirname(file));
    const full = [...counts]
      .filter(([, files]) => files.length > filesMax)
      .map(([folder, files]) => `${folder}: ${files.length}`);
    expect(full, 'make an inner folder, with its place in floors.ts and its sentence in ARCHITECTURE.md').toEqual([]);
  });

  test(`no file exports more than ${exportsMax} names`, () => {
    const wide = sources
      .filter((file) => /^(?:src|controllers|schemas|simulator)\//.test(file))
      .map((file) => ({ file, names: exportedNames(file), most: exportsMaxOf[file] ?? exportsMax }))
      .filter(({ names, most }) => names.length > most || names.some((name) => name.startsWith('export')));
    expect(wide, 'export less, or give one of the thoughts a file of its own').toEqual([]);
    const loose = Object.entries(exportsMaxOf).filter(([file, most]) => exportedNames(file).length < most);
    expect(loose, 'lower the number: it may only fall').toEqual([]);
  });

  test('every link in a page leads somewhere', () => {
    const pages = tracked.filter((file) => file.endsWith('.md'));
    const dead = pages.flatMap((page) =>
      linksIn(text(page))
        .filter((target) => !leadsSomewhere(page, target))
        .map((target) => `${page}: ${target}`),
    );
    expect(dead).toEqual([]);
  });

  test('the compiler, the search for dead code and the tests see every folder with code', () => {
    const tops = [...new Set(sources.map((file) => file.split('/')[0] ?? ''))].filter((top) => !top.endsWith('.ts'));
    const unseen = ['tsconfig.json', 'knip.json'].flatMap((config) =>
      tops
        .filter((top) => !text(config).includes(`"${top}"`) && !text(config).includes(`"${top}/`))
        .map((top) => `${config}: ${top}`),
    );
    expect(unseen).toEqual([]);
    // A test by another name would never run, unless a test imports it.
    const imported = new Set(sources.flatMap(importsOf));
    const lost = sources
      .filter((file) => /^\s*(?:test|it|describe)(?:\.\w+)*\(/m.test(text(file)))
      .filter((file) => !imported.has(file) && !/^test\/.*\.test\.ts$/.test(file));
    expect(lost).toEqual([]);
  });

  test('docs/held.md has a row for every reason of a hold', () => {
    const page = text('docs/held.md');
    expect(Object.keys(statusByReason).filter((reason) => !page.includes(`\n| ${reason} |`))).toEqual([]);
  });

  test('only the guards of the whole fleet say that a plan has passed them', () => {
    const guarding = product.filter((file) => /import [^;]*\bpassed\b[^;]*steps\/guarded\.ts'/.test(text(file)));
    expect(guarding).toEqual(['src/plan/fleet.ts']);
  });

  test('time comes from the Clock', () => {
    const timed = sources.filter(
      (file) =>
        /^(?:src|controllers|simulator|schemas)\//.test(file) &&
        /(?<!\bnow )\bDate\(\)|\.format\(\)|\bperf_hooks\b|\bhrtime\b|\.uptime\(/.test(text(file)),
    );
    // A thread beside the process has none.
    expect(timed).toEqual(['src/watchdog/thread.ts']);
  });

  test('a path in a text leads to a file', () => {
    // Measures and processes load files by their path, where no compiler looks.
    const scripts = tracked.filter((file) =>
      /^(?:bench\/.*\.ts|package\.json|Dockerfile|\.ci\/run|vitest.*\.ts)$/.test(file),
    );
    const gone = scripts.flatMap((file) =>
      [...text(file).matchAll(/(?<![\w.-]|\w\/)(?:src|controllers|schemas|simulator|test|bench)\/[\w/.-]+\.[jt]s\b/g)]
        .map(([path]) => path)
        .filter((path) => !existsSync(join(root, path.replace(/\.js$/, '.ts'))))
        .map((path) => `${file}: ${path}`),
    );
    const urls = sources.flatMap((file) =>
      [...text(file).matchAll(/new URL\(\s*'(\.[^']*)',\s*import\.meta\.url/g)]
        .map(([, path = '']) => join(dirname(file), path))
        .filter((path) => !path.startsWith('..') && !existsSync(join(root, path)))
        .map((path) => `${file}: ${path}`),
    );
    expect([...gone, ...urls]).toEqual([]);
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

  test('what a pass has begun has ended before the first failure is thrown: allEnded, never Promise.all', () => {
    const early = product.filter((file) => /^(?:controllers|src\/observed)\//.test(file));
    expect(early.filter((file) => /\bPromise\.(?:all|any)\(/.test(text(file)))).toEqual([]);
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
    const shared = sources.filter(
      (file) => file.startsWith('test/') && !/\.test\.ts$|^test\/mutation\/covered\.ts$/.test(file),
    );
    // covered.ts is a setup file, which vitest runs anew for each test file.
    expect(shared.filter((file) => /^(?:before|after)(?:Each|All)\(/m.test(text(file)))).toEqual([]);
  });

  test('a command that people may copy holds a value as one word of a shell', () => {
    const value = String.raw`\$\{(?!shellWord\()`;
    const commands = [
      String.raw`\b(?:flycd|fly) (?:[a-z]+ ){1,3}${value}`,
      String.raw`--[a-z][a-z-]*[ =]${value}`,
      String.raw`\b(?:export|alias) [^=\n]+=['"]?${value}`,
    ];
    const pattern = new RegExp(commands.join('|'));
    const bare = product.flatMap((file) =>
      text(file)
        .split('\n')
        .filter((line) => pattern.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(bare, 'write shellWord(value), or acceptCommand(app) for --accept-only').toEqual([]);
  });

  test('every suppressed lint rule says why', () => {
    const silent = sources.filter(
      (file) => /(oxlint|eslint)-disable(?!.*--)/.test(text(file)) && !file.startsWith('test/house/'),
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
