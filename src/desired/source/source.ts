/** Where an app's content comes from, and the id that moves exactly when that content does. */
import type { Owned } from '../../../schemas/app.ts';
import type { DesiredImage, DesiredSource, FollowedRef } from '../../model/desired.ts';
import { toFault } from '../../model/base/fault.ts';
import { hashOf, isObject, type JsonObject } from '../../model/base/json.ts';
import type { GitMirrors, Tree } from '../../sources/tree/tree.ts';
import { contextId, type ContextLayer } from '../../sources/build/build-context.ts';
import { buildPath, buildRecipe, overlayOf, type BuildRecipe } from './build.ts';
import type { ConfigFile, ConfigFiles } from '../files/config-files.ts';
import { isInside } from '../../sources/tree/tree-path.ts';
import { pathWithin, stayInside } from '../files/paths.ts';
import type { FindingList } from '../documents/finding.ts';
import type { DocumentPath } from '../documents/path.ts';
import { redactUrl } from '../../sources/tree/location.ts';
import { hasGoHash } from '../../sources/tree/go-hash.ts';
import { refOf } from '../../sources/tree/ref.ts';
import { isV0Commit, isV0Inline } from './v0-build.ts';

export interface SourceRequest {
  readonly file: ConfigFile;
  readonly bare: boolean;
  readonly owned: Owned;
  readonly merged: JsonObject;
  /** The fly config after repair. */
  readonly fly: JsonObject;
  readonly files: ConfigFiles;
  readonly mirrors: GitMirrors;
  readonly resolveImage: (ref: string) => Promise<string | undefined>;
  readonly findings: FindingList;
}

export interface ResolvedSource {
  readonly source: DesiredSource;
  readonly image: DesiredImage;
  readonly appVersion: string | undefined;
  readonly followed: Omit<FollowedRef, 'app'> | undefined;
  /** Folders in which `files[].local_path` is looked for: a build lays the config folder over the source. */
  readonly folders: readonly { readonly tree: Tree; readonly folder: string }[];
  /** undefined: nothing is built, or nobody knows from what. */
  readonly recipe: BuildRecipe | undefined;
}

/** Where paths of an app's source begin. */
export interface SourceFolder {
  readonly tree: Tree;
  readonly folder: string;
  readonly followed: Omit<FollowedRef, 'app'> | undefined;
}

/**
 * The source's folder, whatever runs in the end; without a git or local source, the app's own. undefined: it cannot be
 * told, which `resolveSource` says too. Throws the Fault of a repo that cannot be read.
 */
export async function sourceFolder(
  request: Pick<SourceRequest, 'file' | 'owned' | 'mirrors'>,
): Promise<SourceFolder | undefined> {
  const { file, owned, mirrors } = request;
  const { source } = owned;
  const isGit = source?.type === 'git';
  const written = isGit || source?.type === 'local' ? source.path : undefined;
  const folder = pathWithin(isGit ? '' : file.folder, written ?? '');
  if (folder === undefined) return undefined;
  if (!isGit) return { tree: file.tree, folder, followed: undefined };
  const url = source.repo ?? '';
  const ref = refOf(source.ref);
  const tree = await mirrors.tree({ url, ref, trust: 'config' });
  return { tree, folder, followed: followedOf(source) };
}

function followedOf(source: WrittenSource): SourceFolder['followed'] {
  if (source.ref?.commit !== undefined) return undefined;
  return { repo: redactUrl(source.repo ?? ''), ref: refOf(source.ref) };
}

const sourceHint = 'name source (git, local, inline-docker-file, image), or an image in build.image';

/** undefined: nothing usable is named; the findings say what is missing. */
export async function resolveSource(request: SourceRequest): Promise<ResolvedSource | undefined> {
  const { owned, findings, file, bare } = request;
  const image = imageOf(request);
  if (image !== undefined) return resolveImage(request, image);
  const source: WrittenSource | undefined = owned.source ?? (bare ? { type: 'local' } : undefined);
  if (source === undefined) {
    findings.error(['source'], 'expected a source, found nothing', sourceHint);
    return undefined;
  }
  const overlay = await overlayOf(request);
  const config = overlay.length === 0 ? undefined : await contextId({ layers: overlay, texts: [] });
  switch (source.type) {
    case 'git':
      return resolveGit(request, source, { overlay, config });
    case 'local':
      return resolveLocal(request, source, { overlay, config });
    case 'inline-docker-file': {
      const version = versionOf('content', [hashOf(source.inline)], config);
      const texts = [{ path: 'Dockerfile', text: source.inline ?? '' }];
      const recipe = await buildRecipe({
        ...request,
        context: { layers: overlay, texts },
        roots: [],
        watched: undefined,
        v0: { overlaid: config !== undefined, holdsConfig: false, is: isV0Inline(source.inline ?? '') },
      });
      const folders = [{ tree: file.tree, folder: file.folder }];
      return built({ source: { type: 'inline-docker-file' }, version, folders, recipe });
    }
    default:
      return undefined; // an image without a name: the schema has said so
  }
}

/** build.image, else source.image. */
function imageOf(request: SourceRequest): string | undefined {
  const { owned, merged, findings } = request;
  const build = merged['build'];
  const written = isObject(build) ? build['image'] : undefined;
  const named = typeof written === 'string' && written !== '' ? written : undefined;
  const { source } = owned;
  if (source?.type === 'image' && named !== undefined && source.image !== named) {
    findings.error(['source', 'image'], 'build.image names another image', 'keep one of the two');
  }
  if (source?.type === 'git' && named !== undefined && owned.fly_config === undefined) {
    findings.warning(
      ['source'],
      'build.image names an image, so nothing is built from this repo',
      'keep one of the two',
    );
  }
  return named ?? (source?.type === 'image' ? source.image : undefined);
}

const leadsOut = 'this path leads out of the repo';

/** `source.path` of a git or local source, from its repo's root. undefined: it leads out of it, which is said. */
function writtenFolder(
  { file, findings }: Pick<SourceRequest, 'file' | 'findings'>,
  { type, path }: WrittenSource,
): string | undefined {
  const isGit = type === 'git';
  const folder = pathWithin(isGit ? '' : file.folder, path ?? '');
  if (folder === undefined) {
    const start = isGit ? 'the repo’s root' : 'this file’s folder';
    findings.error(
      ['source', 'path'],
      leadsOut,
      isGit ? `paths go from ${start}, and stay inside` : stayInside(file.tree, start),
    );
  }
  return folder;
}

/** Nothing is built from this source, but `fly_config` may be read from it, and the image may go again. */
function checkUnbuiltPaths(request: SourceRequest): void {
  const { source } = request.owned;
  if (source?.type !== 'git' && source?.type !== 'local') return;
  const folder = writtenFolder(request, source);
  if (folder === undefined) return;
  for (const [index, watched] of (source.watch ?? []).entries()) {
    const inside = pathWithin(source.type === 'git' ? '' : folder, watched);
    if (inside === undefined) request.findings.error(['source', 'watch', index], leadsOut);
  }
}

const imageReference = /^[\w][\w.\-/:]*(?:@sha256:[0-9a-f]{64})?$/;

async function resolveImage(request: SourceRequest, ref: string): Promise<ResolvedSource | undefined> {
  const { findings, owned, file } = request;
  checkUnbuiltPaths(request);
  if (!imageReference.test(ref)) {
    const path = owned.source?.type === 'image' ? ['source', 'image'] : ['build', 'image'];
    findings.error(path, 'expected an image reference such as ghcr.io/me/app:1.2, found other characters');
    return undefined;
  }
  const pinned = /@(sha256:[0-9a-f]{64})$/.exec(ref)?.[1];
  const digest = pinned ?? (await digestOf(request, ref));
  return {
    source: { type: 'image', ref },
    image: { kind: 'reference', ref, digest },
    appVersion: `image:${digest ?? ref}`,
    followed: undefined,
    folders: [{ tree: file.tree, folder: file.folder }],
    recipe: undefined,
  };
}

/** A registry that does not answer leaves the tag as written; an unknown digest is never a change. */
async function digestOf(request: SourceRequest, ref: string): Promise<string | undefined> {
  try {
    return await request.resolveImage(ref);
  } catch (error) {
    const fault = toFault(error, 'the registry did not answer');
    request.findings.warning(['build', 'image'], `the digest of this image is unknown: ${fault.message}`, fault.next);
    return undefined;
  }
}

type Scheme = 'git' | 'tree' | 'content';

/** One id stands for itself; several, or config files that go into the build, for their hash. */
function versionOf(scheme: Scheme, ids: readonly string[], config: string | undefined): string {
  const [only] = ids;
  if (ids.length === 1 && only !== undefined && config === undefined) return `${scheme}:${only}`;
  return `${scheme === 'git' ? 'tree' : scheme}:${hashOf({ ids, config })}`;
}

interface Built {
  readonly source: DesiredSource;
  readonly version: string | undefined;
  readonly folders: ResolvedSource['folders'];
  readonly followed?: ResolvedSource['followed'];
  readonly recipe: BuildRecipe | undefined;
  readonly unread?: string | undefined;
}

function built({ source, version, folders, followed, recipe, unread }: Built): ResolvedSource {
  const reason = unread === undefined ? {} : { unread };
  const image = { kind: 'build', source, build: recipe?.build, ...reason } as const;
  return { source, image, appVersion: version, followed, folders, recipe };
}

/** What `merge_cfg` lays over the source. */
interface Overlay {
  readonly overlay: readonly ContextLayer[];
  /** undefined: nothing. */
  readonly config: string | undefined;
}

type WrittenSource = NonNullable<Owned['source']>;

async function resolveGit(
  request: SourceRequest,
  written: WrittenSource,
  { overlay, config }: Overlay,
): Promise<ResolvedSource | undefined> {
  const { findings, file } = request;
  const url = written.repo ?? '';
  const repo = redactUrl(url);
  const ref = refOf(written.ref);
  const path = writtenFolder(request, written);
  if (path === undefined) return undefined;
  checkBuildPaths(request, [path]);
  const followed = followedOf(written);
  const own = { tree: file.tree, folder: file.folder };
  let tree: Tree;
  try {
    tree = await request.mirrors.tree({ url, ref, trust: 'config' });
  } catch (error) {
    const fault = toFault(error, 'the repo could not be read');
    // What time or the network mends spoils no app: its version is unknown until then.
    const lasting = fault.kind === 'stalled' || fault.kind === 'held';
    if (lasting) findings.error(['source', 'repo'], fault.message, fault.next);
    else findings.warning(['source', 'repo'], fault.message, fault.next);
    const source = { type: 'git', repo, ref, path, commit: undefined } as const;
    return built({ source, version: undefined, folders: [own], followed, recipe: undefined, unread: fault.why });
  }
  const ids = await watchedIds(request, written, tree, path);
  const scheme = written.watch === undefined && path === '' ? 'git' : 'tree';
  const version = ids === undefined ? undefined : versionOf(scheme, ids, config);
  const source = { type: 'git', repo, ref, path, commit: tree.revision } as const;
  const folders = [own, { tree, folder: path }];
  if (ids === undefined) return built({ source, version, folders, followed, recipe: undefined });
  const context = { layers: [{ tree, path, at: '' }, ...overlay], texts: [] };
  // Whoever lists what counts wants no build for the rest.
  const watched = written.watch === undefined ? undefined : [...ids, config ?? ''];
  const compared = written.watch === undefined ? [path] : [...(path === '' ? [] : [path]), ...written.watch];
  const is = isV0Commit({ mirrors: request.mirrors, url, tree, paths: compared });
  const v0 = { overlaid: config !== undefined, holdsConfig: false, is };
  const recipe = await buildRecipe({ ...request, context, roots: [{ tree, folder: path }], watched, v0 });
  return built({ source, version, folders, followed, recipe });
}

/** Files that a build reads lie in the repo it is made from, seen from one of these folders. A Dockerfile may be a URL. */
function checkBuildPaths({ merged, findings }: SourceRequest, folders: readonly string[]): void {
  const { build } = merged;
  if (!isObject(build)) return;
  for (const key of ['dockerfile', 'ignorefile']) {
    const written = build[key];
    if (typeof written !== 'string' || /^https?:\/\//.test(written)) continue;
    if (folders.some((folder) => pathWithin(folder, buildPath(written)) !== undefined)) continue;
    findings.error(['build', key], leadsOut, 'name a file of what is built by its path from there');
  }
}

interface Watched {
  /** Where it is written. */
  readonly at: DocumentPath;
  readonly path: string;
  readonly needed: boolean;
}

/** The commit, or the ids of just the paths that count. undefined: one that is needed is not there. */
async function watchedIds(
  request: SourceRequest,
  written: WrittenSource,
  tree: Tree,
  path: string,
): Promise<readonly string[] | undefined> {
  const { findings, files } = request;
  const own: readonly Watched[] = path === '' ? [] : [{ at: ['source', 'path'], path, needed: true }];
  const others = (written.watch ?? []).map((path, index) => ({ at: ['source', 'watch', index], path, needed: false }));
  const watched: readonly Watched[] = [...own, ...others];
  if (watched.length === 0) return [tree.revision];
  const ids: string[] = [];
  for (const { at, path, needed } of watched) {
    const inside = pathWithin('', path);
    const id = inside === undefined ? undefined : await files.id(tree, inside);
    if (inside === undefined) findings.error(at, leadsOut);
    else if (id !== undefined) ids.push(watched.length === 1 ? id : `${inside} ${id}`);
    else if (needed) findings.error(at, `there is no ${inside} in ${tree.name}`);
    else findings.warning(at, `there is no ${inside} in ${tree.name}`, 'a path that is not there never changes');
    if (needed && id === undefined) return undefined;
  }
  return ids;
}

async function resolveLocal(
  request: SourceRequest,
  written: WrittenSource,
  { overlay, config }: Overlay,
): Promise<ResolvedSource | undefined> {
  const { findings, file, files } = request;
  const folder = writtenFolder(request, written);
  if (folder === undefined) return undefined;
  checkBuildPaths(request, [folder, file.folder]);
  const ids: string[] = [];
  const watchedPaths = written.watch ?? [''];
  for (const [index, watched] of watchedPaths.entries()) {
    const path = pathWithin(folder, watched);
    const at = written.watch === undefined ? ['source', 'path'] : ['source', 'watch', index];
    if (path === undefined) {
      findings.error(at, leadsOut);
      continue;
    }
    const id = await contentId(files, file, path);
    if (id === undefined) findings.error(at, `there is no ${path} in ${file.tree.name}`);
    else ids.push(id);
  }
  if (ids.length < watchedPaths.length) return undefined;
  const folders = [
    { tree: file.tree, folder: file.folder },
    { tree: file.tree, folder },
  ];
  const without = isInside(file.path, folder) ? (path: string): boolean => path === file.path : undefined;
  const context = { layers: [{ tree: file.tree, path: folder, at: '', without }, ...overlay], texts: [] };
  const watched = written.watch === undefined ? undefined : [...ids, config ?? ''];
  const v0 = {
    overlaid: config !== undefined,
    holdsConfig: isInside(file.folder, folder),
    is: (version: string): Promise<boolean> => hasGoHash(file.tree, folder, version),
  };
  const recipe = await buildRecipe({ ...request, context, roots: folders.toReversed(), watched, v0 });
  return built({
    source: { type: 'local', path: folder },
    version: versionOf('content', ids, config),
    folders,
    recipe,
  });
}

/** Of what is under a path, the app's own config file excepted: a comment in it builds nothing. */
async function contentId(files: ConfigFiles, file: ConfigFile, path: string): Promise<string | undefined> {
  if (!isInside(file.path, path)) return files.id(file.tree, path);
  const parts: string[] = [];
  for (const entry of await files.list(file.tree, path)) {
    if (entry.path === file.path || entry.path === '.git') continue;
    const id = isInside(file.path, entry.path)
      ? await contentId(files, file, entry.path)
      : await files.id(file.tree, entry.path);
    parts.push(`${entry.path.slice(path === '' ? 0 : path.length + 1)} ${id ?? ''}`);
  }
  return hashOf(parts);
}
