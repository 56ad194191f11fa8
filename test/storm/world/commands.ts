/** Release commands under watch: each before the first machine gets the image it is for, and never two side by side. */
import { releaseCommandGroup } from '../../../schemas/fly/presets.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import type { AppIdea } from './fleet.ts';

export interface CommandWatch {
  /** FlyCD made the machine or updated it. */
  brought(app: AppIdea, machine: Machine): void;
  /** A machine is there that was not. */
  appeared(machine: Machine): void;
}

/** In these it may be at work. */
const atWork: ReadonlySet<string> = new Set(['created', 'starting', 'started', 'stopping']);

/** As git writes it, without a digest. */
export function imageOf({ config }: Machine): string {
  return (config.image ?? '').split('@')[0] ?? '';
}

function isCommand({ config }: Machine): boolean {
  return config.metadata?.['fly_process_group'] === releaseCommandGroup;
}

/** FlyCD calls its machines so; a person who clones one runs the command once more, and gives it another name. */
export function isOwnCommand(machine: Machine): boolean {
  return isCommand(machine) && machine.name.startsWith('release-');
}

function commandsOf({ app }: Machine): readonly Machine[] {
  return [...app.machines.values()].filter(isCommand);
}

function wentWell(machine: Machine): boolean {
  return machine.events.some(({ type, request }) => {
    const exit = type === 'exit' ? request?.['exit_event'] : undefined;
    return typeof exit === 'object' && exit !== null && 'exit_code' in exit && exit.exit_code === 0;
  });
}

export function watchCommands(say: (text: string) => void): CommandWatch {
  /** Images that machines of an app have run, by `app image`: going back to one is no release. */
  const known = new Set<string>();
  return {
    brought(app, machine) {
      const image = imageOf(machine);
      const key = `${app.name} ${image}`;
      const isNew = !known.has(key);
      known.add(key);
      if (!isNew || app.releaseCommand === undefined || image !== app.image) return;
      const ran = commandsOf(machine).filter((one) => imageOf(one) === image && wentWell(one));
      if (ran.every(({ config }) => JSON.stringify(config.init?.['cmd']) !== JSON.stringify(wordsOf(app))))
        say(`${app.name}: ${machine.name} runs ${image} before "${app.releaseCommand}" has run on it`);
    },
    appeared(machine) {
      const others = commandsOf(machine).filter((one) => one !== machine && atWork.has(one.state));
      if (isOwnCommand(machine) && others.length > 0)
        say(`${machine.app.name}: ${machine.name} runs a release command beside ${others[0]?.name}`);
    },
  };
}

function wordsOf({ releaseCommand = '' }: AppIdea): readonly string[] {
  return releaseCommand.split(' ');
}
