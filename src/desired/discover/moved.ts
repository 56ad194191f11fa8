/** Whether an app's own file was moved, and perhaps edited, as git tells a rename from a deletion. */
import type { FileContent, Mention, Since } from '../../model/removal.ts';
import { baseOf } from '../../sources/tree/tree-path.ts';
import type { TreeEntry } from '../../sources/tree/tree.ts';
import { appFileNames, isAppOrProject } from '../files/file-names.ts';
import { nearMissOf } from '../files/near-misses.ts';
import type { Walking } from './discovery.ts';
import { bytesOf, mentionOf, type Place, type Said } from './places.ts';
import { fieldsWritten, isPlainName, looseText } from './written-fields.ts';

const nothing = new Uint8Array();
/** Bytes: what is smaller, as `{}`, many files are. */
const sameMin = 8;
/** Letters of what two files have in common, blanks aside: with less, two or three lines such as a region and an image are it. */
const commonMin = 64;

/** A clone on disk reads so many at once without more memory than they are. */
const readAtOnce = 64;

interface Moving {
  readonly walking: Walking;
  readonly all: readonly Place[];
  readonly said: (place: Place) => Promise<Said>;
  /** What was read for one app is there for the next. */
  readonly contents: Map<Place, Promise<Uint8Array>>;
}

/** The new file that it became; of several, one with the very content. Throws the tree's Faults. */
export async function movedTo(
  { walking, all, said, contents }: Moving,
  app: string,
  { content, since }: { readonly content: FileContent; readonly since: Since },
): Promise<Mention | undefined> {
  const candidates = all.filter(
    (place) =>
      place.tree === walking.tree &&
      place.entry.kind !== 'repository' &&
      since.isNew?.(place.entry.path) !== false &&
      place.entry.ignored !== true &&
      isAboutAsLarge(place.entry, content.size ?? content.bytes?.length) &&
      !isReadForOthers(walking, place),
  );
  const { bytes } = content;
  const lines = linesOf(bytes ?? nothing);
  let similar: Mention | undefined;
  for (const [index, place] of candidates.entries()) {
    // One after the other they are a minute for twenty thousand.
    if (index % readAtOnce === 0)
      await Promise.all(candidates.slice(index, index + readAtOnce).map((next) => bytesIn(walking, next, contents)));
    if (bytes !== undefined && !isAlike(lines, linesOf(await bytesIn(walking, place, contents)))) continue;
    const id = (await walking.files.id(place.tree, place.entry.path)) ?? '';
    const isSame = id === content.id && place.entry.size >= sameMin;
    // A template or a copy that stood there before would hold every app that is like it.
    if (!isSame && (similar !== undefined || bytes === undefined || since.isAdded?.(place.entry.path, id) !== true))
      continue;
    const isAnothers = place.isOther ? isOfAnother : namesAnother;
    if (!(isSame && !place.isOther) && isAnothers(await said(place), app, bytes)) continue;
    const found = mentionOf(walking, place, place.isOther ? 'other config' : isSame ? 'moved' : 'like');
    if (isSame) return found;
    similar = found;
  }
  return similar;
}

/** Carriage returns and keywords that git puts in on disk are none of what it compares. */
function isAboutAsLarge(entry: TreeEntry, size: number | undefined): boolean {
  return size === undefined || (entry.size >= size / 2 && entry.size <= size * 2 + 64);
}

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

/**
 * true: the two have at least half of their text in common, of the larger one, and not just a line or two, or are the same. Lines
 * count by their length, whatever their order, indentation and line ends; a line that was made a comment counts as the line.
 */
function isAlike(lines: readonly string[], others: readonly string[]): boolean {
  const larger = Math.max(lengthOf(lines), lengthOf(others));
  const left = Map.groupBy(others, (line) => line);
  const common = lengthOf(lines.filter((line) => left.get(line)?.pop() !== undefined));
  return common === larger || (common >= commonMin && common * 2 >= larger);
}

function linesOf(bytes: Uint8Array): readonly string[] {
  const lines = looseText(bytes)
    .split('\n')
    .map((line) => line.trim().replace(/^(?:#+|\/\/)\s*/, ''));
  // As git does: what stands in a long line behind the place that was edited is the same still.
  return lines.flatMap((line) => line.match(/.{1,64}/gsu) ?? []);
}

function lengthOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}

function bytesIn(walking: Walking, place: Place, contents: Moving['contents']): Promise<Uint8Array> {
  const known = contents.get(place) ?? bytesOf(walking, place).then((bytes) => bytes ?? nothing);
  contents.set(place, known);
  known.catch(() => contents.delete(place));
  return known;
}
