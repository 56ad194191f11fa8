/** `fly_config`: a fly config in the app's source that app.yaml lies over. */
import { ownedKeys } from '../../../schemas/app.ts';
import { gatheredNames, repairFlyConfig } from '../../flyconfig/older-forms/repair.ts';
import { toFault } from '../../model/base/fault.ts';
import type { JsonObject } from '../../model/base/json.ts';
import { parsePath, type DocumentPath } from '../documents/path.ts';
import type { SourceDocument } from '../documents/document.ts';
import type { ConfigFiles, ReadFile } from '../files/config-files.ts';
import { isInside } from '../../sources/tree/tree-path.ts';
import { pathWithin } from '../files/paths.ts';
import type { Finding, FindingList } from '../documents/finding.ts';
import type { SourceFolder } from './source.ts';

export interface BaseConfig {
  readonly document: SourceDocument;
  /** Fly's part, as the file says it. */
  readonly written: JsonObject;
  /** Fly's part in today's form. Without a name: which app this is, the config repo alone says. */
  readonly fields: JsonObject;
  /** In paths of the document. */
  readonly findings: readonly Finding[];
}

export const ownedKeySet: ReadonlySet<string> = new Set(ownedKeys);

/** What flyctl reads of a fly config: FlyCD's keys count in app.yaml alone, which is said of each. */
export function flyPart(fields: JsonObject): { readonly written: JsonObject; readonly findings: readonly Finding[] } {
  const owned = Object.keys(fields).filter((key) => ownedKeySet.has(key));
  return {
    written: Object.fromEntries(Object.entries(fields).filter(([key]) => !ownedKeySet.has(key))),
    findings: owned.map((key): Finding => {
      const message = `FlyCD reads ${key} in app.yaml only; here it has no effect`;
      return { severity: 'warning', path: [key], part: 'key', message, hint: `move it to app.yaml` };
    }),
  };
}

export function baseConfig(document: SourceDocument): BaseConfig {
  const { written, findings } = flyPart(document.fields ?? {});
  const { config, passing } = repairFlyConfig(written);
  const { app: _app, ...today } = config;
  return {
    document,
    written,
    fields: today,
    findings: [
      ...findings,
      // The merged config's own repair finds all else.
      ...passing.map(({ path, ...note }): Finding => ({ ...note, path: parsePath(path), part: 'key' })),
    ],
  };
}

/** The base as far as the app leaves it: a list that the app writes takes the place of the base's, whatever its name. */
export function baseUnder(base: BaseConfig, app: JsonObject): JsonObject {
  const replaced = Object.entries(gatheredNames).flatMap(([today, names]) =>
    names.some((name) => (app[name] ?? undefined) !== undefined) ? [today] : [],
  );
  return Object.fromEntries(Object.entries(base.fields).filter(([key]) => !replaced.includes(key)));
}

export interface BaseRequest {
  /** As written. */
  readonly path: string;
  readonly source: SourceFolder;
  readonly files: ConfigFiles;
  readonly findings: FindingList;
}

const at: DocumentPath = ['fly_config'];

/** undefined: it could not be read; the findings say why. */
export async function readBase(request: BaseRequest): Promise<ReadFile | undefined> {
  const { source, files, findings } = request;
  const { tree, folder } = source;
  const path = pathWithin(folder, request.path);
  if (path === undefined || path === folder || !isInside(path, folder)) {
    findings.error(at, 'this path leads out of the source', 'paths go from the source’s folder, and stay inside');
    return undefined;
  }
  try {
    const link = await linkOnTheWay(request, path);
    if (link !== undefined) {
      findings.error(at, `${link} is a link, and may lead out of the source`, 'name the file itself');
      return undefined;
    }
    const reading = await files.document(files.file(tree, path));
    if (reading.state === 'read') return reading.value;
    if (reading.state === 'unread') findings.error(at, `${path}: ${reading.message}`, reading.hint);
    else findings.error(at, `there is no file ${path} in ${tree.name}`, 'paths go from the source’s folder');
    return undefined;
  } catch (error) {
    const { message, next } = toFault(error, `${path} could not be read`);
    findings.error(at, message, next);
    return undefined;
  }
}

/** A tree follows links inside itself, and a source may be a folder of it that they leave. */
async function linkOnTheWay({ source, files }: BaseRequest, path: string): Promise<string | undefined> {
  if (source.folder === '') return undefined;
  const steps = path.slice(source.folder.length + 1).split('/');
  for (const [index] of steps.entries()) {
    const step = `${source.folder}/${steps.slice(0, index + 1).join('/')}`;
    if ((await files.entry(source.tree, step))?.kind === 'link') return step;
  }
  return undefined;
}
