/** What git says of an app, as one hash, whatever FlyCD makes of it. */
import { hashOf, isObject, type JsonObject, type JsonValue } from '../../model/base/json.ts';
import { formatInputs } from '../../model/stamps/input-stamps.ts';
import type { BaseConfig } from '../source/base-config.ts';
import type { SourceDocument } from '../documents/document.ts';
import type { ResolvedSource } from '../source/source.ts';
import type { Project } from '../discover/project.ts';

export interface AppInputs {
  /** `projectInputs` of its chain. */
  readonly projects: string;
  readonly document: SourceDocument;
  readonly base: BaseConfig | undefined;
  /** Files that the config puts into machines, by their paths as written. */
  readonly localFiles: ReadonlyMap<string, Uint8Array>;
  readonly source: ResolvedSource;
}

/** They say when FlyCD may do something, and nothing of what runs. */
const policyKeys: ReadonlySet<string> = new Set(['sync', 'depends_on']);

/**
 * Of the documents as they were before the merge: a FlyCD that merges or maps them otherwise still finds that git has not
 * moved. Policy is left out: what comes of it is no other machine.
 */
export function inputsOf({ projects, document, base, localFiles, source }: AppInputs): string {
  const files = [...localFiles].map(([written, bytes]) => [written, Buffer.from(bytes).toString('base64')]);
  return formatInputs(
    hashOf({
      projects,
      app: ofMachines(document.fields),
      base: base === undefined ? undefined : ofMachines(base.written),
      files: Object.fromEntries(files),
      version: source.appVersion,
      build: source.recipe?.contents,
    }),
  );
}

/** What a chain of projects gives to its apps: hashed once for all of them. */
export function projectInputs(chain: readonly Project[]): string {
  return hashOf(
    chain.map(({ defaults, overrides, lists }) => ({
      defaults: ofMachines(defaults),
      overrides: ofMachines(overrides),
      lists,
    })),
  );
}

/** Without values of secrets: the hash stands on machines, and a short one could be guessed from it. */
function ofMachines(fields: JsonObject | undefined): JsonObject | undefined {
  const kept = Object.entries(fields ?? {}).filter(([key]) => !policyKeys.has(key));
  if (kept.length === 0) return undefined;
  return Object.fromEntries(kept.map(([key, value]) => [key, key === 'secrets' ? withoutValues(value) : value]));
}

function withoutValues(secrets: JsonValue): JsonValue {
  return [secrets].flat().map((secret) => (isObject(secret) ? { ...secret, raw: undefined } : secret) as JsonValue);
}
