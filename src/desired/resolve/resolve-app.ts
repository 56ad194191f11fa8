/** An app as far as its own files say, and how its source, its base and its local files make it whole. */
import type { SyncWritten } from '../../../schemas/policy.ts';
import type { DesiredApp, FollowedRef } from '../../model/desired.ts';
import { toFault } from '../../model/base/fault.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { SecretValue } from '../../model/base/secret-value.ts';
import type { GitMirrors } from '../../sources/tree/tree.ts';
import { machineConfigPathsIn } from '../../flyconfig/sections/machine-config.ts';
import { meantApp } from './app-name.ts';
import { composeApp, findingsWithoutBase, localPathsOf, type ComposedApp, type LocalPath } from './app.ts';
import type { BuildRecipe } from '../source/build.ts';
import { baseConfig, readBase, type BaseConfig } from '../source/base-config.ts';
import { hasBrokenSyntax } from '../documents/document.ts';
import { refusePointer } from '../../sources/tree/lfs-pointer.ts';
import { readAppConfig, placed, fromBase, type AppConfig, type KeyedLayers, type Sketch } from './app-config.ts';
import type { ConfigFiles, ReadFile } from '../files/config-files.ts';
import { pathWithin } from '../files/paths.ts';
import type { Cache } from '../files/cache.ts';
import { findingList, type Finding, type FindingList } from '../documents/finding.ts';
import { problemsOfText, problemsIn } from '../documents/source-map.ts';
import { resolveSource, sourceFolder, type ResolvedSource, type SourceFolder } from '../source/source.ts';
import { inputsOf } from './inputs.ts';
import type { AllowedSecrets } from './allowed-secrets.ts';
import { syncPolicy } from './policy.ts';
import type { FoundApp } from '../discover/discovery.ts';

/** What was made of a file and its projects' layers lives as long as they do. */
export interface AppMemory {
  readonly drafts: WeakMap<ReadFile, WeakMap<KeyedLayers, AppConfig>>;
  /** Drafts over a base, by the draft without it. */
  readonly based: WeakMap<AppConfig, WeakMap<ReadFile, { readonly config: BaseConfig; readonly draft: AppConfig }>>;
  readonly apps: WeakMap<AppConfig, { readonly key: string; readonly composed: Composed }>;
}

export interface Gathering {
  readonly found: readonly FoundApp[];
  readonly files: ConfigFiles;
  readonly mirrors: GitMirrors;
  readonly layers: Cache<KeyedLayers>;
  readonly memory: AppMemory;
  readonly resolveImage: (ref: string) => Promise<string | undefined>;
  readonly nameless: string | undefined;
  /** Outermost first: the operator's, then the config repo's. */
  readonly sync: readonly (SyncWritten | undefined)[];
  readonly allowed: AllowedSecrets;
  /** Moves when `sync` or `allowed` does. */
  readonly settingsKey: string;
  /** false: apps of the fleet may stand in what was not read. */
  readonly isWhole: boolean;
}

export interface Result {
  readonly name: string | undefined;
  readonly file: string;
  readonly app: DesiredApp | undefined;
  readonly raw: ReadonlyMap<string, SecretValue>;
  readonly recipe?: BuildRecipe | undefined;
  readonly problems: readonly Problem[];
  readonly followed: readonly FollowedRef[];
  /** With its base. */
  readonly sketch: Sketch;
}

/** undefined: nobody knows which app the file means. */
export function appOfSketch({ read, layers, draft }: Sketch): string | undefined {
  return meantApp({ document: read.document, layers, draft });
}

/** A file that cannot be read on the way spoils the one app that needs it. */
export async function resolveApp(gathering: Gathering, sketch: Sketch): Promise<Result> {
  try {
    return await finish(gathering, sketch);
  } catch (error) {
    const { message, next } = toFault(error, 'a file of this app could not be read');
    const name = appOfSketch(sketch);
    const finding = { severity: 'error', path: [], part: 'value', message, hint: next } as const;
    const problems = placed(sketch, [finding], name);
    return { name, file: sketch.found.file.name, app: undefined, raw: new Map(), problems, followed: [], sketch };
  }
}

async function finish(gathering: Gathering, sketched: Sketch): Promise<Result> {
  const { found, read, draft } = sketched;
  const { document } = read;
  const name = appOfSketch(sketched);
  const none = { name, file: found.file.name, app: undefined, raw: new Map(), followed: [], sketch: sketched } as const;
  const textProblems = problemsOfText(document, name);
  if (hasBrokenSyntax(document)) return { ...none, problems: textProblems };
  const based = await overBase(gathering, sketched, name);
  const { sketch } = based;
  const { source, findings } = await sourceOf(gathering, sketch);
  const own = problemsIn(document, draft.fileFindings).map((one) => ({ ...one, app: name }));
  const dynamic = [...own, ...based.problems, ...placed(sketch, findings, name)];
  const followed = followedBy(name, [source?.followed, based.followed]);
  if (!based.read) {
    const problems = [...textProblems, ...placed(sketch, findingsWithoutBase(draft), name), ...dynamic];
    return { ...none, followed, problems };
  }
  const composed = await compose(gathering, sketch, source);
  const sound = textProblems.length === 0 && dynamic.every(({ severity }) => severity !== 'error');
  return {
    ...none,
    app: sound ? composed.app : undefined,
    raw: composed.raw,
    recipe: source?.recipe,
    problems: [...textProblems, ...composed.problems, ...dynamic],
    followed,
    sketch,
  };
}

function followedBy(app: string | undefined, refs: readonly SourceFolder['followed'][]): readonly FollowedRef[] {
  const known = refs.filter((ref) => ref !== undefined);
  const twice = (ref: { readonly repo: string; readonly ref: string }, index: number): boolean =>
    known.findIndex((other) => other.repo === ref.repo && other.ref === ref.ref) < index;
  return known.filter((ref, index) => !twice(ref, index)).map((ref) => ({ ...ref, app }));
}

interface Based {
  readonly sketch: Sketch;
  /** false: without its base nobody can say what the app is. */
  readonly read: boolean;
  readonly problems: readonly Problem[];
  readonly followed: SourceFolder['followed'];
}

/** The sketch laid over what its `fly_config` names. */
async function overBase(gathering: Gathering, sketch: Sketch, app: string | undefined): Promise<Based> {
  const { draft, found, read, layers } = sketch;
  const { owned, broken } = draft;
  if (broken.has('fly_config')) return { sketch, read: false, problems: [], followed: undefined };
  if (owned.fly_config === undefined) return { sketch, read: true, problems: [], followed: undefined };
  const findings = findingList();
  const source = await baseSource(gathering, sketch, findings);
  const file = source && (await readBase({ path: owned.fly_config, source, files: gathering.files, findings }));
  if (source === undefined || file === undefined) {
    return { sketch, read: false, problems: placed(sketch, findings.all, app), followed: source?.followed };
  }
  const textProblems = problemsOfText(file.document, app);
  if (hasBrokenSyntax(file.document)) return { sketch, read: false, problems: textProblems, followed: source.followed };
  const { based } = gathering.memory;
  const known = based.get(draft) ?? new WeakMap<ReadFile, { readonly config: BaseConfig; readonly draft: AppConfig }>();
  based.set(draft, known);
  let made = known.get(file);
  if (made === undefined) {
    const config = baseConfig(file.document);
    const { bare } = found;
    const nameless = bare ? gathering.nameless : undefined;
    made = { config, draft: readAppConfig({ document: read.document, layers, base: config, bare, nameless }) };
    known.set(file, made);
  }
  const problems = [
    ...textProblems,
    ...problemsIn(file.document, made.config.findings).map((one) => ({ ...one, app })),
  ];
  const base = { config: made.config, source };
  return { sketch: { ...sketch, draft: made.draft, base }, read: true, problems, followed: source.followed };
}

async function baseSource(
  gathering: Gathering,
  { draft, found }: Sketch,
  findings: FindingList,
): Promise<SourceFolder | undefined> {
  if (draft.broken.has('source')) return undefined;
  try {
    return await sourceFolder({ file: found.file, owned: draft.owned, mirrors: gathering.mirrors });
  } catch (error) {
    const { message, next } = toFault(error, 'the source could not be read');
    findings.error(['fly_config'], `it cannot be read: ${message}`, next);
    return undefined;
  }
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
    const { file, bare } = found;
    const request = { file, bare, owned, merged, fly: draft.fly, files, mirrors, resolveImage, findings };
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
  const { found, draft, base, read, layers } = sketch;
  const local = await localFiles(gathering, sketch, source);
  const commit = source?.source.type === 'git' ? source.source.commit : undefined;
  const ids = local.map(({ id }) => id);
  // All that may move while the draft, with its file and its projects, stays.
  const build = source?.recipe?.build.key;
  const key = [source === undefined, source?.appVersion, build, commit, gathering.settingsKey, ...ids].join('\n');
  const known = gathering.memory.apps.get(draft);
  if (known?.key === key) return known.composed;
  const contents = new Map<string, Uint8Array>();
  for (const { written, name, read } of local) {
    const bytes = await read();
    if (bytes === undefined) continue;
    refusePointer({ bytes, path: name, tree: found.file.tree, next: 'commit the file itself' });
    contents.set(written, bytes);
  }
  const composed = composeApp({
    draft,
    file: found.file.name,
    files: [
      ...found.chain.map(({ document }) => document.file),
      found.file.name,
      ...(base === undefined ? [] : [base.config.document.file]),
      ...local.map(({ name }) => name),
    ],
    chain: found.chain,
    allowed: gathering.allowed,
    source,
    localFiles: contents,
    policy: syncPolicy([...gathering.sync, ...found.chain.map(({ sync }) => sync), draft.owned.sync]),
    inputs: (from) =>
      inputsOf({
        projects: layers.inputs,
        document: read.document,
        base: base?.config,
        localFiles: contents,
        source: from,
      }),
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

/**
 * Files that the config puts into machines: what app.yaml names, of its folder, else of its source; what its base names,
 * of the source the base stands in first. Those not there are left out.
 */
async function localFiles(
  gathering: Gathering,
  sketch: Sketch,
  source: ResolvedSource | undefined,
): Promise<readonly LocalFile[]> {
  const { files } = gathering;
  const { found, base, draft } = sketch;
  const { tree, folder } = found.file;
  const own = source?.folders ?? [{ tree, folder }];
  const ofBase = base === undefined ? [] : [base.source];
  const isOfBase = fromBase(sketch);
  const find = async ({ written, at }: LocalPath): Promise<LocalFile | undefined> => {
    for (const place of isOfBase(at) ? [...ofBase, ...own] : [...own, ...ofBase]) {
      const path = pathWithin(place.folder, written);
      const id = path === undefined ? undefined : await files.id(place.tree, path);
      if (path === undefined || id === undefined) continue;
      const { name } = files.file(place.tree, path);
      return { written, name, id, read: () => files.read(place.tree, path) };
    }
    return undefined;
  };
  const listed: LocalFile[] = [];
  for (const path of localPathsOf(draft.fly)) {
    const file = await find(path);
    if (file === undefined) continue;
    listed.push(file);
    // A machine_config in a file of its own names files in its turn.
    for (const written of path.isMachineConfig ? machineConfigPathsIn(await file.read()) : []) {
      const inner = await find({ ...path, written });
      if (inner !== undefined) listed.push(inner);
    }
  }
  return listed;
}
