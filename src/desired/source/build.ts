/** What an app's image is built from, and the key under which all apps that build the same share one image. */
import { join, posix } from 'node:path';
import type { Owned } from '../../../schemas/app.ts';
import type { BuildFiles, DesiredBuild } from '../../model/desired.ts';
import { Fault } from '../../model/base/fault.ts';
import { isGlob, matchesPath } from '../../model/base/glob.ts';
import { hashOf, isObject, type JsonObject, type JsonValue } from '../../model/base/json.ts';
import type { V0Versions } from '../../model/stamps/v0-versions.ts';
import {
  contextId,
  refuseRepositories,
  writeBuildFolder,
  type ContextLayer,
  type ContextParts,
} from '../../sources/build/build-context.ts';
import type { Tree } from '../../sources/tree/tree.ts';
import { fileBytesMax, type ConfigFile, type ConfigFiles } from '../files/config-files.ts';
import { isInside } from '../../sources/tree/tree-path.ts';
import { pathWithin } from '../files/paths.ts';
import type { DocumentPath } from '../documents/path.ts';
import type { FindingList } from '../documents/finding.ts';
import { flagsOf } from './flyctl-flags.ts';
import { isV0Build, type V0Source } from './v0-build.ts';

/** Moves when FlyCD makes something else of the same files. */
const keyForm = 'k1';

export interface BuildRecipe {
  readonly build: DesiredBuild;
  /** Hash of the contents that git gives to it, whatever FlyCD makes of them. */
  readonly contents: string;
  /** Into an empty folder. */
  write(folder: string): Promise<BuildFiles>;
  /** Whether FlyCD 0.x would have called the app unchanged. Throws a transient Fault. */
  builtByV0(versions: V0Versions): Promise<boolean>;
}

export interface BuildRequest {
  readonly file: ConfigFile;
  readonly owned: Owned;
  readonly fly: JsonObject;
  readonly files: ConfigFiles;
  readonly findings: FindingList;
  readonly context: ContextParts;
  /** Folders from which a Dockerfile beside the context may be named; the first is the source's. */
  readonly roots: readonly { readonly tree: Tree; readonly folder: string }[];
  /** Ids of all that counts as a change; undefined: all that is in the context. */
  readonly watched: readonly string[] | undefined;
  readonly v0: V0Source;
}

/** A file that `build` names: in the context, elsewhere in the repo, or at a URL. */
type NamedFile =
  | { readonly kind: 'context'; readonly path: string }
  | { readonly kind: 'repo'; readonly tree: Tree; readonly path: string; readonly id: string }
  | { readonly kind: 'url'; readonly url: string };

/** Throws a stalled Fault for a context that cannot be built; undefined: the findings say what is missing. */
export async function buildRecipe(request: BuildRequest): Promise<BuildRecipe | undefined> {
  const { fly, context, watched, findings } = request;
  const section = isObject(fly['build']) ? fly['build'] : {};
  const { image: _image, dockerfile, ignorefile, ...written } = section;
  const settings = settingsOf(request, written);
  const named = {
    dockerfile: await namedFile(request, fileOf(request, 'dockerfile', dockerfile)),
    ignorefile: await namedFile(request, fileOf(request, 'ignorefile', ignorefile)),
  };
  if (findings.hasError) return undefined;
  await refuseRepositories(context);
  const content = watched === undefined ? await contextId(context) : hashOf(watched);
  const key = hashOf({
    form: keyForm,
    context: content,
    dockerfile: identityOf(named.dockerfile),
    ignorefile: identityOf(named.ignorefile),
    settings,
  });
  const usesConfig =
    request.v0.overlaid || Object.keys(settings).length > 0 || Object.values(named).some((one) => one !== undefined);
  return {
    build: { key, settings },
    contents: hashOf([content, identityOf(named.dockerfile), identityOf(named.ignorefile)]),
    builtByV0: (versions) => isV0Build({ source: request.v0, file: request.file, usesConfig }, versions),
    async write(folder) {
      const beside = Object.entries(named).flatMap(([name, file]) =>
        file?.kind === 'repo' ? [{ name, tree: file.tree, path: file.path, bytesMax: fileBytesMax }] : [],
      );
      const path = await writeBuildFolder(folder, context, beside);
      const place = (name: keyof typeof named): string | undefined => {
        const file = named[name];
        if (file?.kind === 'url') return file.url;
        return file?.kind === 'context' ? join(path, file.path) : file && join(folder, name);
      };
      return { context: path, dockerfile: place('dockerfile'), ignorefile: place('ignorefile') };
    },
  };
}

export function writeBuild(recipe: BuildRecipe | undefined, app: string, folder: string): Promise<BuildFiles> {
  if (recipe !== undefined) return recipe.write(folder);
  return Promise.reject(new Fault({ kind: 'stalled', what: `${app} is not built from a source`, where: app }));
}

/**
 * With what `deploy_params` say: as in flyctl an argument of theirs beats the file's, a target counts where the file has
 * none.
 */
function settingsOf({ owned, findings }: BuildRequest, written: JsonObject): JsonObject {
  const flags = flagsOf(owned, 'deploy_params');
  const added: Record<string, JsonValue> = {};
  for (const { name, value = '', path } of flags) {
    if (name !== 'build-arg') continue;
    const at = value.indexOf('=');
    if (at > 0) added[value.slice(0, at)] = value.slice(at + 1);
    else findings.error(path, '--build-arg needs a name and a value', 'write --build-arg=NAME=value');
  }
  const target = flags.findLast(({ name }) => name === 'build-target')?.value;
  const args = isObject(written['args']) ? written['args'] : {};
  return {
    ...(target === undefined ? {} : { 'build-target': target }),
    ...written,
    ...(Object.keys(added).length === 0 ? {} : { args: { ...args, ...added } }),
  };
}

/** A Dockerfile or ignore file that `build` names: flyctl joins it to the folder of its config, so a leading / is none. */
export function buildPath(written: string): string {
  return written.replace(/^\/+/, '');
}

interface WrittenFile {
  readonly value: JsonValue;
  readonly at: DocumentPath;
  /** true: out of the repo it was reported with the other paths of `build`. */
  readonly checked: boolean;
}

/** As in flyctl a flag counts where the file names none. */
function fileOf({ owned }: BuildRequest, key: 'dockerfile' | 'ignorefile', value: JsonValue): WrittenFile {
  const flag = flagsOf(owned, 'deploy_params').findLast(({ name }) => name === key);
  if ((typeof value === 'string' && value !== '') || flag === undefined) {
    return { value: typeof value === 'string' ? buildPath(value) : value, at: ['build', key], checked: true };
  }
  return { value: flag.value, at: flag.path, checked: false };
}

async function namedFile(request: BuildRequest, file: WrittenFile): Promise<NamedFile | undefined> {
  const { value, at, checked } = file;
  if (typeof value !== 'string' || value === '') return undefined;
  if (/^https?:\/\//.test(value)) return { kind: 'url', url: value };
  const path = posix.normalize(value);
  if (!path.startsWith('../') && !posix.isAbsolute(path)) return { kind: 'context', path };
  const { roots, files, findings } = request;
  const places = roots.flatMap(({ tree, folder }) => {
    const inside = pathWithin(folder, value);
    return inside === undefined ? [] : [{ tree, path: inside }];
  });
  for (const { tree, path: inside } of places) {
    const id = await files.id(tree, inside);
    if (id !== undefined) return { kind: 'repo', tree, path: inside, id };
  }
  const hint = 'name it by its path from the source’s folder';
  if (places.length > 0) findings.error(at, `there is no ${value} in what is built`, hint);
  else if (!checked) findings.error(at, 'this path leads out of the repo', hint);
  return undefined;
}

/** What decides of a file, wherever the app lies: another app may name the same one by another path. */
function identityOf(file: NamedFile | undefined): JsonValue {
  if (file === undefined) return undefined;
  switch (file.kind) {
    case 'context':
      return { path: file.path };
    case 'repo':
      return { id: file.id };
    case 'url':
      return { url: file.url };
  }
}

/**
 * What `merge_cfg` lays over the source: files of the app's folder, which keep their places, and others of the repo, which
 * lie in the context as they lie beside that folder.
 */
export async function overlayOf(
  request: Pick<BuildRequest, 'file' | 'owned' | 'files' | 'findings'>,
): Promise<readonly ContextLayer[]> {
  const { file, owned, files, findings } = request;
  const { all = false, include = [], exclude = [] } = owned.merge_cfg ?? {};
  const globs: string[] = [];
  const literals: string[] = [];
  const others: ContextLayer[] = [];
  for (const [index, written] of include.entries()) {
    const at = ['merge_cfg', 'include', index];
    const path = pathWithin(file.folder, written);
    if (path === undefined) findings.error(at, 'this path leads out of the repo', 'name files of this folder');
    else if (isGlob(written)) {
      const items = await file.tree.contents(file.folder);
      const found = items.some((item) => matchesPath(relativeTo(file.folder, item.path), written));
      if (found) globs.push(written);
      else findings.error(at, `there is no ${written} in ${file.tree.name}`, 'name files of this folder');
    } else if ((await files.id(file.tree, path)) === undefined) {
      findings.error(at, `there is no ${path} in ${file.tree.name}`, 'a link that leads out of it is as good as none');
    } else if (isInside(path, file.folder)) literals.push(relativeTo(file.folder, path));
    else others.push({ tree: file.tree, path, at: posix.normalize(written).replace(/^(?:\.\.\/)+/, '') });
  }
  if (!all && globs.length === 0 && literals.length === 0) return others;
  const isNamed = (path: string): boolean =>
    literals.some((literal) => literal === '' || path === literal || path.startsWith(`${literal}/`));
  const without = (path: string): boolean => {
    const own = relativeTo(file.folder, path);
    if (exclude.some((glob) => matchesPath(own, glob))) return true;
    if (isNamed(own)) return false;
    // A comment in the app's own config file builds nothing.
    return path === file.path || (!all && !globs.some((glob) => matchesPath(own, glob)));
  };
  return [{ tree: file.tree, path: file.folder, at: '', without }, ...others];
}

function relativeTo(folder: string, path: string): string {
  return folder === '' ? path : path.slice(folder.length + 1);
}
