/** From the files a walk found to desired apps: drafts in the walk's order, then sources side by side. */
import type { SyncWritten } from '../../schemas/policy.ts';
import type { DesiredApp, ExplainedField, FollowedRef, InvalidApp } from '../model/desired.ts';
import { toFault } from '../model/fault.ts';
import { hashOf } from '../model/json.ts';
import type { Problem } from '../model/problem.ts';
import type { SecretValue } from '../model/secret-value.ts';
import type { GitMirrors } from '../sources/tree.ts';
import { composeApp, localPathsOf, type ComposedApp } from './app.ts';
import { hasBrokenSyntax, problemsOfText } from './document.ts';
import { draftApp, nameAtAGlance, type Draft } from './draft.ts';
import { explainFields } from './explain.ts';
import { pathWithin, type ConfigFiles, type Generations, type ReadFile } from './files.ts';
import { findingList, type Finding } from './finding.ts';
import { layersOf, originsOf, type Layers } from './layers.ts';
import { problemOf } from './placing.ts';
import type { Project } from './project.ts';
import { resolveSource, type ResolvedSource } from './source.ts';
import { syncPolicy } from './sync-policy.ts';
import type { FoundApp } from './walk.ts';

/** Sources looked at side by side: enough to hide a slow git host, few enough to be no burden to it. */
const concurrency = 16;

/** What was made of a file and its projects' layers lives as long as they do. */
export interface AppMemory {
  readonly drafts: WeakMap<ReadFile, WeakMap<KeyedLayers, Draft>>;
  readonly apps: WeakMap<Draft, { readonly key: string; readonly composed: Composed }>;
}

export interface Gathering {
  readonly found: readonly FoundApp[];
  readonly files: ConfigFiles;
  readonly mirrors: GitMirrors;
  readonly layers: Generations<KeyedLayers>;
  readonly memory: AppMemory;
  readonly resolveImage: (ref: string) => Promise<string | undefined>;
  readonly nameless: string | undefined;
  /** Outermost first: the operator's, then the config repo's. */
  readonly sync: readonly (SyncWritten | undefined)[];
  /** Moves when `sync` does. */
  readonly syncKey: string;
}

export interface Gathered {
  readonly apps: readonly DesiredApp[];
  readonly invalid: readonly InvalidApp[];
  readonly problems: readonly Problem[];
  /** false: an app's name could not be read, so nobody can say which app of Fly's is missing. */
  readonly whole: boolean;
  readonly followed: readonly FollowedRef[];
  readonly raw: ReadonlyMap<string, ReadonlyMap<string, SecretValue>>;
  /** Where the values of an app's fly config were written. */
  explain(app: string): readonly ExplainedField[];
}

/** One app as far as its own files say. */
interface Sketch {
  readonly found: FoundApp;
  readonly read: ReadFile;
  readonly draft: Draft;
}

interface Result {
  readonly name: string | undefined;
  readonly file: string;
  readonly app: DesiredApp | undefined;
  readonly raw: ReadonlyMap<string, SecretValue>;
  readonly problems: readonly Problem[];
  readonly followed: readonly FollowedRef[];
}

export async function gatherApps(gathering: Gathering): Promise<Gathered> {
  const { sketches, unread } = await sketchApps(gathering);
  const results = await sideBySide(sketches, (sketch) => finishSafely(gathering, sketch));
  const contested = contestedNames(sketches);
  const apps: DesiredApp[] = [];
  const invalid: InvalidApp[] = unread.map(({ file }) => ({ name: undefined, file }));
  for (const { app, name, file } of results) {
    if (app !== undefined && !contested.names.has(app.name.toLowerCase())) apps.push(app);
    else invalid.push({ name, file });
  }
  return {
    apps,
    invalid,
    problems: [...unread, ...results.flatMap(({ problems }) => problems), ...contested.problems],
    whole: invalid.every(({ name }) => name !== undefined),
    followed: results.flatMap(({ followed }) => followed),
    raw: new Map(results.flatMap(({ app, raw }) => (app === undefined ? [] : [[app.name, raw] as const]))),
    explain(name) {
      const sketch = sketches.find(({ draft }) => draft.name === name);
      if (sketch === undefined || apps.every((app) => app.name !== name)) return [];
      const { found, read, draft } = sketch;
      return explainFields({ ...draft, chain: found.chain, originOf: originsOf(found.chain, read.document) });
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
    if (first === undefined) continue; // a folder of that name, or a link that leads nowhere
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

export interface KeyedLayers extends Layers {
  /** Moves when a project of the chain does; empty without substitutions, for a file then reads the same in every chain. */
  readonly key: string;
}

/** The same value for the same projects, from one load to the next. */
function layersByChain(layers: Generations<KeyedLayers>): (chain: readonly Project[]) => KeyedLayers {
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
  return { ...layers, key: layers.substitutions.length === 0 ? '' : hashOf(chainKey) };
}

async function readApp(
  files: ConfigFiles,
  app: FoundApp,
  layers: KeyedLayers,
): Promise<ReadFile | Problem | undefined> {
  try {
    return await files.document(app.file, layers);
  } catch (error) {
    const { message, next } = toFault(error, 'this file could not be read');
    return { severity: 'error', file: app.file.name, line: 0, column: 0, path: '', message, hint: next };
  }
}

function sketchOf(gathering: Gathering, found: FoundApp, read: ReadFile, layers: KeyedLayers): Sketch {
  const { document } = read;
  if (found.bare) return { found, read, draft: draftApp({ document, layers, nameless: gathering.nameless }) };
  const { drafts } = gathering.memory;
  const known = drafts.get(read) ?? new WeakMap<KeyedLayers, Draft>();
  drafts.set(read, known);
  const draft = known.get(layers) ?? draftApp({ document, layers, nameless: undefined });
  known.set(layers, draft);
  return { found, read, draft };
}

/** A file that cannot be read on the way spoils the one app that needs it. */
async function finishSafely(gathering: Gathering, sketch: Sketch): Promise<Result> {
  try {
    return await finish(gathering, sketch);
  } catch (error) {
    const { message, next } = toFault(error, 'a file of this app could not be read');
    const name = sketch.draft.name;
    const finding = { severity: 'error', path: [], part: 'value', message, hint: next } as const;
    const problems = placed(sketch, [finding], name);
    return { name, file: sketch.found.file.name, app: undefined, raw: new Map(), problems, followed: [] };
  }
}

async function finish(gathering: Gathering, sketch: Sketch): Promise<Result> {
  const { found, read, draft } = sketch;
  const { document } = read;
  const name = draft.name ?? nameAtAGlance(document.text);
  const base = { name, file: found.file.name };
  const textProblems = problemsOfText(document, name);
  if (hasBrokenSyntax(document)) {
    return { ...base, app: undefined, raw: new Map(), problems: textProblems, followed: [] };
  }
  const { source, findings } = await sourceOf(gathering, sketch);
  const composed = await compose(gathering, sketch, source);
  const dynamic = placed(sketch, findings, name);
  const sound = textProblems.length === 0 && dynamic.every(({ severity }) => severity !== 'error');
  const followed = source?.followed === undefined ? [] : [{ ...source.followed, app: name }];
  return {
    ...base,
    app: sound ? composed.app : undefined,
    raw: composed.raw,
    problems: [...textProblems, ...composed.problems, ...dynamic],
    followed,
  };
}

/** What may change without a change in the config: asked for at each load. */
async function sourceOf(
  gathering: Gathering,
  sketch: Sketch,
): Promise<{ readonly source: ResolvedSource | undefined; readonly findings: readonly Finding[] }> {
  const { draft, found } = sketch;
  const findings = findingList();
  if (draft.broken.has('source') || draft.broken.has('merge_cfg')) return { source: undefined, findings: [] };
  const { files, mirrors, resolveImage } = gathering;
  const { owned, merged } = draft;
  try {
    const request = { file: found.file, bare: found.bare, owned, merged, files, mirrors, resolveImage, findings };
    return { source: await resolveSource(request), findings: findings.all };
  } catch (error) {
    const { message, next } = toFault(error, 'the source could not be read');
    findings.error(['source'], message, next);
    return { source: undefined, findings: findings.all };
  }
}

interface Composed extends ComposedApp {
  readonly problems: readonly Problem[];
}

async function compose(gathering: Gathering, sketch: Sketch, source: ResolvedSource | undefined): Promise<Composed> {
  const { found, draft } = sketch;
  const local = await localFiles(gathering, sketch, source);
  const commit = source?.source.type === 'git' ? source.source.commit : undefined;
  const ids = local.map(({ id }) => id);
  // All that may move while the draft, with its file and its projects, stays.
  const key = [source === undefined, source?.appVersion, commit, gathering.syncKey, ...ids].join('\n');
  const known = gathering.memory.apps.get(draft);
  if (known?.key === key) return known.composed;
  const contents = new Map<string, Uint8Array>();
  for (const { written, read } of local) {
    const bytes = await read();
    if (bytes !== undefined) contents.set(written, bytes);
  }
  const composed = composeApp({
    draft,
    file: found.file.name,
    files: [...found.chain.map(({ document }) => document.file), found.file.name, ...local.map(({ name }) => name)],
    projects: found.chain.map(({ name }) => name),
    source,
    localFiles: contents,
    policy: syncPolicy([...gathering.sync, ...found.chain.map(({ sync }) => sync), draft.owned.sync]),
  });
  const made = { ...composed, problems: placed(sketch, composed.findings, draft.name) };
  gathering.memory.apps.set(draft, { key, composed: made });
  return made;
}

interface LocalFile {
  readonly written: string;
  readonly name: string;
  readonly id: string;
  readonly read: () => Promise<Uint8Array | undefined>;
}

/** Files that the config puts into machines: of the app's folder, else of its source. Those not there are left out. */
async function localFiles(
  gathering: Gathering,
  sketch: Sketch,
  source: ResolvedSource | undefined,
): Promise<readonly LocalFile[]> {
  const { files } = gathering;
  const { tree, folder } = sketch.found.file;
  const found: LocalFile[] = [];
  for (const written of localPathsOf(sketch.draft.fly)) {
    for (const place of source?.folders ?? [{ tree, folder }]) {
      const path = pathWithin(place.folder, written);
      const id = path === undefined ? undefined : await files.id(place.tree, path);
      if (path === undefined || id === undefined) continue;
      const { name } = files.file(place.tree, path);
      found.push({ written, name, id, read: () => files.read(place.tree, path) });
      break;
    }
  }
  return found;
}

/** Findings with their places. The merge is traced once for all of them. */
function placed(sketch: Sketch, findings: readonly Finding[], app: string | undefined): readonly Problem[] {
  if (findings.length === 0) return [];
  const originOf = originsOf(sketch.found.chain, sketch.read.document);
  return findings.map((finding) => problemOf(finding, originOf(finding.path), app));
}

/** Two files that claim one app: nobody can say which is meant, so neither counts. */
function contestedNames(sketches: readonly Sketch[]): {
  readonly names: ReadonlySet<string>;
  readonly problems: readonly Problem[];
} {
  const byName = new Map<string, Sketch[]>();
  for (const sketch of sketches) {
    const name = sketch.draft.name?.toLowerCase();
    if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), sketch]);
  }
  const contested = [...byName].filter(([, claims]) => claims.length > 1);
  const problems = contested.flatMap(([, claims]) =>
    claims.flatMap((claim) => {
      const others = claims.filter((other) => other !== claim).map((other) => other.found.file.name);
      const message = `${claim.draft.name} is claimed by ${others.join(' and ')} too`;
      const finding = {
        severity: 'error',
        path: ['app'],
        part: 'value',
        message,
        hint: 'give one of them another name',
      } as const;
      return placed(claim, [finding], claim.draft.name);
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
