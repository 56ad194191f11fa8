/** The fleet's name and policy: from flycd.yaml in the config root, or the root project.yaml. */
import { folderOf } from '../../sources/tree/tree-path.ts';
import { Settings } from '../../../schemas/settings.ts';
import type { SyncWritten } from '../../../schemas/policy.ts';
import type { JsonObject } from '../../model/base/json.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { Tree } from '../../sources/tree/tree.ts';
import { hasBrokenSyntax } from '../documents/document.ts';
import { projectFileName, settingsFileName, type ConfigFiles } from './config-files.ts';
import { check } from '../documents/finding.ts';
import { withoutNulls } from '../documents/merge.ts';
import { problemsOfText, problemsIn } from '../documents/source-map.ts';

const nameDefault = 'flycd';

export interface FleetIdentity {
  readonly name: string;
  /** true: written down in the config root itself, or by the operator. */
  readonly named: boolean;
  readonly sync: SyncWritten | undefined;
  readonly problems: readonly Problem[];
}

export interface FleetRequest {
  readonly tree: Tree;
  /** Folder of the config root; '' = the tree's. */
  readonly root: string;
  readonly files: ConfigFiles;
  /** The operator's. */
  readonly fleet: string | undefined;
}

/**
 * A folder further in names no fleet, yet its machines carry the name the whole repo gives them: so the folders above are
 * looked at too. What is found there counts as a name, not as leave to look for orphans.
 */
export async function fleetIdentity(request: FleetRequest): Promise<FleetIdentity> {
  const problems: Problem[] = [];
  let sync: SyncWritten | undefined;
  let settled: { readonly name: string; readonly named: boolean } | undefined =
    request.fleet === undefined ? undefined : { name: request.fleet, named: true };
  let projectName: string | undefined;
  for (const folder of foldersUp(request.root)) {
    const settings = await settingsIn(request, folder);
    problems.push(...settings.problems);
    sync ??= settings.settings?.sync;
    const project = await projectIn(request, folder);
    const fleet = settings.settings?.fleet ?? project.fleet;
    if (fleet !== undefined) settled ??= { name: fleet, named: folder === request.root };
    projectName = project.name ?? projectName;
  }
  return { ...(settled ?? { name: projectName ?? nameDefault, named: false }), sync, problems };
}

function foldersUp(folder: string): readonly string[] {
  return folder === '' ? [''] : [folder, ...foldersUp(folderOf(folder))];
}

async function settingsIn(
  request: FleetRequest,
  folder: string,
): Promise<{ readonly settings: Settings | undefined; readonly problems: readonly Problem[] }> {
  const read = await documentIn(request, folder, settingsFileName);
  if (read === undefined) return { settings: undefined, problems: [] };
  const textProblems = problemsOfText(read, undefined);
  if (hasBrokenSyntax(read)) return { settings: undefined, problems: textProblems };
  const written = check({
    schema: Settings,
    value: withoutNulls(read.fields) as JsonObject,
  });
  return { settings: written.data, problems: [...textProblems, ...problemsIn(read, written.findings)] };
}

/** Its mistakes are reported where the project is entered. */
async function projectIn(
  request: FleetRequest,
  folder: string,
): Promise<{ readonly fleet: string | undefined; readonly name: string | undefined }> {
  const read = await documentIn(request, folder, projectFileName);
  const text = (key: string): string | undefined => {
    const value = read?.fields?.[key];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return { fleet: text('fleet'), name: text('project') };
}

async function documentIn(request: FleetRequest, folder: string, name: string) {
  const { files, tree } = request;
  const path = folder === '' ? name : `${folder}/${name}`;
  const entry = await files.entry(tree, path);
  if (entry === undefined || entry.kind === 'folder') return undefined;
  return (await files.document(files.file(tree, path)))?.document;
}
