/**
 * What the tree holds, held against what was read. Each rule by which a file is not looked at stands elsewhere; one that
 * hides an app without a word would have it destroyed, so whatever is left over here is there and unread, never gone.
 */
import { baseOf, isInside } from '../../sources/tree/tree-path.ts';
import { toFault } from '../../model/base/fault.ts';
import type { Tree } from '../../sources/tree/tree.ts';
import { hasBrokenSyntax } from '../documents/document.ts';
import { isFollowed, isIgnored, type Walking } from './discovery.ts';
import { nearMissAt } from '../files/config-files.ts';
import { fileNames, isAppOrProject, projectFileNames } from '../files/file-names.ts';
import { ignoreHint, unseen } from './notes.ts';
import { isOfKind, linksMax } from './overlooked.ts';
import { isProject } from './project.ts';
import { folderDepthMax, foldersMax, skippedFolders } from '../files/traverse.ts';

/** More lines of one kind help nobody: the first few say which rule it is. */
const saidMax = 20;

interface Place {
  readonly tree: Tree;
  readonly path: string;
  /** The link that leads there. */
  readonly link?: string | undefined;
}

interface Survey {
  readonly walking: Walking;
  /** Files under names that FlyCD reads, or nearly reads. */
  readonly files: Place[];
  /** To be followed; it grows meanwhile. */
  readonly links: Place[];
  readonly looked: Map<Tree, Set<string>>;
  folders: number;
}

/** For a fleet whose orphans are sought: elsewhere nothing is taken for gone. */
export async function noteUnvisited(walking: Walking): Promise<void> {
  if (!walking.seeksOrphans || !walking.whole) return;
  const survey: Survey = { walking, files: [], links: [], looked: new Map(), folders: 0 };
  for (const start of walking.starts) await look(survey, start, 0);
  await followLinks(survey);
  const found = new Map<Tree, Set<string>>();
  for (const { file } of walking.found) found.set(file.tree, (found.get(file.tree) ?? new Set()).add(file.path));
  const isRead = ({ tree, path }: Place): boolean =>
    found.get(tree)?.has(path) === true || walking.files.wasRead(tree, path);
  // Asked before any of them is read here, which would count.
  const unread = survey.files.filter((place) => !isRead(place));
  let said = 0;
  for (const place of unread) {
    if (!(await mayBeOurs(walking, place))) continue;
    if (said === saidMax) return unseen(walking, '.', `more than ${saidMax} files are there and not read`, ignoreHint);
    said += 1;
    say(walking, place);
  }
}

async function look(survey: Survey, place: Place, depth: number): Promise<void> {
  const { walking, looked } = survey;
  const { tree, path: folder, link } = place;
  const known = looked.get(tree) ?? new Set();
  looked.set(tree, known);
  if (known.has(folder)) return;
  known.add(folder);
  survey.folders += 1;
  if (survey.folders > foldersMax || depth > folderDepthMax) return pastLimit(survey, place);
  try {
    for (const { path, kind, ignored } of await walking.files.list(tree, folder)) {
      const name = baseOf(path);
      if (ignored === true || skippedFolders.has(name) || isIgnored(walking, { tree, path })) continue;
      const nearMiss = kind === 'folder' ? undefined : nearMissAt(walking.files, tree, path);
      if (isAppOrProject(name) || isSlip(nearMiss)) survey.files.push({ tree, path, link });
      else if (nearMiss?.by === 'aside') walking.nearMisses.push(nearMiss);
      else if (kind === 'folder') await look(survey, { tree, path, link }, depth + 1);
      else if (kind === 'link' && hiddenBy(walking, { tree, path }) === undefined)
        survey.links.push({ tree, path, link });
    }
  } catch (error) {
    const { message, next = ignoreHint } = toFault(error, 'this folder could not be read');
    unseen(walking, walking.files.file(tree, folder).name, `${message}: no app is removed`, next);
  }
}

/** Settings name no app. */
function isSlip(nearMiss: ReturnType<typeof nearMissAt>): boolean {
  return nearMiss !== undefined && nearMiss.kind !== 'flycd' && nearMiss.by !== 'aside';
}

function pastLimit(survey: Survey, { tree, path }: Place): void {
  const name = survey.walking.files.file(tree, path).name;
  if (survey.folders > foldersMax + 1) return;
  const message = 'there are too many folders, or too deep ones, to say that nothing in them was left out';
  unseen(survey.walking, name, `${message}: no app is removed`, ignoreHint);
}

/** To where they lead inside the repo, as deep as the walk goes. */
async function followLinks(survey: Survey): Promise<void> {
  const { walking, links } = survey;
  for (const [index, { tree, path, link }] of links.entries()) {
    const { name } = walking.files.file(tree, path);
    if (index === linksMax) return unseen(walking, name, `more than ${linksMax} links: no app is removed`, ignoreHint);
    if (isFollowed(walking, { tree, path })) continue;
    const target = await tree.follow(path).catch(() => undefined);
    if (target !== undefined) await look(survey, { tree, path: target, link: name }, 0);
    else if (link === undefined)
      unseen(walking, name, 'it is a link to what is not read: no app is removed', ignoreHint);
  }
}

/** false: another tool has files of this name, and it says nothing in our words. */
async function mayBeOurs({ files }: Walking, { tree, path }: Place): Promise<boolean> {
  const nearMiss = nearMissAt(files, tree, path);
  const file = nearMiss?.file ?? files.file(tree, path);
  const reading = await files.document(file).catch(() => undefined);
  const document = reading?.state === 'read' ? reading.value.document : undefined;
  const isClear = document !== undefined && !hasBrokenSyntax(document);
  if (nearMiss !== undefined) {
    const beside = await files.list(tree, file.folder);
    if (beside.some((entry) => fileNames[nearMiss.kind].includes(baseOf(entry.path)))) return false;
    return isClear ? isOfKind(document, nearMiss.kind) : nearMiss.by === 'name';
  }
  if (!isClear) return true;
  return projectFileNames.includes(baseOf(path)) ? isProject(document) : document.fields?.['app'] !== undefined;
}

function hiddenBy({ hidden }: Walking, { tree, path }: Place): string | undefined {
  return hidden.find((one) => one.tree === tree && isInside(path, one.path))?.by;
}

function say(walking: Walking, place: Place): void {
  const { name } = walking.files.file(place.tree, place.path);
  const by = hiddenBy(walking, place);
  if (place.link !== undefined) {
    const hint = `let a project name that folder in source.path, move it here, or ${ignoreHint}`;
    return unseen(
      walking,
      place.link,
      `it is a link that leads to ${name}, which is not read: no app is removed`,
      hint,
    );
  }
  if (by === undefined) return unseen(walking, name, 'it is there and was not read: no app is removed', ignoreHint);
  const folder = walking.files.file(place.tree, by).name;
  const message = `beside the folder ${folder} no apps are looked for, so it is not read: no app is removed`;
  unseen(
    walking,
    name,
    message,
    `move it into ${folder}, let a project name its folder in source.path, or ${ignoreHint}`,
  );
}
