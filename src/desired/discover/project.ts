/** A project.yaml as read, and what a chain of projects gives to the apps inside. */
import { Project as ProjectWritten, type ListMode, type ProjectSource } from '../../../schemas/project.ts';
import type { SyncWritten } from '../../../schemas/policy.ts';
import { isObject, type JsonObject } from '../../model/base/json.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { Tree } from '../../sources/tree/tree.ts';
import { hasBrokenSyntax, type SourceDocument } from '../documents/document.ts';
import { check, findingList, type Finding } from '../documents/finding.ts';
import { idlePrune } from '../documents/idle-prune.ts';
import { withoutNulls } from '../documents/merge.ts';
import { problemsOfText, problemsIn } from '../documents/source-map.ts';
import { compileSubstitution, type Substitution } from '../documents/substitution.ts';
import { keysInYaml, lineAndColumn } from '../documents/yaml.ts';

/** Each is run over every app of the project: more of them is a program, not a config. */
const substitutionsMax = 100;

export interface Project extends ProjectWords {
  readonly tree: Tree;
  /** The folder of project.yaml in its tree. */
  readonly folder: string;
}

/** What the file says by itself. */
interface ProjectWords {
  readonly name: string;
  readonly fleet: string | undefined;
  readonly source: ProjectSource;
  readonly sync: SyncWritten;
  readonly substitutions: readonly NamedSubstitution[];
  readonly defaults: JsonObject;
  readonly overrides: JsonObject;
  readonly lists: ListMode | undefined;
  /** Paths that hold no apps, from where the project's source leads. */
  readonly ignore: readonly string[];
  readonly document: SourceDocument;
  /** Moves when the file's content does. */
  readonly key: string;
}

export interface NamedSubstitution extends Substitution {
  readonly name: string;
}

/** `words` undefined: it is broken; its problems say how, and `source` is there where at least that could be read. */
export interface ReadProject {
  readonly words: ProjectWords | undefined;
  readonly name: string | undefined;
  readonly localPath: string | undefined;
  readonly problems: readonly Problem[];
}

/**
 * false: another tool's file, such as the project.toml of buildpacks, in which `project` is a table. One that says
 * anything in FlyCD's words is FlyCD's, though it may be broken.
 */
export function isProject(document: SourceDocument): boolean {
  const { fields } = document;
  if (hasBrokenSyntax(document) || fields === undefined || Object.keys(fields).length === 0) return true;
  const { project } = fields;
  if (project !== undefined && !isObject(project)) return true;
  const said = Object.keys(fields);
  return said.some(
    (key) =>
      key !== 'project' && ['project', 'source', 'common', 'fleet', 'sync', 'ignore'].includes(key.toLowerCase()),
  );
}

export function readProject(file: { readonly document: SourceDocument; readonly key: string }): ReadProject {
  const { document, key } = file;
  const fields = (withoutNulls(document.fields) ?? {}) as JsonObject;
  const written = check({ schema: ProjectWritten, value: fields });
  const findings = findingList();
  if (!hasBrokenSyntax(document)) findings.add(written.findings);
  const substitutions = substitutionsOf(document, fields);
  findings.add(substitutions.findings);
  findings.add(inexactEnv(document));
  findings.add(idlePrune(written.data?.sync, { file: 'project', named: true }));
  const problems = [...problemsOfText(document, undefined), ...problemsIn(document, findings.all)];
  const name = typeof fields['project'] === 'string' ? fields['project'] : undefined;
  const broken = problems.some(({ severity }) => severity === 'error');
  if (broken || written.data === undefined) {
    return { words: undefined, name, localPath: readablePath(fields), problems };
  }
  const { data } = written;
  const words: ProjectWords = {
    name: data.project,
    fleet: data.fleet,
    source: data.source,
    sync: data.sync ?? {},
    substitutions: substitutions.list,
    defaults: (data.common?.app_defaults ?? {}) as JsonObject,
    overrides: (data.common?.app_overrides ?? {}) as JsonObject,
    lists: data.common?.lists,
    ignore: data.ignore ?? [],
    document,
    key,
  };
  return { words, name, localPath: readablePath(fields), problems };
}

function readablePath(fields: JsonObject): string | undefined {
  const source = fields['source'] as JsonObject | undefined;
  const path = typeof source === 'object' ? (source['path'] ?? '') : undefined;
  return typeof path === 'string' && source?.['type'] !== 'git' ? path : undefined;
}

function substitutionsOf(
  document: SourceDocument,
  fields: JsonObject,
): { readonly list: readonly NamedSubstitution[]; readonly findings: readonly Finding[] } {
  const common = fields['common'];
  const written = typeof common === 'object' && common !== null ? (common as JsonObject)['substitutions'] : undefined;
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return { list: [], findings: [] };
  const path = ['common', 'substitutions'];
  const findings = findingList();
  const list: NamedSubstitution[] = [];
  const keys = keysInYaml(document.text, path);
  if (keys.length > substitutionsMax) {
    findings.error(path, `expected at most ${substitutionsMax} substitutions, found ${keys.length}`);
  }
  for (const { name, offset } of keys.slice(0, substitutionsMax)) {
    const value = (written as JsonObject)[name];
    if (typeof value === 'object') findings.error([...path, name], 'expected the text to put in its place');
    if (value === undefined || typeof value === 'object') continue;
    const compiled = compileSubstitution(name);
    if ('why' in compiled) {
      findings.add([
        {
          severity: 'error',
          path: [...path, name],
          part: 'key',
          message: `not a regular expression of RE2 that can be used: ${compiled.why}`,
        },
      ]);
      continue;
    }
    const { line } = lineAndColumn(document.text, offset);
    list.push({ name, pattern: compiled.pattern, replacement: String(value), origin: `${document.file}:${line}` });
  }
  return { list, findings: findings.all };
}

/** env is text: a number that reads otherwise than it is written would reach the app changed. */
export function inexactEnv(document: SourceDocument): readonly Finding[] {
  return document.inexact.flatMap(({ path, written, read }): readonly Finding[] => {
    const env = path.at(-2) === 'env' || (path[0] === 'env' && path.length === 2);
    if (!env) return [];
    const message = `${written} is read as the number ${read}, and that is what the app gets`;
    return [{ severity: 'warning', path, part: 'value', message, hint: 'put it in quotes' }];
  });
}
