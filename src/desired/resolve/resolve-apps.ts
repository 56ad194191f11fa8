/** From the files a walk found to desired apps: configs in the walk's order, then sources side by side. */
import type { DesiredApp, ExplainedField, FollowedRef, InvalidApp } from '../../model/desired.ts';
import { toFault } from '../../model/base/fault.ts';
import { hashOf } from '../../model/base/json.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { SecretValue } from '../../model/base/secret-value.ts';
import type { BuildRecipe } from '../source/build.ts';
import { readAppConfig, originsOfSketch, placed, type AppConfig, type KeyedLayers, type Sketch } from './app-config.ts';
import { isReadWhole } from '../documents/document.ts';
import { checkDependencies } from './dependencies.ts';
import { explainFields } from './explain.ts';
import type { ConfigFiles, ReadFile } from '../files/config-files.ts';
import type { Cache } from '../files/cache.ts';
import { projectInputs } from './inputs.ts';
import { layersOf } from './overrides.ts';
import type { Project } from '../discover/project.ts';
import { appOfSketch, resolveApp, type Gathering } from './resolve-app.ts';
import type { FoundApp } from '../discover/discovery.ts';

/** Sources looked at side by side: enough to hide a slow git host, few enough to be no burden to it. */
const concurrency = 16;

export interface Gathered {
  readonly apps: readonly DesiredApp[];
  readonly invalid: readonly InvalidApp[];
  readonly problems: readonly Problem[];
  /**
   * false: an app's name or its file's whole text could not be read, or two files claim one: nobody can say which app of
   * Fly's is missing.
   */
  readonly whole: boolean;
  readonly followed: readonly FollowedRef[];
  readonly raw: ReadonlyMap<string, ReadonlyMap<string, SecretValue>>;
  /** What an app is built from; undefined: it is not built. */
  recipe(app: string): BuildRecipe | undefined;
  /** Where the values of an app's fly config were written. */
  explain(app: string): readonly ExplainedField[];
}

export async function resolveApps(gathering: Gathering): Promise<Gathered> {
  const { sketches, unread } = await sketchApps(gathering);
  const results = await sideBySide(sketches, (sketch) => resolveApp(gathering, sketch));
  const contested = contestedNames(sketches);
  const names = results.flatMap(({ name }) => name ?? []);
  // The name of a broken file is a guess: a second document, or a side of a merge, may name another app.
  const isEachRead = sketches.every(({ read }) => isReadWhole(read.document));
  const isWhole = gathering.isWhole && unread.length === 0 && isEachRead && names.length === results.length;
  const tangled = checkDependencies({ results, names, isWhole });
  const apps: DesiredApp[] = [];
  const invalid: InvalidApp[] = unread.map(({ file }) => ({ name: undefined, file }));
  for (const { app, name, file, sketch } of results) {
    const isClear = app !== undefined && !contested.names.has(app.name.toLowerCase()) && !tangled.names.has(app.name);
    if (isClear) apps.push(app);
    else invalid.push({ name, file, ...needsOf(app?.dependsOn ?? sketch.draft.owned.depends_on) });
  }
  return {
    apps,
    invalid,
    problems: [...unread, ...results.flatMap(({ problems }) => problems), ...contested.problems, ...tangled.problems],
    whole: isEachRead && invalid.every(({ name }) => name !== undefined) && contested.names.size === 0,
    followed: results.flatMap(({ followed }) => followed),
    raw: new Map(results.flatMap(({ app, raw }) => (app === undefined ? [] : [[app.name, raw] as const]))),
    recipe: (name) => results.find(({ app }) => app?.name === name)?.recipe,
    explain(name) {
      const sketch = results.find(({ app }) => app?.name === name)?.sketch;
      if (sketch === undefined || apps.every((app) => app.name !== name)) return [];
      const { draft, found } = sketch;
      return explainFields({ ...draft, chain: found.chain, originOf: originsOfSketch(sketch) });
    },
  };
}

/**
 * In the walk's order: of several ways to a file, the first that gives an app of that name counts. A way through fewer of
 * the same projects is none: an app reached both ways belongs to its project.
 */
async function sketchApps(
  gathering: Gathering,
): Promise<{ readonly sketches: readonly Sketch[]; readonly unread: readonly Problem[] }> {
  const { found, files } = gathering;
  const layersOfChain = layersByChain(gathering.layers);
  const firstWays = new Map<string, FoundApp>();
  for (const app of found) if (!firstWays.has(app.file.name)) firstWays.set(app.file.name, app);
  const firstReads = await sideBySide([...firstWays.values()], (app) => readApp(files, app, layersOfChain(app.chain)));
  const reads = new Map([...firstWays.keys()].map((name, index) => [name, firstReads[index]]));
  const sketches: Sketch[] = [];
  const unread: Problem[] = [];
  const namesByFile = new Map<string, Set<string>>();
  const chainsByFile = new Map<string, (readonly Project[])[]>();
  for (const app of found) {
    const first = reads.get(app.file.name);
    if (first === undefined) continue; // gone since it was listed
    if ('severity' in first) {
      unread.push(first);
      continue;
    }
    const names = namesByFile.get(first.identity) ?? new Set();
    namesByFile.set(first.identity, names);
    const chains = chainsByFile.get(first.identity) ?? [];
    chainsByFile.set(first.identity, chains);
    if (chains.some((longer) => goesOn(longer, app.chain))) continue;
    chains.push(app.chain);
    const again = firstWays.get(app.file.name) !== app;
    const read = again ? await readApp(files, app, layersOfChain(app.chain)) : first;
    if (read === undefined || 'severity' in read) continue; // said above
    const sketch = sketchOf(gathering, app, read, layersOfChain(app.chain));
    const name = sketch.draft.name ?? '';
    if (names.has(name)) continue;
    names.add(name);
    sketches.push(sketch);
  }
  return { sketches, unread };
}

/** true: a chain of projects that begins with all of `short` and has more. */
function goesOn(chain: readonly Project[], short: readonly Project[]): boolean {
  return chain.length > short.length && short.every((project, index) => chain[index]?.key === project.key);
}

/** The same value for the same projects, from one load to the next. */
function layersByChain(layers: Cache<KeyedLayers>): (chain: readonly Project[]) => KeyedLayers {
  const known = new Map<readonly Project[], KeyedLayers>();
  return (chain) => {
    const found = known.get(chain);
    if (found !== undefined) return found;
    const chainKey = chain.map(({ key }) => key).join('\n');
    const made = layers.get(chainKey) ?? keyedLayers(chain, chainKey);
    layers.set(chainKey, made);
    known.set(chain, made);
    return made;
  };
}

function keyedLayers(chain: readonly Project[], chainKey: string): KeyedLayers {
  const layers = layersOf(chain);
  return { ...layers, inputs: projectInputs(chain), key: layers.substitutions.length === 0 ? '' : hashOf(chainKey) };
}

async function readApp(
  files: ConfigFiles,
  app: FoundApp,
  layers: KeyedLayers,
): Promise<ReadFile | Problem | undefined> {
  const unread = (message: string, hint: string | undefined): Problem => {
    return { severity: 'error', file: app.file.name, line: 0, column: 0, path: '', message, hint };
  };
  try {
    const reading = await files.document(app.file, layers);
    if (reading.state === 'read') return reading.value;
    return reading.state === 'absent' ? undefined : unread(reading.message, reading.hint);
  } catch (error) {
    const { message, next } = toFault(error, 'this file could not be read');
    return unread(message, next);
  }
}

function sketchOf(gathering: Gathering, found: FoundApp, read: ReadFile, layers: KeyedLayers): Sketch {
  const { document } = read;
  const sketch = { found, read, layers, base: undefined };
  if (found.bare)
    return { ...sketch, draft: readAppConfig({ document, layers, bare: true, nameless: gathering.nameless }) };
  const { drafts } = gathering.memory;
  const known = drafts.get(read) ?? new WeakMap<KeyedLayers, AppConfig>();
  drafts.set(read, known);
  const draft = known.get(layers) ?? readAppConfig({ document, layers, bare: false, nameless: undefined });
  known.set(layers, draft);
  return { ...sketch, draft };
}

/** Also one that no app can have: a name in capitals claims the one in small letters. */
function claimOf(sketch: Sketch): string | undefined {
  return appOfSketch(sketch) ?? sketch.draft.claim;
}

/** Two files that claim one app: nobody can say which is meant, so neither counts. */
function contestedNames(sketches: readonly Sketch[]): {
  readonly names: ReadonlySet<string>;
  readonly problems: readonly Problem[];
} {
  const byName = new Map<string, Sketch[]>();
  for (const sketch of sketches) {
    const name = claimOf(sketch)?.toLowerCase();
    if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), sketch]);
  }
  const contested = [...byName].filter(([, claims]) => claims.length > 1);
  const problems = contested.flatMap(([, claims]) =>
    claims.flatMap((claim) => {
      const others = claims.filter((other) => other !== claim).map((other) => other.found.file.name);
      const message = `${claimOf(claim)} is claimed by ${others.join(' and ')} too`;
      const finding = {
        severity: 'error',
        path: ['app'],
        part: 'value',
        message,
        hint: 'give one of them another name',
      } as const;
      return placed(claim, [finding], appOfSketch(claim));
    }),
  );
  return { names: new Set(contested.map(([name]) => name)), problems };
}

/** In the order of the items, at most `concurrency` at a time. */
async function sideBySide<Item, Answer>(
  items: readonly Item[],
  work: (item: Item) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const entries = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of entries) answers[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  return answers;
}

function needsOf(dependsOn: readonly string[] | undefined): Pick<InvalidApp, 'dependsOn'> {
  return dependsOn === undefined ? {} : { dependsOn };
}
