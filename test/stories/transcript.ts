import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import { fetchFrom, run, type Ran } from '../cli/terminal.ts';

/** Something that happens between two commands: a file edited, a machine changed by hand on Fly. */
export interface Event {
  readonly says: string;
  does(stage: Stage): void | Promise<void>;
}

/** A command line that needs to be told something first, such as the id of a plan. */
export interface Typed {
  types(stage: Stage): Promise<string>;
}

/** A command that runs until somebody presses Ctrl-C; what happens meanwhile is said before it. */
interface Loop extends Pick<Event, 'says'> {
  readonly types: string;
  meanwhile(stage: Stage, stop: () => void): void;
}

/** A command line as typed after `flycd `, or an event. */
export type Scene = string | Typed | Event | Loop;

export interface Story {
  /** Files in the working directory, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Folders of the repository to copy into the working directory, by the name they get there. */
  readonly copies?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Machines change side by side: requests are served in an order that reruns alike. Default false. */
  readonly orderly?: boolean;
  readonly scenes: readonly Scene[];
}

/** The world a story plays in: a temporary folder and a Fly of its own, on virtual time. */
export interface Stage {
  readonly folder: string;
  readonly simulator: Simulator;
  readonly clock: IdleClock;
  write(path: string, text: string): void;
  flycd(line: string, signal?: AbortSignal): Promise<Ran>;
}

const repository = new URL('../../', import.meta.url).pathname;

/** Plays every scene in order and gives the whole of what a person would have seen, made comparable. */
export async function play(story: Story): Promise<string> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'flycd-story-')));
  const clock = new IdleClock();
  const simulator = await startSimulator({ clock, seed: 1, orderly: story.orderly ?? false });
  const stage = createStage({ folder, simulator, clock, story });
  try {
    const parts: string[] = [];
    for (const scene of story.scenes) parts.push(await playScene(stage, scene));
    return comparable(parts.join('\n'), stage);
  } finally {
    await simulator.close();
    rmSync(folder, { recursive: true });
  }
}

interface StageParts {
  readonly folder: string;
  readonly simulator: Simulator;
  readonly clock: IdleClock;
  readonly story: Story;
}

function createStage({ folder, simulator, clock, story }: StageParts): Stage {
  const cwd = join(folder, 'work');
  mkdirSync(cwd);
  const stage: Stage = {
    folder: cwd,
    simulator,
    clock,
    write(path, text) {
      const file = join(cwd, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    },
    flycd: (line, signal) =>
      run(words(line), {
        env: { ...simulator.environment, XDG_STATE_HOME: join(folder, 'state'), USER: 'alice', ...story.env },
        cwd,
        clock,
        fetch: fetchFrom(simulator.url),
        ...(signal !== undefined && { signal }),
      }),
  };
  for (const [name, source] of Object.entries(story.copies ?? {})) {
    cpSync(join(repository, source), join(cwd, name), { recursive: true });
  }
  for (const [path, text] of Object.entries(story.files ?? {})) stage.write(path, text);
  return stage;
}

/** Blanks part words; quotes are not needed in stories. */
function words(line: string): readonly string[] {
  return line.split(' ').filter((word) => word !== '');
}

async function playScene(stage: Stage, scene: Scene): Promise<string> {
  if (typeof scene === 'string') return playCommand(stage, scene);
  if ('does' in scene) {
    await scene.does(stage);
    return `# ${scene.says}\n`;
  }
  if (!('meanwhile' in scene)) return playCommand(stage, await scene.types(stage));
  const stop = new AbortController();
  scene.meanwhile(stage, () => stop.abort(new Error('stopped by SIGINT')));
  return `# ${scene.says}\n${await playCommand(stage, scene.types, stop.signal)}`;
}

async function playCommand(stage: Stage, line: string, signal?: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await stage.flycd(line, signal);
  // No story is told on a terminal, so none may hold what only a terminal understands.
  expect(stdout + stderr).not.toMatch(/(?!\n)\p{Cc}/u);
  const told = stderr === '' ? '' : grouped(stderr).replaceAll(/^(?=.)/gm, '2> ');
  return `$ flycd ${line}\n${told}${stdout}[exit ${code}]\n`;
}

/** Apps are synced side by side: progress is compared app by app, in the order of each. */
function grouped(stderr: string): string {
  const groups = new Map<string, string>();
  let key = '';
  for (const line of stderr.split('\n').slice(0, -1)) {
    key =
      /^([a-z0-9-]+): (?=[…+~!|-]|created|updated|held|failed|interrupted)/.exec(line)?.[1] ??
      (line.startsWith(' ') ? key : '');
    // Warnings about images come as registries answer.
    if (line.startsWith('warning: ')) key = line;
    groups.set(key, `${groups.get(key) ?? ''}${line}\n`);
  }
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, lines]) => lines)
    .join('');
}

/** What differs from run to run gets a name; what then no longer lines up is drawn together. */
function comparable(text: string, { folder, simulator }: Stage): string {
  return text
    .replaceAll(folder, '<work>')
    .replaceAll(dirname(folder), '<temp>')
    .replaceAll(simulator.url, '<simulator>')
    .replaceAll(new URL(simulator.url).host, '<registry>')
    .replaceAll(simulator.token, '<token>')
    .replaceAll(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z/g, '<time>')
    .replaceAll(/\b\d+(?:\.\d+)? (?:s|min|h|d)\b/g, '<duration>')
    .replaceAll(/\b(?:[0-9a-f]{32,64}|[0-9a-f]{12})\b/g, '<hash>')
    .replaceAll(/\b[0-9a-f]{14}\b/g, '<machine>')
    .replaceAll(/\bvol_[0-9a-z]+\b/g, '<volume>')
    .replaceAll(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, '<address>')
    .replaceAll(/\b(?:[0-9a-f]{1,4}:){3,7}(?::?[0-9a-f]{0,4}){1,4}/g, '<address>')
    .replaceAll(/(?<=[^\s>]) {3,}/g, '  ')
    .replaceAll(/[ \t]+$/gm, '');
}
