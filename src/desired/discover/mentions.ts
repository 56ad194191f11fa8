/** What else in the config repo names an app that git no longer names: nobody can say then that it is gone. */
import { Fault } from '../../model/base/fault.ts';
import { isObject } from '../../model/base/json.ts';
import type { Mention, Mentions, Since } from '../../model/removal.ts';
import { isPointer } from '../../sources/tree/lfs-pointer.ts';
import { baseOf, folderOf, isInside } from '../../sources/tree/tree-path.ts';
import type { Tree, TreeEntry } from '../../sources/tree/tree.ts';
import { formatOf, isReadWhole, readDocument, type SourceDocument } from '../documents/document.ts';
import { substitute, type Substitution } from '../documents/substitution.ts';
import { appFileNames, isAppOrProject, projectFileNames } from '../files/file-names.ts';
import { isFlyConfig, isLikelyApp, mayNameApp, nearMissOf } from '../files/near-misses.ts';
import { unreadEntry } from '../files/reading.ts';
import { filesBelow, othersFolders, skippedFolders } from '../files/traverse.ts';
import { isIgnored, type Walking } from './discovery.ts';
import { ignoreHint } from './notes.ts';
import { isBroken, isOfKind } from './overlooked.ts';
import { otherProjects, ownProjects, type NamingProject } from './naming-projects.ts';
import { isSealed } from './sealed.ts';
import { isMostlyTheSame } from './similarity.ts';
import { fieldsWritten, isPlainName, isUnclearName, looseText, movedOut } from './written-fields.ts';

/** A file of the repo. */
interface Place {
  readonly tree: Tree;
  readonly entry: TreeEntry;
  /** true: the config covers the folder that it stands in. */
  readonly isHere: boolean;
  /** true: another config takes an app from it. */
  readonly isOther: boolean;
}

/** What a file may say of apps. */
interface Said {
  readonly apps: readonly string[];
  /** What stands in it for an app's name, before any project makes one of it. */
  readonly written: readonly string[];
  /** Whose apps may be anywhere. */
  readonly isProject: boolean;
  readonly isUnread: boolean;
  /** What it has for its app's name is none as it is written. */
  readonly isUnclear: boolean;
}

/** The projects that name apps: of this config, and of others in its repo. */
interface Naming {
  readonly own: readonly NamingProject[];
  readonly others: readonly NamingProject[];
}

interface Found {
  readonly all: readonly Place[];
  readonly naming: Naming;
}

/**
 * Searches when the first app is asked for, which is one that git no longer names: there may be thousands of files. A file that
 * was already in the repo when the app was last named is not its renamed app.yaml, unless it is called like a copy. Both throw
 * the tree's Faults, and one where there are too many folders.
 */
export function mentionsIn(walking: Walking): Mentions {
  let looking: Promise<Found> | undefined;
  const read = new Map<Place, Promise<Said>>();
  const look = async (): Promise<Found> => {
    const files = await allFiles(walking);
    const others = await projectsElsewhere(walking, files);
    // A project may lead to the file itself.
    const sources = new Set(others.map(({ reach }) => reach));
    const isOther = ({ tree, entry, isHere }: Omit<Place, 'isOther'>): boolean =>
      !isHere && (appFileNames.includes(baseOf(entry.path)) || (tree === walking.tree && sources.has(entry.path)));
    const all = files.map((place) => ({ ...place, isOther: isOther(place) }));
    return { all, naming: { own: ownProjects(walking), others } };
  };
  const places = async (): Promise<Found> => {
    looking ??= look();
    try {
      return await looking;
    } catch (error) {
      // Tried again for the next one.
      looking = undefined;
      throw error;
    }
  };
  const saidIn = (place: Place, naming: Naming): Promise<Said> => {
    const known = read.get(place) ?? whatIsSaid(walking, naming, place);
    read.set(place, known);
    known.catch(() => read.delete(place));
    return known;
  };
  const contents = new Map<Place, Promise<Uint8Array>>();
  const bytesIn = (place: Place): Promise<Uint8Array> => {
    const known = contents.get(place) ?? bytesOf(walking, place.tree, place.entry).then((bytes) => bytes ?? nothing);
    contents.set(place, known);
    known.catch(() => contents.delete(place));
    return known;
  };
  const isNewAt = ({ tree, entry }: Place, { isNew }: Since): boolean =>
    tree !== walking.tree || isNew === undefined || isNew(entry.path);
  const mention = ({ tree, entry }: Place, as: Mention['as']): Mention => {
    return { file: walking.files.file(tree, entry.path).name, as };
  };
  return {
    async of(app, since) {
      let any: Mention | undefined;
      const { all, naming } = await places();
      for (const place of all) {
        if (since.ownOnly === true && place.tree !== walking.tree) continue;
        if (place.entry.kind === 'repository') {
          if (since.isCommit === true && since.isNew?.(place.entry.path) === true) any ??= mention(place, 'repository');
          continue;
        }
        const { isOther } = place;
        const isNewHere = isNewAt(place, since);
        // A copy of its name may have been made first, and its app.yaml removed later.
        const counts = isOther || isNewHere || isLikelyApp(baseOf(place.entry.path));
        if (!counts || !(mayMention(place) || isDeployedByHand(walking, place, since))) continue;
        const said = await saidIn(place, naming);
        if (said.apps.includes(app)) {
          if (isOther) return mention(place, 'other config');
          if (isNewHere || !(await isOldCopy(walking, place, since))) return mention(place, 'put away');
        }
        // What git ignores, as an editor's copy, counts for what it says alone.
        if (!isNewHere || place.entry.ignored === true) continue;
        // Of another repo's files nobody knows since when they are there.
        if (said.isUnread && place.tree === walking.tree) any ??= mention(place, 'unread');
        if (said.isUnclear && place.tree === walking.tree) any ??= mention(place, 'unclear');
        if (said.isProject) any ??= mention(place, 'project');
      }
      return any;
    },
    async movedFrom(app, { id, size, bytes }, { isNew, isAdded }) {
      const { all, naming } = await places();
      let similar: Mention | undefined;
      for (const place of all) {
        const { tree, entry } = place;
        if (tree !== walking.tree || entry.kind === 'repository' || isReadForOthers(walking, place)) continue;
        if (!isAboutAsLarge(entry, size) || isNew?.(entry.path) === false) continue;
        const there = (await walking.files.id(tree, entry.path)) ?? '';
        const isSame = there === id && entry.size >= sameMin;
        // A template or a copy that stood there before would hold every app that is like it.
        if (!isSame && (similar !== undefined || isAdded?.(entry.path, there) !== true)) continue;
        if (!isSame && !isMostlyTheSame(bytes ?? nothing, await bytesIn(place))) continue;
        const isAnothers = place.isOther ? isOfAnother : namesAnother;
        if (!(isSame && !place.isOther) && isAnothers(await saidIn(place, naming), app, bytes)) continue;
        const found = mention(place, place.isOther ? 'other config' : 'moved');
        if (isSame) return found;
        similar = found;
      }
      return similar;
    },
  };
}

/** Carriage returns and keywords that git puts in on disk are none of what it compares. */
function isAboutAsLarge(entry: TreeEntry, size: number | undefined): boolean {
  return size === undefined || (entry.size >= size / 2 && entry.size <= size * 2 + 64);
}

const nothing = new Uint8Array();
/** Bytes: what is smaller, as `{}`, many files are. */
const sameMin = 8;

/** An app.yaml, a project, and what an app.yaml or a project leads to: what is in it is no app that was put away. */
function isReadForOthers(walking: Walking, { tree, entry, isHere }: Place): boolean {
  const base = baseOf(entry.path);
  if (!isHere) return false;
  if (appFileNames.includes(base)) return true;
  const { name } = walking.files.file(tree, entry.path);
  if (isAppOrProject(base)) return walking.projects.some(({ document }) => document.file === name);
  return walking.files.wasRead(tree, entry.path) && nearMissOf(base) === undefined;
}

/** The app of another config's file is what its projects make of its name. */
function isOfAnother({ apps, isUnclear }: Said, app: string): boolean {
  return !isUnclear && apps.length > 0 && !apps.includes(app);
}

/** What plainly names another app is that one's, as a draft that somebody began with a copy. */
function namesAnother({ written }: Said, app: string, bytes: Uint8Array | undefined): boolean {
  const before = bytes === undefined ? [] : fieldsWritten(looseText(bytes), 'app');
  const names = written.filter((name) => name !== '' && isPlainName(name));
  return names.length > 0 && !names.some((name) => name === app || before.includes(name));
}

/** It names what the app.yaml beside it did, which has got another app since: what an editor keeps. */
async function isOldCopy({ files }: Walking, { tree, entry }: Place, { file }: Since): Promise<boolean> {
  const folder = folderOf(entry.path);
  const stood = await file?.();
  if (stood === undefined || folderOf(stood) !== folder) return false;
  return (await files.list(tree, folder)).some((one) => appFileNames.includes(baseOf(one.path)));
}

/** A fly.toml beside an app.yaml stays when that goes; one that came since is how the app is deployed from now on. */
function isDeployedByHand(walking: Walking, { tree, entry }: Place, { isNew }: Since): boolean {
  return tree === walking.tree && isNew?.(entry.path) === true && isFlyConfig(baseOf(entry.path));
}

/** An app.yaml of this config the walk has read, or it has said why not. */
function mayMention(place: Place): boolean {
  const base = baseOf(place.entry.path);
  return place.isOther || (!appFileNames.includes(base) && mayNameApp(base));
}

/** All of the config repo, for another folder of it may be another config; of a project's source the part that it names. */
async function allFiles(walking: Walking): Promise<readonly Omit<Place, 'isOther'>[]> {
  const { tree, path, starts } = walking;
  const found: Omit<Place, 'isOther'>[] = [];
  for (const start of [{ tree, path: '' }, ...starts.filter((one) => one.tree !== tree)]) {
    const isHere = (inner: string): boolean =>
      (start.tree !== tree || isInside(inner, path)) && !inner.split('/').some((part) => skippedFolders.has(part));
    const add = (entry: TreeEntry): void => {
      // One of this config the walk has met, and has said so.
      if (entry.kind !== 'repository' || !isHere(entry.path))
        found.push({ tree: start.tree, entry, isHere: isHere(entry.path) });
    };
    await filesBelow({
      folder: start.path,
      list: (folder) => walking.files.list(start.tree, folder),
      wants: () => false,
      skipped: othersFolders,
      skips: ({ path: inner, kind, ignored }) =>
        (ignored === true && kind === 'folder') || isIgnored(walking, { tree: start.tree, path: inner }),
      onOther: add,
      into: (folders) => folders,
      onLimit(folder, limit) {
        throw new Fault({
          kind: 'stalled',
          what: `not all of ${walking.files.file(start.tree, folder).name || start.tree.name} was searched for files that name it`,
          why: `${limit} folders`,
          next: ignoreHint,
        });
      },
      seen: { folders: 0 },
    });
  }
  return found;
}

/** Outside of this config's part of the config repo. */
async function projectsElsewhere(
  walking: Walking,
  places: readonly Omit<Place, 'isOther'>[],
): Promise<readonly NamingProject[]> {
  const found: { readonly folder: string; readonly document: SourceDocument }[] = [];
  for (const { tree, entry, isHere } of places) {
    if (isHere || !projectFileNames.includes(baseOf(entry.path))) continue;
    const { name, folder } = walking.files.file(tree, entry.path);
    const { text } = await textOf(walking, tree, entry);
    if (text !== undefined) found.push({ folder, document: documentOf(name, text, []) });
  }
  return otherProjects(walking.tree, found);
}

const nothingSaid: Said = { apps: [], written: [], isProject: false, isUnread: false, isUnclear: false };

async function whatIsSaid(walking: Walking, { own, others }: Naming, place: Place): Promise<Said> {
  const { tree, entry, isHere, isOther } = place;
  const reaching = (projects: readonly NamingProject[]) =>
    projects.filter((one) => one.tree === tree && isInside(entry.path, one.reach));
  const above = isOther ? reaching(others) : [];
  // A project of this config gives its values to a copy of an app.yaml, as it gave them to the file, and to no other file.
  const giving = isOther ? above : isLikelyApp(baseOf(entry.path)) ? reaching(own) : [];
  const given = (written: readonly string[]): readonly string[] =>
    giving.flatMap(({ defaults, overrides }) => [...(written.length === 0 ? defaults : []), ...overrides]);
  const base = baseOf(entry.path);
  const { name } = walking.files.file(tree, entry.path);
  const isLikely = isLikelyApp(base);
  const { text, isSealed: isPacked } = await textOf(walking, tree, entry);
  const isUnread = isLikely && isPacked;
  const chains = isOther ? above : isLikely ? own : [];
  const isMade = text !== undefined && chains.some((chain) => maySay(substitute(text, chain.substitutions).text));
  if (text !== undefined && !isMade && !maySay(text))
    return { ...nothingSaid, apps: given([]), isUnread, isUnclear: isLikely && isUnclearName(text, undefined) };
  const document = text === undefined ? undefined : documentOf(name, text, []);
  const isProject = isHere && !isAppOrProject(base) && document !== undefined && isProjectOfKind(document);
  if (text === undefined || document === undefined) return { ...nothingSaid, isUnread };
  const written = appsIn(document);
  const made = chains
    .filter(({ substitutions }) => substitute(text, substitutions).text !== text)
    .map(({ substitutions }) => documentOf(name, text, substitutions));
  // Of a file that is called otherwise the name alone: read anew for each project, a thousand files took a minute.
  const substituted = isOther || isLikely ? made.flatMap((one) => appsIn(one)) : namesMadeBy(own, written);
  const readings = [document, ...made];
  const isUnclear = (isOther || isLikely) && readings.every((one) => isUnclearIn(one, isOther));
  return {
    apps: [...written, ...substituted, ...given(written)].map((name) => name.toLowerCase()),
    written,
    isProject,
    isUnread,
    isUnclear,
  };
}

function namesMadeBy(projects: readonly NamingProject[], written: readonly string[]): readonly string[] {
  return projects.flatMap(({ substitutions }) => written.map((name) => substitute(name, substitutions).text));
}

/** Of a name that somebody put away no more is wanted than that it looks like one. */
function isUnclearIn(document: SourceDocument, isOther: boolean): boolean {
  const { text } = substitute(document.text, document.substitutions);
  const app = document.fields?.['app'];
  return isUnclearName(text, typeof app === 'string' && !isOther ? app.replace(/^\s*[A-Z](?=[a-z])/, 'a') : app);
}

/** Most files of other tools are not even parsed. An escape may stand for any letter. */
const mayBeOne =
  /^(?:---[ \t]+)?(?:(?:#+|\/\/)[ \t]{0,80}|\?[ \t]+|[&!]\S{0,80}[ \t]+|\[)?["']?(?:app|project)\b|[{,][ \t]*["']?(?:app|project)["']?[ \t]*:|"(?:app|project)"|\\[ux]/im;
/** A document in braces over several lines. */
const isInBraces = /^(?:[^\S\n]*(?:(?:#|\/\/|---).*)?\n)*[^\S\n]*\{(?!\{)/;
/** Its fields may stand further in: merged from there, or called a map. */
const isMerged = /^[ \t]{0,80}["']?<<["']?[ \t]*:|!!map\b/m;
const isNamedFurtherIn = /^[ \t]{1,80}["']?(?:app|project)\b/im;

function maySay(text: string): boolean {
  return (
    mayBeOne.test(movedOut(text)) || ((isInBraces.test(text) || isMerged.test(text)) && isNamedFurtherIn.test(text))
  );
}

function documentOf(file: string, text: string, substitutions: readonly Substitution[]): SourceDocument {
  const named = /\.(?:json|toml)(?![a-z])/i.exec(file)?.[0].toLowerCase() ?? file;
  return readDocument({ file, format: formatOf(named), bytes: new TextEncoder().encode(text), substitutions });
}

interface Text {
  /** undefined: it cannot be read. */
  readonly text: string | undefined;
  /** true: it does not show what is in it. */
  readonly isSealed: boolean;
}

const noText: Text = { text: undefined, isSealed: true };

async function textOf(walking: Walking, tree: Tree, entry: TreeEntry): Promise<Text> {
  const bytes = await bytesOf(walking, tree, entry);
  if (bytes === undefined || isPointer(bytes)) return noText;
  const text = looseText(bytes);
  return { text, isSealed: isSealed(bytes, text) };
}

async function bytesOf({ files }: Walking, tree: Tree, entry: TreeEntry): Promise<Uint8Array | undefined> {
  if (unreadEntry(entry) !== undefined) return undefined;
  try {
    return await files.read(tree, entry.path);
  } catch (error) {
    // Too large, or a link that leads out: for a person to settle.
    if (error instanceof Fault && error.kind === 'stalled') return undefined;
    throw error;
  }
}

/** Its apps may be anywhere. */
function isProjectOfKind(document: SourceDocument): boolean {
  return isOfKind(document, 'project') && isObject(document.fields?.['source']);
}

/**
 * Its lines tell as well where it is not read whole, or parsed as what it was not meant to be, as comments in JSON: a name too
 * many keeps an app too many.
 */
function appsIn(document: SourceDocument): readonly string[] {
  const app = document.fields?.['app'];
  const parsed = typeof app === 'string' ? [app.trim()] : [];
  if (isReadWhole(document) && !isBroken(document) && (parsed.length > 0 || document.format === 'json')) return parsed;
  const { text } = substitute(document.text, document.substitutions);
  return [...parsed, ...fieldsWritten(text, 'app')];
}
