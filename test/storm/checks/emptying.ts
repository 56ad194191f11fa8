/** What a person emptied stays empty until git changes the app, or a person's word may have lifted it. */
import { hashOf } from '../../../src/model/base/json.ts';
import type { AppIdea, FleetIdea } from '../world/fleet.ts';

export interface Emptying {
  /** Git says this from now on. */
  published(fleet: FleetIdea): void;
  /** FlyCD has seen all that git says, and nothing was left to do or held. */
  known(): void;
  /** A person scaled the group to 0, and nobody else was at work. */
  emptied(app: string, group: string): void;
  /** Something may make the app's groups again, or those of any. */
  lifted(app?: string): void;
  /** A machine appeared. */
  made(machine: Made): void;
  /** `app/group` */
  readonly empty: ReadonlySet<string>;
}

interface Made {
  readonly app: string;
  readonly group: string;
  readonly name: string;
  readonly isByFlycd: boolean;
}

/** A comment changes nothing; all else may, and then nothing is said. */
function saidOf({ comment: _comment, ...idea }: AppIdea): string {
  return hashOf(JSON.parse(JSON.stringify(idea)));
}

export function emptying(say: (text: string) => void): Emptying {
  let git = new Map<string, AppIdea>();
  let seen = new Map<string, string>();
  const empty = new Set<string>();
  const forget = (app: string): void => {
    for (const key of empty) if (key.startsWith(`${app}/`)) empty.delete(key);
  };
  return {
    empty,
    published(fleet) {
      const before = git;
      git = new Map(fleet.apps.map((app) => [app.name, app]));
      for (const [name, idea] of before) {
        const now = git.get(name);
        if (now === undefined || saidOf(now) !== saidOf(idea)) forget(name);
      }
    },
    known() {
      seen = new Map([...git].map(([name, idea]) => [name, saidOf(idea)]));
    },
    emptied(app, group) {
      const idea = git.get(app);
      if (idea === undefined || seen.get(app) !== saidOf(idea) || idea.drift === 'heal_all') return;
      if (idea.groups[group] !== undefined && idea.groups[group].count === undefined) empty.add(`${app}/${group}`);
    },
    lifted(app) {
      if (app !== undefined) return forget(app);
      empty.clear();
      seen.clear();
    },
    made({ app, group, name, isByFlycd }) {
      const key = `${app}/${group}`;
      if (empty.delete(key) && isByFlycd) say(`${key}: ${name} was made, and somebody had scaled it to 0`);
    },
  };
}
