/** An app of the fleet that git no longer names: it runs on, and goes only where the fleet's policy prunes apps. */
import type { DesiredFleet } from '../model/desired.ts';
import type { SyncPolicy } from '../model/base/policy.ts';
import type { Machine } from '../../schemas/fly/machine.ts';
import type { OrphanedApp } from '../model/observed.ts';
import type { Mention, RemovalHistory } from '../model/removal.ts';
import type { AppPlan, Hold, Step } from '../model/plan.ts';
import { isNamedOwn, otherOwner, type OtherOwner } from '../model/stamps/owner.ts';
import { stampKeys } from '../model/stamps/keys.ts';
import { parseOrigin } from '../model/stamps/origin.ts';
import { isCopy, provesItself } from '../model/stamps/slot.ts';
import { busyWith, whyBusy } from './classify/other-deployments.ts';
import { emptyMemory } from '../model/standing/memory.ts';
import { memoryOf } from '../model/standing/remembered.ts';
import { suspensionHold, suspensionWords } from './target/suspension.ts';
import { suspensionOf } from '../model/standing/in-force.ts';
import { standingOf } from './target/rollout-state.ts';
import { plural, shortRevision } from '../model/base/text.ts';
import { otherAppsLookMs } from './guards/dependencies.ts';
import { ownerWords } from './guards/owner.ts';
import { prunesApps } from './guards/removal-order.ts';
import { backOrDestroy } from './idle-orphan.ts';
import { heldWhileSilent } from './silent-orphan.ts';
import { contentsOf } from './steps/contents.ts';
import { holdOf } from './steps/hold.ts';
import { metadataOf } from './classify/machine-state.ts';
import { shellWord } from '../model/base/shell.ts';
import { acceptCommand } from './steps/accept-word.ts';

export interface OrphanInput {
  readonly fleet: DesiredFleet;
  readonly orphan: OrphanedApp;
  readonly now: number;
}

export function planOrphan({ fleet, orphan, now }: OrphanInput): Pick<AppPlan, 'steps' | 'holds' | 'notes'> {
  const { name, machines, releases, departed, flyAheadMs: aheadMs } = orphan;
  const { remembered = emptyMemory, id } = orphan;
  const memory = memoryOf(remembered, { isThere: true, id, isStamped: true });
  const standing = standingOf({ machines, fleet }, memory);
  const suspension = suspensionOf(standing, now + aheadMs);
  const isMade = (machine: Machine): boolean =>
    isNamedOwn(metadataOf(machine), fleet) && !isCopy(machine.id, metadataOf(machine));
  // Nobody knows whose they are while they show nothing.
  const hidden = machines.filter(isHidden).length;
  const ours = machines.filter(isMade).length;
  const strangers = machines.length - ours - hidden;
  // What somebody cloned by hand counts as a stranger, whoever's stamps it carries.
  const made = machines.filter((machine) => !isCopy(machine.id, metadataOf(machine)));
  const [other] = (made.length === 0 ? machines : made).flatMap(
    (machine) => otherOwner(metadataOf(machine), fleet) ?? [],
  );
  if (!prunesApps(fleet)) {
    const note = runsOn(name, { ours, strangers, hidden, other });
    // It holds nothing, for nothing would be done; where the policy prunes apps it does.
    return { steps: [], holds: [], notes: [note, ...(suspension === undefined ? [] : [suspensionWords(suspension)])] };
  }
  const because = 'git no longer names it';
  const changes = contentsOf(orphan);
  const step: Step = { kind: 'app.destroy', app: name, target: name, because, risk: 'destructive', changes };
  if (orphan.unread !== undefined) return { steps: [], holds: [unreadHold(name, orphan.unread, step)], notes: [] };
  const suspended = suspensionHold(name, [step], { standing, now, aheadMs });
  if (suspended !== undefined) return { steps: [], holds: [suspended], notes: [] };
  const asked = releases?.status === 'read' ? releases.value : undefined;
  const busy = busyWith({ machines, releases: asked, departed, fleet, now, aheadMs });
  if (busy !== undefined) return { steps: [], holds: [holdOf(name, { ...whyBusy(busy), steps: [step] })], notes: [] };
  const held =
    sharedHold(name, other, step) ??
    guessedHold(orphan, fleet.name, step) ??
    unprovenHold(orphan, fleet.name, step) ??
    historyHold(orphan, now, step) ??
    unmarkedHold(orphan, fleet, step) ??
    volumeHold(orphan, { strangers, now }, step) ??
    strangersHold(name, strangers, step);
  const hold = heldWhileSilent({ orphan, held, now, step });
  return hold === undefined ? { steps: [step], holds: [], notes: [] } : { steps: [], holds: [hold], notes: [] };
}

/** true: its host does not answer, and Fly shows nothing of its config: neither whose it is nor what it carries. */
function isHidden({ config, incomplete_config: part }: Machine): boolean {
  return (config ?? part ?? undefined) === undefined;
}

/** The fleet's, and `auto: false` where its own last said so. */
export function orphanPolicy(fleet: DesiredFleet, history: RemovalHistory | undefined): SyncPolicy {
  const wasManual = history?.state === 'removed' && history.isManual;
  return { ...fleet.policy, auto: fleet.policy.auto && !wasManual };
}

interface InIt {
  readonly ours: number;
  /** Machines that are not this fleet's, and another fleet that has some of them. */
  readonly strangers: number;
  /** That show nothing of whose they are. */
  readonly hidden: number;
  readonly other: OtherOwner | undefined;
}

/** Nothing that another fleet has machines in is to be destroyed: its own may go one by one. */
function runsOn(app: string, { ours, strangers, hidden, other }: InIt): string {
  const dark = hidden === 0 ? '' : `, beside ${plural(hidden, 'machine')} on a host that does not answer`;
  const run = `git no longer names it; ${plural(ours, 'machine')} of this fleet ${ours === 1 ? 'runs' : 'run'} on${dark}`;
  if (other !== undefined) return `${run}, and ${sharedWords(other)}. Bring its app.yaml back, or ${oneByOne(app)}`;
  const beside = strangers === 0 ? '' : `, beside ${plural(strangers, 'machine')} that FlyCD did not make`;
  return `${run}${beside}. ${backOrDestroy(app, strangers)}`;
}

function sharedWords(other: OtherOwner): string {
  return `${other.origin === undefined ? `the fleet ${other.fleet}` : ownerWords(other)} has machines in it, too`;
}

function oneByOne(app: string): string {
  return `remove this fleet’s machines alone: fly machine list --app ${shellWord(app)}, then fly machine destroy`;
}

/** What was known of it may be long over: who is in it now, and what would go with it. */
function unreadHold(name: string, reason: string, step: Step): Hold {
  return holdOf(name, {
    reason: 'unread',
    because: `it could not be looked at whole before it is destroyed: ${reason}`,
    next: 'FlyCD looks again by itself',
    steps: [step],
  });
}

/** Volumes hold what nobody can make again. Unread ones may be there. Whoever accepts it accepts the rest of it as well. */
function volumeHold(
  { name, contents }: OrphanedApp,
  { strangers, now }: { readonly strangers: number; readonly now: number },
  step: Step,
): Hold | undefined {
  const volumes = contents?.volumes;
  if (volumes?.status === 'read' && volumes.value.length === 0) return undefined;
  const isRead = volumes?.status === 'read';
  const count = isRead ? plural(volumes.value.length, 'volume') : 'volumes that could not be read';
  return holdOf(name, {
    reason: 'volume',
    because: `git no longer names it, and ${count}${strangers === 0 ? '' : ` and ${plural(strangers, 'machine')} that FlyCD did not make`} would go with it`,
    next: `${destroyCommand(name)}; or bring its app.yaml back`,
    steps: [step],
    byName: true,
    ...(isRead ? {} : { retryAt: now + otherAppsLookMs }),
  });
}

/** Nobody's word here destroys what is another fleet's, whatever else would go. */
function sharedHold(name: string, other: OtherOwner | undefined, step: Step): Hold | undefined {
  if (other === undefined) return undefined;
  return holdOf(name, {
    reason: 'owner',
    because: sharedWords(other),
    next: `bring its app.yaml back, or ${oneByOne(name)}`,
    steps: [step],
  });
}

/** Two config repos may give their fleets one name, each in an organization of its own, with one token for both. */
function guessedHold({ name, org, isGuessed }: OrphanedApp, fleet: string, step: Step): Hold | undefined {
  if (isGuessed !== true) return undefined;
  return holdOf(name, {
    reason: 'owner',
    because: `FlyCD found it only because the token reaches organization ${org}; another fleet may also be named ${fleet}`,
    next: `fly apps destroy ${shellWord(name)}, if nobody needs it; or, if it is yours, bring its app.yaml back`,
    steps: [step],
  });
}

/** The fleet's name alone may have been copied into somebody else's app. Nobody's word here makes sure that it was not. */
function unprovenHold({ name, machines }: OrphanedApp, fleet: string, step: Step): Hold | undefined {
  if (machines.some((machine) => provesItself(machine.id, metadataOf(machine), fleet))) return undefined;
  return holdOf(name, {
    reason: 'owner',
    because: `its machines carry fleet name ${fleet}, but none carries its own machine id: somebody may have copied the config`,
    next: `look at them (fly machine list --app ${shellWord(name)}); fly apps destroy ${shellWord(name)}, if nobody needs it`,
    steps: [step],
  });
}

function destroyCommand(name: string): string {
  return `${acceptCommand(name)} destroys it with all that is in it`;
}

/** Not to name an app is not to have removed it: another branch, an older clone or a copy of the repo does not name it either. */
function historyHold({ name, history }: OrphanedApp, now: number, step: Step): Hold | undefined {
  const words = history === undefined ? undefined : whyNotRemoved(history);
  if (words === undefined) return undefined;
  const byName = destroyCommand(name);
  const next = words.next === undefined ? byName : `${words.next}; or ${byName}`;
  const retryAt = history?.state === 'unread' ? now + otherAppsLookMs : undefined;
  return holdOf(name, { reason: 'destructive', because: words.because, next, steps: [step], byName: true, retryAt });
}

/**
 * Another folder or branch of the repo, or a copy without an address of its own, may have released it under this name, which
 * nobody had to write. What this config released since its name was written carries the mark of that.
 */
function unmarkedHold({ name, machines }: OrphanedApp, fleet: DesiredFleet, step: Step): Hold | undefined {
  const ours = machines.map((machine) => metadataOf(machine)).filter((metadata) => isNamedOwn(metadata, fleet));
  if (ours.some((metadata) => parseOrigin(metadata[stampKeys.origin]) === undefined)) return undefined;
  return holdOf(name, {
    reason: 'destructive',
    because: `git does not name it. It was last synced by a config that names no fleet: another folder, branch or clone of the repo may still name it`,
    next: `sync that config, with fleet: written into it; or ${destroyCommand(name)}`,
    steps: [step],
    byName: true,
  });
}

interface HistoryWords {
  readonly because: string;
  /** What settles it without a person's word. undefined: nothing does. */
  readonly next?: string;
}

function lastWords({ commit, isPass }: { readonly commit: string; readonly isPass?: true }): string {
  return `${isPass === true ? 'synced at' : 'released from'} commit ${shortRevision(commit)}`;
}

/** Whether an app is gone with its file's name only a person knows. */
function mentionedWords({ file, as, commit }: Mention): HistoryWords {
  const gone = `delete it${commit === undefined ? '' : ', and commit that,'} if the app is gone`;
  const at = commit === undefined ? '' : ` at commit ${shortRevision(commit)}`;
  const isConfigName = /(?:^|\/)(?:project|flycd)\.(?:ya?ml|toml)$/.test(file);
  switch (as) {
    case 'put away':
      return {
        because: `git no longer names it, but ${file} does${at}, and FlyCD ${isConfigName ? 'takes no app from a file' : 'reads no file'} of that name`,
        next: `rename the file to app.yaml, or ${gone}`,
      };
    case 'moved':
      return {
        because: `git no longer names it, but ${file} does${at}: it is the file that named it, moved, and FlyCD reads no file of that name`,
        next: `rename the file to app.yaml, or ${gone}`,
      };
    case 'like':
      return {
        because: `git no longer names it, but ${file} may${at}: it has at least half of what the file had that named it, and FlyCD reads no file of that name`,
        next: 'rename the file to app.yaml, if it is the app’s',
      };
    case 'other config':
      return {
        because: `this config no longer names it, but ${file} in the same repo does${at}`,
        next: `sync the folder that ${file} belongs to, or ${gone}`,
      };
    case 'project':
      return {
        because: `git no longer names it, but it may be an app of the project in ${file}${at}, and FlyCD reads no file of that name`,
        next: `rename the file to project.yaml, or ${gone}`,
      };
    case 'unread':
      return {
        because: `git no longer names it, but ${file} may${at}: FlyCD cannot read that file`,
        next: `make it a text file in UTF-8 called app.yaml, or ${gone}`,
      };
    case 'repository':
      return {
        because: `git no longer names it, but ${file} may${at}: it is another repository, which FlyCD does not read (a submodule, or one that was committed inside this one)`,
        next: 'sync the config in it, if that names the app',
      };
    case 'unclear':
      return {
        because: `git no longer names it, but ${file} may${at}: what it has for \`app\` is no app’s name as it is written`,
        next: /^\.\.\/(?:.*\/)?app\.(?:ya?ml|toml)$/.test(file)
          ? `sync the folder that ${file} belongs to, or ${gone}`
          : `write the app’s name into it and call it app.yaml, or ${gone}`,
      };
  }
}

function laterWords({ commit, ref, isRead, isCut }: Extract<RemovalHistory, { state: 'later' }>): HistoryWords {
  const { name, dropped } = tipWords(ref);
  const names = `${isRead ? 'names it' : 'may name it: not all of this config could be read there'}, at ${shortRevision(commit)}`;
  if (isCut !== true) {
    return {
      because: `git does not name it at this commit, but ${name} goes on from here and ${names}`,
      next: `sync that commit; or, if it is not to come, ${dropped}`,
    };
  }
  return {
    because: `git does not name it at this commit, but ${name} ${names}. This clone is shallow, and does not show whether that commit comes after this one`,
    next: `${unshallow}; or, if that commit is not to come, ${dropped}`,
  };
}

/** What people call it, and how it is gone from the clone. */
function tipWords(ref: string): { readonly name: string; readonly dropped: string } {
  const [, kind = '', name = ''] = /^refs\/(heads|remotes|tags)\/(.+)$/.exec(ref) ?? [];
  switch (kind) {
    case 'heads':
      return {
        name,
        dropped: `remove the app in that branch as well, or delete the branch (git branch -D ${shellWord(name)})`,
      };
    case 'remotes':
      return {
        name,
        dropped: `remove the app in that branch as well, or delete the branch where it was fetched from, then git fetch --prune`,
      };
    case 'tags':
      return { name: `tags/${name}`, dropped: `delete the tag (git tag -d ${shellWord(name)})` };
  }
  if (ref === 'FETCH_HEAD')
    return { name: ref, dropped: 'git fetch in each work tree, which forgets what was fetched before' };
  const trees: Readonly<Record<string, string>> = {
    HEAD: 'this work tree',
    'main-worktree/HEAD': 'the main work tree',
  };
  const [, linked] = /^worktrees\/(.+)\/HEAD$/.exec(ref) ?? [];
  const tree = linked === undefined ? trees[ref] : `the work tree ${linked}`;
  if (tree !== undefined)
    return { name: tree, dropped: 'check out another commit in it (git worktree list shows where it is)' };
  return { name: ref, dropped: `delete the ref (git update-ref -d ${shellWord(ref)})` };
}

const unshallow = 'git fetch --unshallow (GitHub Actions: fetch-depth: 0)';

/** undefined: a commit of this config took it away, or there are no commits to ask. */
function whyNotRemoved(history: RemovalHistory): HistoryWords | undefined {
  switch (history.state) {
    case 'no history':
    case 'removed':
      return undefined;
    case 'mentioned':
      return mentionedWords(history);
    case 'uncommitted':
      return {
        because: 'the working tree does not name it, but no commit removed it',
        next: 'commit the removal',
      };
    case 'elsewhere':
      return {
        because: `git does not name it. It was last ${lastWords(history)}, which is not in this config’s history: another branch, clone or repo may still name it, if that commit was not squashed, rebased or amended away`,
        next: 'sync that config',
      };
    case 'later':
      return laterWords(history);
    case 'unnamed':
      return {
        because: `git does not name it. It was last ${lastWords(history)}, ${history.hasFolder ? 'where this config does not name it either' : 'which has no such folder as this config is in'}: ${history.hasSources ? 'a repo that its projects take apps from no longer has it, or ' : ''}it was not committed, or another folder of the repo names it`,
      };
    case 'half read':
      return {
        because: `git does not name it. ${history.isNow === true ? `The work tree stands at commit ${shortRevision(history.commit)}` : `It was last ${lastWords(history)}`}, and not all of that commit could be read: nobody knows whether this config names it there`,
      };
    case 'outside git':
      return {
        because: `this folder does not name it. It was last ${lastWords(history)}, and a folder without git history does not show whether a commit removed it`,
        next: 'sync a clone',
      };
    case 'shallow':
      return {
        because: `git does not name it. It was last ${lastWords(history)}, and this clone is shallow: FlyCD cannot see whether a commit removed it`,
        next: unshallow,
      };
    case 'unknown':
      return {
        because:
          history.released === ''
            ? 'git does not name it. None of its releases has succeeded, so nothing shows which commit it came from'
            : `git does not name it. It was last released from ${shortRevision(history.released)}, which is no commit`,
      };
    case 'unread':
      return {
        because: `git does not name it, and FlyCD could not read the git history: ${history.reason}`,
        next: history.next ?? 'FlyCD tries again in the next pass',
      };
  }
}

/** Destroying an app destroys all that is in it, also what git never named. */
function strangersHold(name: string, strangers: number, step: Step): Hold | undefined {
  if (strangers === 0) return undefined;
  return holdOf(name, {
    reason: 'destructive',
    because: `${plural(strangers, 'machine')} in it that FlyCD did not make would go with it`,
    next: `after looking at them with fly machine list --app ${shellWord(name)}: ${acceptCommand(name)}`,
    steps: [step],
  });
}
