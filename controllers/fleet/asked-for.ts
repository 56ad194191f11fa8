/** What a person asked a pass to be about: names that fit nothing are slips of the pen, and must not look like success. */
import { nearest } from '../../src/flyconfig/reading/spelling.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { matchesGlob } from '../../src/model/base/glob.ts';
import { list, orList } from '../../src/model/base/text.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { acceptableReasons } from '../../src/plan/guards/accept.ts';
import { appOf, wordOf } from '../../src/plan/steps/accept-word.ts';
import { namesOf } from '../../src/model/names.ts';
import type { FoundOrphans } from './orphans.ts';
import { shellWord } from '../../src/model/base/shell.ts';

/** The apps a pass is about: those that any of the globs names. */
export function selectApps<T extends { readonly name: string }>(
  apps: readonly T[],
  globs: readonly string[],
): readonly T[] {
  if (globs.length === 0) return apps;
  return apps.filter((app) => globs.some((glob) => matchesGlob(app.name, glob)));
}

/**
 * The app that git calls so, else all apps of the project of that name; none: git names neither. Throws a stalled Fault where
 * the app's file cannot be used.
 */
export function appsCalled({ apps, invalid }: DesiredFleet, name: string): readonly DesiredApp[] {
  const app = apps.find((one) => one.name === name);
  if (app !== undefined) return [app];
  const members = apps.filter((one) => one.projects.includes(name));
  const unusable = invalid.find((one) => one.name === name);
  if (members.length > 0 || unusable === undefined) return members;
  throw new Fault({
    kind: 'stalled',
    what: `the file of ${name} cannot be used`,
    next: '`flycd validate` says why; until then nothing of the app is touched',
    where: unusable.file,
  });
}

interface AskedFor {
  /** Globs of app names; empty = all. */
  readonly apps: readonly string[];
  /** Names of apps, reasons of holds, `app:NAME`. */
  readonly acceptOnly: readonly string[];
}

/** false: every app that was asked for by its name is one of git's, so nobody has to be asked for others. */
export function mayBeOrphans({ apps }: DesiredFleet, { apps: globs, acceptOnly }: AskedFor): boolean {
  const asked = [...globs, ...acceptOnly.flatMap((word) => appOf(word) ?? [])];
  return globs.length === 0 || asked.some((one) => apps.every(({ name }) => name !== one));
}

/**
 * Throws a stalled Fault where a name fits nothing. Where part of the config is unread, it may hold an app that is meant;
 * what is accepted has to be there all the same, for nothing else would come of it.
 */
export function checkAskedFor(fleet: DesiredFleet, found: FoundOrphans | undefined, asked: AskedFor): void {
  const names = [...namesOf(fleet)];
  const all = [...names, ...(found?.orphans ?? []).map(({ name }) => name)];
  const glob = asked.apps.find((one) => !all.some((name) => matchesGlob(name, one)));
  if (glob !== undefined && fleet.whole) throw unreadFault(glob, found) ?? unknownApp(glob, names);
  const word = asked.acceptOnly.find((one) => {
    const app = appOf(one);
    return app !== undefined && !all.includes(app);
  });
  if (word !== undefined) throw unreadFault(word, found) ?? unknownWord(word, all);
}

/** Names listed in an error: enough to find a slip of the pen. */
const namesMax = 20;

export function unknownApp(glob: string, names: readonly string[]): Fault {
  return new Fault({
    kind: 'stalled',
    what: `no app is called ${glob}`,
    why: names.length === 0 ? 'the config holds no apps' : `the config holds ${list(names.toSorted(), namesMax)}`,
    next: 'check the name, or leave it out for all apps',
  });
}

/** It may be the name of one that git does not name. undefined: all that could list it was read. */
function unreadFault(name: string, found: FoundOrphans | undefined): Fault | undefined {
  const [unread] = found?.unread ?? [];
  if (unread === undefined) return undefined;
  return new Fault({
    kind: 'transient',
    what: `whether ${name} is an app of this fleet is not known`,
    why: `git does not name it, and FlyCD could not list all machines of organization ${unread.org}: ${unread.reason}`,
    next: 'check the name, or try again in a minute',
  });
}

function unknownWord(word: string, apps: readonly string[]): Fault {
  const isApp = word.startsWith('app:');
  const candidates = isApp ? apps.map((app) => `app:${app}`) : [...apps, ...acceptableReasons];
  const meant = nearest(word, candidates);
  // An app that is called like a reason may be meant as either.
  const either = [
    ...apps.filter((app) => app === meant).map(wordOf),
    ...acceptableReasons.filter((one) => one === meant),
  ];
  const what = isApp
    ? `no app is called ${word.slice('app:'.length)}`
    : `no app, and no reason of a hold, is called ${word}`;
  return new Fault({
    kind: 'stalled',
    what: `--accept-only ${shellWord(word)} names nothing: ${what}`,
    why: `it takes an app or, of the reasons, ${orList(acceptableReasons)}; the apps are ${list(apps.toSorted(), namesMax)}`,
    next:
      meant === undefined
        ? 'flycd diff shows what is held, and for what reason'
        : `did you mean ${either.length === 0 ? meant : orList(either)}?`,
  });
}
