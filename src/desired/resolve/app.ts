/** An app's config, its source and its files become one desired app, or the problems that keep it from being one. */
import { machineConfigPaths } from '../../flyconfig/sections/machine-config.ts';
import { mapGroups } from '../../flyconfig/machine.ts';
import { second } from '../../flyconfig/reading/duration.ts';
import type { ConfigNote } from '../../flyconfig/reading/notes.ts';
import type { ReleaseCommand } from '../../flyconfig/sections/release-command.ts';
import type { DesiredApp, DesiredReleaseCommand } from '../../model/desired.ts';
import { isObject, type JsonObject } from '../../model/base/json.ts';
import type { SyncPolicy } from '../../model/base/policy.ts';
import type { SecretValue } from '../../model/base/secret-value.ts';
import { withRefusals, type AllowedSecrets } from './allowed-secrets.ts';
import { desiredNetwork, desiredSecrets, desiredVolumes } from './resources.ts';
import { deployParameters } from './deploy-parameters.ts';
import { parsePath, type DocumentPath } from '../documents/path.ts';
import type { Project } from '../discover/project.ts';
import type { AppConfig } from './app-config.ts';
import { findingList, type Finding, type FindingList } from '../documents/finding.ts';
import { desiredGroups } from './groups.ts';
import type { ResolvedSource } from '../source/source.ts';

export interface AppParts {
  readonly draft: AppConfig;
  readonly file: string;
  readonly files: readonly string[];
  /** The projects on the way to it, outermost first. */
  readonly chain: readonly Project[];
  /** What the operator lets projects with a git source read. */
  readonly allowed: AllowedSecrets;
  /** undefined: it could not be told; the findings say why. */
  readonly source: ResolvedSource | undefined;
  readonly localFiles: ReadonlyMap<string, Uint8Array>;
  readonly policy: SyncPolicy;
  /** What git says of it, as a stamp. */
  readonly inputs: (source: ResolvedSource) => string;
}

export interface ComposedApp {
  /** undefined: there was an error. */
  readonly app: DesiredApp | undefined;
  readonly raw: ReadonlyMap<string, SecretValue>;
  readonly findings: readonly Finding[];
}

export function composeApp(parts: AppParts): ComposedApp {
  const { draft, source, localFiles } = parts;
  const { name, owned, fly, primaryRegion, regions } = draft;
  const findings = findingList();
  findings.add(draft.findings);
  const request = { app: name ?? '', primaryRegion, config: fly, readFile: (path: string) => localFiles.get(path) };
  const { groups: mapped, release, notes } = mapGroups(request);
  addNotes(notes, findings);
  const parameters = deployParameters(owned, fly, findings);
  const { newGuest } = parameters;
  const groups = desiredGroups({ owned, fly, mapped, regions, newGuest, findings });
  const volumes = desiredVolumes(owned, mapped, findings);
  const { secrets, raw } = desiredSecrets(owned, fly, findings);
  const network = desiredNetwork(owned, findings);
  if (findings.hasError || name === undefined || source === undefined)
    return { app: undefined, raw, findings: findings.all };
  const { highAvailability, strategy, maxUnavailable, waitTimeoutSeconds } = parameters;
  const app: DesiredApp = {
    name,
    org: parameters.org,
    file: parts.file,
    files: parts.files,
    projects: parts.chain.map((project) => project.name),
    primaryRegion,
    regions,
    fly,
    source: source.source,
    appVersion: source.appVersion,
    image: source.image,
    groups,
    volumes,
    secrets: withRefusals(secrets, parts),
    network,
    policy: parts.policy,
    inputs: parts.inputs(source),
    dependsOn: owned.depends_on,
    releaseCommand: release === undefined ? undefined : desiredReleaseCommand(release),
    highAvailability,
    strategy,
    maxUnavailable,
    waitTimeoutSeconds,
  };
  return { app, raw, findings: findings.all };
}

/**
 * What is wrong with an app whose base could not be read, whatever the base says: mistakes in values that stand in its own
 * files. That something is missing, or that nothing bears a name, only the base could tell.
 */
export function findingsWithoutBase(draft: AppConfig): readonly Finding[] {
  const { name, owned, fly, primaryRegion } = draft;
  const findings = findingList();
  findings.add(draft.findings);
  const request = { app: name ?? '', primaryRegion, config: fly, readFile: () => new Uint8Array() };
  const { notes } = mapGroups(request);
  addNotes(
    notes.filter(({ severity, path }) => severity === 'error' && isOwnMistake(parsePath(path), fly)),
    findings,
  );
  deployParameters(owned, fly, findings);
  desiredSecrets(owned, fly, findings);
  desiredNetwork(owned, findings);
  return findings.all;
}

function isOwnMistake(path: DocumentPath, fly: JsonObject): boolean {
  const [first] = path;
  if (first === 'container' || (first === 'machine_config' && machineConfigPaths(fly).isFile)) return false;
  if (path.slice(1).includes('processes') && fly['processes'] === undefined) return false;
  // A check takes its port from an http_service that the base may have.
  if (first === 'checks' && path.length === 2) return false;
  let value: unknown = fly;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return false;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  // Of a table by itself only something in it can be missing.
  return path.length > 1 || (path.length === 1 && !isObject(value));
}

function desiredReleaseCommand({ command, config, timeout }: ReleaseCommand): DesiredReleaseCommand {
  return { command, config, timeoutSeconds: Math.max(1, Math.ceil(timeout / second)) };
}

function addNotes(notes: readonly ConfigNote[], findings: FindingList): void {
  for (const { severity, path, message, hint } of notes) {
    findings.add([{ severity, path: parsePath(path), part: 'value', message, hint }]);
  }
}

/** A file of the app that its config names, by its path from the app's folder or its source. */
export interface LocalPath {
  readonly written: string;
  /** Where the config names it. */
  readonly at: DocumentPath;
  /** true: it may name files in its turn. */
  readonly isMachineConfig: boolean;
}

/** Files of the app that its config puts into machines, and those that it consists of. */
export function localPathsOf(fly: JsonObject): readonly LocalPath[] {
  const { files } = fly;
  const listed = Array.isArray(files) ? files : [];
  const paths = listed.flatMap((file: unknown, index) => {
    const path = isObject(file) ? file['local_path'] : undefined;
    const at = ['files', index, 'local_path'];
    return typeof path === 'string' && path !== '' ? [{ written: path, at, isMachineConfig: false }] : [];
  });
  const { paths: inner, at, isFile } = machineConfigPaths(fly);
  return [...paths, ...inner.map((written) => ({ written, at: parsePath(at), isMachineConfig: isFile }))];
}
