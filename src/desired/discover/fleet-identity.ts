/** The fleet's name, its policy and what its projects may read: from flycd.yaml in the config root, or the root project.yaml. */
import { folderOf } from '../../sources/tree/tree-path.ts';
import { Settings, type AllowSecrets } from '../../../schemas/settings.ts';
import type { SyncWritten } from '../../../schemas/policy.ts';
import { canonicalJson, type JsonObject } from '../../model/base/json.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { Tree } from '../../sources/tree/tree.ts';
import { hasBrokenSyntax, type SourceDocument } from '../documents/document.ts';
import { namesakes, type ConfigFiles } from '../files/config-files.ts';
import { fileNames } from '../files/file-names.ts';
import { isOfKind, leftOut, misnamedSettings } from './overlooked.ts';
import { isProject } from './project.ts';
import { check } from '../documents/finding.ts';
import { idlePrune } from '../documents/idle-prune.ts';
import { withoutNulls } from '../documents/merge.ts';
import { formatPath } from '../documents/path.ts';
import { problemsOfText, problemsIn } from '../documents/source-map.ts';

export const nameDefault = 'flycd';

export interface FleetIdentity {
  readonly name: string;
  /** true: written down in the config root itself, or by the operator. */
  readonly named: boolean;
  /** The name it would have if nobody had written one; undefined: nobody has. */
  readonly unwritten: string | undefined;
  readonly sync: SyncWritten | undefined;
  /** Of flycd.yaml in the config root and in the folders above. */
  readonly allowSecrets: readonly AllowSecrets[];
  readonly problems: readonly Problem[];
}

export interface FleetRequest {
  readonly tree: Tree;
  /** Folder of the config root; '' = the tree's. */
  readonly root: string;
  readonly files: ConfigFiles;
  /** What the operator's own flycd.yaml says. */
  readonly operator: { readonly fleet?: string | undefined; readonly sync?: SyncWritten | undefined } | undefined;
}

/**
 * A folder further in names no fleet, yet its machines carry the name the whole repo gives them: so the folders above are
 * looked at too. What is found there counts as a name, not as leave to look for orphans: that has the whole fleet's config
 * alone, and a folder below one that names the same fleet is a part of it, whatever it says itself.
 */
export async function fleetIdentity(request: FleetRequest): Promise<FleetIdentity> {
  const problems: Problem[] = [];
  let sync: SyncWritten | undefined;
  const { fleet: given, sync: givenSync } = request.operator ?? {};
  let settled: { readonly name: string; readonly named: boolean } | undefined =
    given === undefined ? undefined : { name: given, named: true };
  let projectName: string | undefined;
  const allowSecrets: AllowSecrets[] = [];
  const documents: { readonly document: SourceDocument; readonly sync: SyncWritten | undefined }[] = [];
  for (const folder of foldersUp(request.root)) {
    const settings = await settingsIn(request, folder);
    problems.push(...settings.problems);
    if (settings.document !== undefined) documents.push({ document: settings.document, sync: settings.settings?.sync });
    sync ??= settings.settings?.sync;
    allowSecrets.push(settings.settings?.allow_secrets ?? {});
    const project = await projectIn(request, folder);
    problems.push(...project.problems);
    const fleet = settings.settings?.fleet ?? project.fleet;
    if (fleet !== undefined) settled ??= { name: fleet, named: folder === request.root };
    const isPart = folder !== request.root && fleet === settled?.name;
    if (settled !== undefined && isPart) settled = { ...settled, named: false };
    projectName = project.name ?? projectName;
  }
  const place = { file: 'settings', named: settled !== undefined } as const;
  for (const { document, sync: written } of documents)
    problems.push(...problemsIn(document, idlePrune(written, place)));
  for (const { path, message, hint = '' } of idlePrune(givenSync, place)) {
    problems.push({ ...problemAt('flycd.yaml', message, hint), severity: 'warning', path: formatPath(path) });
  }
  const unwritten = projectName ?? nameDefault;
  if (settled !== undefined) return { ...settled, unwritten, sync, allowSecrets, problems };
  return { name: unwritten, named: false, unwritten: undefined, sync, allowSecrets, problems };
}

function foldersUp(folder: string): readonly string[] {
  return folder === '' ? [''] : [folder, ...foldersUp(folderOf(folder))];
}

interface SettingsRead {
  readonly settings: Settings | undefined;
  readonly document?: SourceDocument | undefined;
  readonly problems: readonly Problem[];
}

async function settingsIn(request: FleetRequest, folder: string): Promise<SettingsRead> {
  const { found, problems } = await readAll(request, folder, 'flycd');
  const [read, other] = found;
  if (other !== undefined) {
    const twins = found.map(({ name }) => problemAt(name, 'flycd settings stand here in several files', 'keep one'));
    return { settings: undefined, problems: [...problems, ...twins] };
  }
  if (read === undefined) return { settings: undefined, problems: [...problems, ...(await misnamed(request, folder))] };
  const textProblems = problemsOfText(read.document, undefined);
  if (hasBrokenSyntax(read.document)) return { settings: undefined, problems: [...problems, ...textProblems] };
  const value = withoutNulls(read.document.fields) as JsonObject;
  const written = check({ schema: Settings, value });
  return {
    settings: written.data,
    document: read.document,
    problems: [...problems, ...textProblems, ...problemsIn(read.document, written.findings)],
  };
}

/** A freeze or the fleet's name may stand in it: nothing is planned past it. */
async function misnamed({ files, tree }: FleetRequest, folder: string): Promise<readonly Problem[]> {
  const found = await misnamedSettings(files, tree, folder);
  return found.map(({ file, meant }) =>
    problemAt(file.name, 'FlyCD reads no file of this name', `did you mean ${meant}?`),
  );
}

/** Its mistakes are reported where the project is entered. */
async function projectIn(
  request: FleetRequest,
  folder: string,
): Promise<{
  readonly fleet: string | undefined;
  readonly name: string | undefined;
  readonly problems: readonly Problem[];
}> {
  // Unread, it may name the fleet: then nobody knows whose the machines are.
  const { found, problems } = await readAll(request, folder, 'project');
  const fields = found.find(({ document }) => isProject(document))?.document.fields;
  const text = (key: string): string | undefined => {
    const value = fields?.[key];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return { fleet: text('fleet'), name: text('project'), problems };
}

interface NamedDocument {
  readonly name: string;
  readonly document: SourceDocument;
}

async function readAll(
  { files, tree, operator, root }: FleetRequest,
  folder: string,
  kind: 'flycd' | 'project',
): Promise<{ readonly found: readonly NamedDocument[]; readonly problems: readonly Problem[] }> {
  const found: NamedDocument[] = [];
  const problems: Problem[] = [];
  for (const file of await namesakes(files, tree, { folder, names: fileNames[kind] })) {
    const reading = await files.document(file);
    if ((await files.entry(tree, file.path))?.ignored === true) {
      // A freeze or the fleet's name may stand in it, and a commit has nothing of it.
      const document = reading.state === 'read' ? reading.value.document : undefined;
      const isOurs = document === undefined || hasBrokenSyntax(document) || isOfKind(document, kind);
      // The operator's own file is read as such; a project's at the root is said where the walk finds it.
      const isSaid = kind === 'flycd' ? document !== undefined && saysTheSame(document, operator) : folder === root;
      if (isOurs && !isSaid) problems.push(problemAt(file.name, leftOut.message, leftOut.hint));
      continue;
    }
    if (reading.state === 'read') found.push({ name: file.name, document: reading.value.document });
    if (reading.state === 'unread') problems.push(problemAt(file.name, reading.message, reading.hint));
  }
  return { found, problems };
}

function saysTheSame(document: SourceDocument, operator: FleetRequest['operator']): boolean {
  if (hasBrokenSyntax(document)) return false;
  const { data } = check({ schema: Settings, value: withoutNulls(document.fields) as JsonObject });
  const said = (settings: FleetRequest['operator']) => canonicalJson([settings?.fleet ?? null, settings?.sync ?? null]);
  return data !== undefined && said(data) === said(operator);
}

function problemAt(file: string, message: string, hint: string): Problem {
  return { severity: 'error', file, line: 0, column: 0, path: '', message, hint };
}
