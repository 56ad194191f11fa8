/** An app as its files say it: merged, named, FlyCD's fields checked. Everything that needs no repo but the config's. */
import type { z } from 'zod';
import { ownedFields, ownedKeys, ownedNotYet, type Owned } from '../../../schemas/app.ts';
import { saidElsewhere } from '../../../schemas/machine.ts';
import { shortened } from '../../model/base/text.ts';
import { kindOf } from '../../flyconfig/reading/values.ts';
import { flyConfigKeys } from '../../flyconfig/older-forms/known.ts';
import { strangeRegion } from '../../flyconfig/reading/regions.ts';
import { repairFlyConfig } from '../../flyconfig/older-forms/repair.ts';
import { nearest } from '../../flyconfig/reading/spelling.ts';
import type { JsonObject } from '../../model/base/json.ts';
import { flyPart, type BaseConfig } from '../source/base-config.ts';
import { strangeAppName } from './app-name.ts';
import { environmentOver, primaryRegionOf } from './deploy-parameters.ts';
import { parsePath, type DocumentPath } from '../documents/path.ts';
import type { SourceDocument } from '../documents/document.ts';
import { idlePrune } from '../documents/idle-prune.ts';
import { check, findingList, notYetWords, type Finding, type FindingList } from '../documents/finding.ts';
import { mergedApp, originsOf, type Layers } from './overrides.ts';
import { inexactEnv } from '../discover/project.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { ReadFile } from '../files/config-files.ts';
import { writtenPath } from './explain.ts';
import { problemsOf, type Origin } from '../documents/source-map.ts';
import type { SourceFolder } from '../source/source.ts';
import type { FoundApp } from '../discover/discovery.ts';

export interface AppConfig {
  /** undefined: nobody knows which app it is. */
  readonly name: string | undefined;
  /** What is written for a name, also where no app can be called so. */
  readonly claim: string | undefined;
  /** Fly's part and FlyCD's, with what the projects give. */
  readonly merged: JsonObject;
  /** Fly's part in today's form. */
  readonly fly: JsonObject;
  /** FlyCD's part; fields with a mistake are left out. */
  readonly owned: Owned;
  /** Fields that are there but wrong: what needs them is not looked at. */
  readonly broken: ReadonlySet<string>;
  readonly primaryRegion: string;
  /** Primary first, without repeats. */
  readonly regions: readonly string[];
  readonly findings: readonly Finding[];
  /** Of what its file says and the merged app does not: in paths of the file. */
  readonly fileFindings: readonly Finding[];
}

export interface AppConfigRequest {
  readonly document: SourceDocument;
  readonly layers: Layers;
  /** What `fly_config` names, where that has been read. */
  readonly base?: BaseConfig | undefined;
  /** true: no app.yaml but a fly config by itself, in which keys of FlyCD have no effect, as for flyctl. */
  readonly bare: boolean;
  /** Name for a fly config that has none; undefined: it must have one. */
  readonly nameless: string | undefined;
}

const ownedKeySet: ReadonlySet<string> = new Set(ownedKeys);
const flyKeySet: ReadonlySet<string> = new Set(flyConfigKeys);

export function readAppConfig(request: AppConfigRequest): AppConfig {
  const { document, layers, base, bare } = request;
  const fields = document.fields ?? {};
  const own = bare ? flyPart(fields) : { written: fields, findings: [] };
  const merged = mergedApp(layers, own.written, base);
  const findings = findingList();
  findings.add(inexactEnv(document));
  const { owned, broken } = ownedPart(merged, findings);
  const repaired = repairFlyConfig(withoutOwned(merged));
  const misspelt = bare ? new Set<string>() : misspeltKeys(merged, findings);
  for (const note of repaired.notes) {
    const path = parsePath(note.path);
    if (path.length === 1 && misspelt.has(String(path[0]))) continue;
    findings.add([{ severity: note.severity, path, part: 'key', message: note.message, hint: note.hint }]);
  }
  const { name, claim } = nameOf(request, merged, findings);
  const primaryRegion = regionOf(request, merged, owned, findings);
  const regions = [...new Set([primaryRegion, ...(owned.extra_regions ?? [])])];
  for (const [index, region] of (owned.extra_regions ?? []).entries()) {
    const strange = strangeRegion(region);
    if (strange !== undefined) findings.warning(['extra_regions', index], strange.message, strange.hint);
  }
  const env = environmentOver(owned, repaired.config['env'], findings);
  const config = env === undefined ? repaired.config : { ...repaired.config, env };
  const fly = primaryRegion === '' ? config : { ...config, primary_region: primaryRegion };
  const found = { findings: findings.all, fileFindings: own.findings };
  return { name, claim, merged, fly, owned, broken, primaryRegion, regions, ...found };
}

function withoutOwned(merged: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(merged).filter(([key]) => !ownedKeySet.has(key)));
}

/** Each of FlyCD's fields by itself, so that a mistake in one hides none in another. */
function ownedPart(
  merged: JsonObject,
  findings: FindingList,
): { readonly owned: Owned; readonly broken: ReadonlySet<string> } {
  const owned: Record<string, unknown> = {};
  const broken = new Set<string>();
  for (const key of ownedNotYet) {
    if (merged[key] === undefined) continue;
    findings.add([{ severity: 'error', path: [key], part: 'key', ...notYetWords(key) }]);
  }
  for (const [key, schema] of Object.entries(ownedFields)) {
    const value = merged[key];
    if (value === undefined) continue;
    const elsewhere = key === 'machine' ? saidElsewhere : {};
    const { data, findings: found } = check<z.ZodType>({ schema, value, elsewhere, within: key });
    if (found.length > 0) broken.add(key);
    else owned[key] = data;
    findings.add(found);
  }
  // Where the fleet's name stands makes no difference to an app.
  findings.add(idlePrune((owned as Owned).sync, { file: 'app', named: true }));
  return { owned, broken };
}

/** A top-level field that is nearly one of FlyCD's and none of Fly's is taken for a slip: it must not be passed on. */
function misspeltKeys(merged: JsonObject, findings: FindingList): ReadonlySet<string> {
  const misspelt = new Set<string>();
  for (const key of Object.keys(merged)) {
    if (ownedKeySet.has(key) || flyKeySet.has(key)) continue;
    const meant = nearest(key, ownedKeys);
    if (meant === undefined) continue;
    misspelt.add(key);
    const message = `neither FlyCD nor Fly has a field ${JSON.stringify(shortened(key))}`;
    findings.add([{ severity: 'error', path: [key], part: 'key', message, hint: `did you mean ${meant}?` }]);
  }
  return misspelt;
}

function nameOf(
  request: AppConfigRequest,
  merged: JsonObject,
  findings: FindingList,
): Pick<AppConfig, 'name' | 'claim'> {
  const { nameless } = request;
  if (merged['app'] === undefined && nameless !== undefined) return { name: nameless, claim: nameless };
  const claim = textField(merged, { key: 'app', expected: 'the app’s name', hint: nameHint }, findings);
  const strange = claim === undefined ? undefined : strangeAppName(claim);
  if (strange !== undefined) findings.error(['app'], strange.message, strange.hint);
  return { name: strange === undefined ? claim : undefined, claim };
}

/** '': nothing says it, which is an error unless what `fly_config` names may still do. */
function regionOf(
  { base, nameless }: AppConfigRequest,
  merged: JsonObject,
  owned: Owned,
  findings: FindingList,
): string {
  const key = 'primary_region';
  const wanted = { key, expected: 'a region code such as arn', hint: regionHint };
  const text = (): string | undefined => textField(merged, wanted, findings);
  const region = primaryRegionOf(owned, merged[key] === undefined ? undefined : text(), findings);
  const isLater = base === undefined && merged['fly_config'] !== undefined;
  // Who only looks at a fly config makes no machines.
  const isOpen = merged[key] !== undefined || isLater || nameless !== undefined;
  return region ?? (isOpen ? '' : (text() ?? ''));
}

const nameHint = 'a fly config without a name may be the fly_config of an app.yaml, which names the app';
const regionHint = 'flyctl would take the one nearest to whoever deploys: name the region where new machines belong';

interface NeededText {
  readonly key: string;
  readonly expected: string;
  /** Where the field is missing. */
  readonly hint: string;
}

function textField(merged: JsonObject, { key, expected, hint }: NeededText, findings: FindingList): string | undefined {
  const value = merged[key];
  if (typeof value === 'string' && value !== '') return value;
  const isMissing = value === undefined || value === null || value === '';
  const form = typeof value === 'number' ? 'put it in quotes' : undefined;
  findings.error(
    [key],
    `expected ${expected}, found ${value === '' ? 'none' : kindOf(value)}`,
    isMissing ? hint : form,
  );
  return undefined;
}

export interface KeyedLayers extends Layers {
  /** Hash of what the chain gives to its apps. */
  readonly inputs: string;
  /** Moves when a project of the chain does; empty without substitutions, for a file then reads the same in every chain. */
  readonly key: string;
}

/** One app as far as its own files say. */
export interface Sketch {
  readonly found: FoundApp;
  readonly read: ReadFile;
  readonly draft: AppConfig;
  readonly layers: KeyedLayers;
  /** What the draft lies over; undefined: nothing, or it has not been read. */
  readonly base: Base | undefined;
}

interface Base {
  readonly config: BaseConfig;
  readonly source: SourceFolder;
}

/** Tells of a path of the app's config whether its base wrote what stands there. */
export function fromBase(sketch: Sketch): (path: DocumentPath) => boolean {
  const { base } = sketch;
  if (base === undefined) return () => false;
  const originOf = originsOfSketch(sketch);
  return (path) => originOf(writtenPath(sketch.draft.merged, path)).document === base.config.document;
}

/** Findings with their places. The merge is traced once for all of them. */
export function placed(sketch: Sketch, findings: readonly Finding[], app: string | undefined): readonly Problem[] {
  if (findings.length === 0) return [];
  const originOf = originsOfSketch(sketch);
  // Findings may name today's form of what was written in an older one.
  return problemsOf(findings, (path) => originOf(writtenPath(sketch.draft.merged, path)), app);
}

/** Where each path of the app's config was written. */
export function originsOfSketch({ found, read, base }: Sketch): (path: DocumentPath) => Origin {
  return originsOf(found.chain, read.document, base?.config);
}
