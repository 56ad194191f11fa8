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
import { isFlyConfig, isLikelyApp, mayNameApp } from '../files/near-misses.ts';
import { filesBelow, othersFolders, skippedFolders } from '../files/traverse.ts';
import { isIgnored, type Walking } from './discovery.ts';
import { ignoreHint } from './notes.ts';
import { isBroken, isOfKind } from './overlooked.ts';
import { otherProjects, ownProjects, type NamingProject } from './naming-projects.ts';
import { movedTo } from './moved.ts';
import { bytesOf, mentionOf, type Found, type Naming, type Place, type Said } from './places.ts';
import { isSealed } from './sealed.ts';
import { fieldsWritten, isUnclearName, looseText, movedOut } from './written-fields.ts';

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
  const isNewAt = ({ tree, entry }: Place, { isNew }: Since): boolean =>
    tree !== walking.tree || isNew === undefined || isNew(entry.path);
  const contents = new Map<Place, Promise<Uint8Array>>();
  const mention = (place: Place, as: Mention['as']): Mention => mentionOf(walking, place, as);
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
    async movedFrom(app, content, since) {
      const { all, naming } = await places();
      const said = (place: Place): Promise<Said> => saidIn(place, naming);
      return movedTo({ walking, all, said, contents }, app, { content, since });
    },
  };
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
  const bytes = await bytesOf(walking, { tree, entry });
  if (bytes === undefined || isPointer(bytes)) return noText;
  const text = looseText(bytes);
  return { text, isSealed: isSealed(bytes, text) };
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
