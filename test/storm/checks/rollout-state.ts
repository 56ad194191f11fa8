/**
 * What stands about apps by a person's word or after a release that failed, read from their machines without FlyCD's own
 * eyes. Once seen it stands until it is lifted, whatever becomes of the stamps: only where a hand took every machine away
 * that had it is nobody left to know.
 */
import type { App, Machine } from '../../../simulator/world/records.ts';
import type { AppIdea, FleetIdea, FleetName, GroupIdea } from '../world/fleet.ts';
import { isAlive } from './comparison.ts';
import { hashOf } from '../../../src/model/base/json.ts';

export interface Standings {
  /** What git says from now on, under the name that FlyCD gives it. undefined: nobody asked for its name. */
  published(fleet: FleetIdea, revision: string | undefined, now: number): void;
  /** What the app has to be: git's wish, or what it was at the version where a person holds it. */
  readonly ideaOf: (name: string) => AppIdea | undefined;
  /** All of git's apps, each as it has to be. */
  fleet(): FleetIdea;
  /** Reads what the app's machines carry now. */
  look(app: App, now: number): void;
  /** A machine is on its way out by somebody else's hand than FlyCD's. */
  lost(machine: Machine): void;
  suspension(name: string, now: number): Word | undefined;
  /** A person has told the FlyCD that makes the passes to lift the suspension: it goes by that, whether a machine has it or not. */
  liftedHere(name: string): void;
  isLiftedHere(word: Word): boolean;
  hold(name: string): Word | undefined;
  /** Apps of which something was said at or after that time. */
  saidSince(at: number): readonly string[];
  /** true: what the app has to be is git's version of today. */
  isGits(name: string): boolean;
  /** The image that may not be tried again. undefined: none, or not one that tells a release from others. */
  failedImage(name: string): string | undefined;
  readonly findings: readonly string[];
}

interface Word {
  readonly key: string;
  readonly text: string;
  readonly at: number;
  /** When a machine first carried it. */
  readonly seen: number;
  /** When it ends by itself. */
  readonly until: number | undefined;
  /** Of a hold: the revision it goes to. */
  readonly revision: string | undefined;
  /** It says that what was said before stands no more. */
  readonly lifted: boolean;
}

const [holdKey, suspendKey, failedKey] = ['flycd_hold', 'flycd_suspend', 'flycd_failed'];
const keys = [holdKey, suspendKey, failedKey] as const;
/** `<revision>:<config>:<digest>:<image>:<time>`; a revision has colons of its own. */
const goodForm = /^(.+):[0-9a-f]{32}:(?:sha256:[0-9a-f]{64})?:[0-9a-f]{32}:\d+$/;
const timeAtEnd = /:(\d{13})$/;

/** undefined: it says nothing. */
function wordOf(key: string, text: string, seen: number): Word | undefined {
  if (!text.startsWith('{')) {
    const at = timeAtEnd.exec(text)?.[1];
    if (at === undefined) return undefined;
    return { key, text, at: Number(at), seen, until: undefined, revision: undefined, lifted: false };
  }
  const said = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const { at, until, to, reason } = said;
  return {
    key,
    text,
    at: Number(at),
    seen,
    until: typeof until === 'number' ? until : undefined,
    revision: typeof to === 'string' ? goodForm.exec(to)?.[1] : undefined,
    lifted: to === undefined && reason === undefined,
  };
}

/** What a version covers, of all groups: the same text, the same version. */
function versionOf({ image, env, memoryMb, releaseCommand, groups }: AppIdea): string {
  const covered = Object.entries(groups).map(([name, { count: _count, elsewhere: _elsewhere, volumeGb, ...group }]) => [
    name,
    { ...group },
    volumeGb !== undefined,
  ]);
  return hashOf([image, { ...env }, memoryMb ?? null, releaseCommand ?? null, covered]);
}

/** The app of today as it was then: counts, addresses, secrets and policy stay as git says now. */
function ideaAt(now: AppIdea, then: AppIdea): AppIdea {
  const groups = Object.entries(then.groups).map(([name, group]) => [name, groupAt(group, now.groups[name])] as const);
  const isElsewhere = groups.some(([name, { elsewhere }]) => now.groups[name] === undefined && elsewhere !== undefined);
  const otherRegion = now.otherRegion ?? (isElsewhere ? then.otherRegion : undefined);
  return {
    ...now,
    image: then.image,
    env: then.env,
    memoryMb: then.memoryMb,
    groups: Object.fromEntries(groups),
    // How many may be down at once is of the version where git gives it back, and of today where machines do.
    strategy: [now, then].some(({ strategy }) => strategy === 'immediate') ? 'immediate' : 'rolling',
    maxUnavailable: now.maxUnavailable === then.maxUnavailable ? now.maxUnavailable : undefined,
    broken: false,
    ...(otherRegion === undefined ? {} : { otherRegion }),
  };
}

function groupAt(then: GroupIdea, now: GroupIdea | undefined): GroupIdea {
  if (now === undefined) return then;
  const { elsewhere: _elsewhere, ...group } = then;
  const volumeGb = then.volumeGb === undefined ? undefined : (now.volumeGb ?? then.volumeGb);
  const elsewhere = now.elsewhere === undefined ? {} : { elsewhere: now.elsewhere };
  return { ...group, count: now.count, volumeGb, ...elsewhere };
}

interface Failed {
  readonly version: string;
  readonly image: string;
}

export function standings(fleetName: FleetName = 'storm'): Standings {
  const findings: string[] = [];
  const revisions = new Map<string, FleetIdea>();
  /** By app and key. */
  const words = new Map<string, Word>();
  /** Machines that were seen with a word. */
  const carriers = new Map<Word, Set<Machine>>();
  /** By their texts. */
  const lifted = new Set<string>();
  const failures = new Map<string, Failed>();
  /** By app and stamp. */
  const failuresTold = new Map<string, Failed>();
  /** Versions that git ever gave an image, by `app image`. */
  const versions = new Map<string, Set<string>>();
  /** What git said, the newest first. */
  const history: { readonly since: number; readonly fleet: FleetIdea }[] = [];
  let git: FleetIdea = { apps: [] };

  const gits = (name: string): AppIdea | undefined => git.apps.find((app) => app.name === name);
  const standing = (name: string, key: string): Word | undefined => {
    const word = words.get(`${name} ${key}`);
    return word === undefined || word.lifted ? undefined : word;
  };

  const isOurs = (machine: Machine): boolean =>
    isAlive(machine) && machine.config.metadata?.['flycd_fleet'] === fleetName;
  const isSaidOn = (machine: Machine, { key, text }: Word): boolean =>
    isOurs(machine) && machine.config.metadata?.[key] === text;

  function read(machine: Machine, key: string, now: number): void {
    const { app } = machine;
    const text = machine.config.metadata?.[key];
    if (text === undefined) return;
    const place = `${app.name} ${key}`;
    const known = words.get(place);
    if (known?.text === text) return void carriers.get(known)?.add(machine);
    const word = wordOf(key, text, now);
    if (word === undefined || (known !== undefined && known.at >= word.at)) return;
    words.set(place, word);
    carriers.set(word, new Set([machine]));
    if (key !== failedKey) return;
    // An app that had no machines then is stamped when it has some. What git says from that very millisecond on is not what failed.
    const then = history.find(({ since }) => since < word.at)?.fleet ?? git;
    const idea = then.apps.find(({ name }) => name === app.name);
    // Told anew by a database, once a hand took away all who said it, it speaks of the same release: git may have moved in the
    // very millisecond of the failure, after it.
    const failed = failuresTold.get(`${app.name} ${text}`) ?? (idea && { version: versionOf(idea), image: idea.image });
    if (word.lifted || failed === undefined) return void failures.delete(app.name);
    failures.set(app.name, failed);
    failuresTold.set(`${app.name} ${text}`, failed);
  }

  function ideaOf(name: string): AppIdea | undefined {
    const now = gits(name);
    const hold = standing(name, holdKey);
    if (now === undefined || hold === undefined) return now;
    const then = revisions.get(hold.revision ?? '')?.apps.find((app) => app.name === name);
    if (then !== undefined) return ideaAt(now, then);
    const finding = `${name}: is held at ${hold.revision}, which git never said`;
    if (!findings.includes(finding)) findings.push(finding);
    return now;
  }

  return {
    findings,
    published(fleet, revision, now) {
      git = fleet;
      history.unshift({ since: now, fleet });
      if (revision !== undefined) revisions.set(revision, fleet);
      for (const app of fleet.apps) {
        const key = `${app.name} ${app.image}`;
        versions.set(key, (versions.get(key) ?? new Set()).add(versionOf(app)));
      }
    },
    ideaOf,
    fleet: () => ({ apps: git.apps.map((app) => ideaOf(app.name) ?? app) }),
    look(app, now) {
      for (const machine of app.machines.values()) {
        if (isOurs(machine)) for (const key of keys) read(machine, key, now);
      }
    },
    lost(machine) {
      for (const key of keys) {
        const place = `${machine.app.name} ${key}`;
        const word = words.get(place);
        const there = word === undefined ? undefined : carriers.get(word);
        if (word === undefined || there?.has(machine) !== true) continue;
        // A bluegreen deployment or a clone by hand may have copied it since somebody last looked.
        for (const one of machine.app.machines.values()) if (isSaidOn(one, word)) there.add(one);
        if ([...there].every((one) => !isAlive(one))) words.delete(place);
      }
    },
    suspension(name, now) {
      const word = standing(name, suspendKey);
      return word?.until !== undefined && word.until <= now ? undefined : word;
    },
    liftedHere(name) {
      const word = standing(name, suspendKey);
      if (word !== undefined) lifted.add(word.text);
    },
    isLiftedHere: ({ text }) => lifted.has(text),
    hold: (name) => standing(name, holdKey),
    saidSince: (at) => [...words].filter(([, word]) => word.at >= at).map(([place]) => place.split(' ')[0] ?? ''),
    isGits(name) {
      const [now, held] = [gits(name), ideaOf(name)];
      return now !== undefined && held !== undefined && versionOf(now) === versionOf(held);
    },
    failedImage(name) {
      const idea = gits(name);
      const failed = failures.get(name);
      if (idea === undefined || failed === undefined || standing(name, failedKey) === undefined) return undefined;
      // An image that came with another version, too, may be the one to go back to.
      const isItsOwn = versions.get(`${name} ${failed.image}`)?.size === 1;
      return failed.version === versionOf(idea) && isItsOwn ? failed.image : undefined;
    },
  };
}
