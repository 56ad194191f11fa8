import { existsSync, promises as files } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Fault } from '../../../model/base/fault.ts';
import type { FlyWriter } from '../../../fly/api.ts';
import { IdleClock, type Clock } from '../../../model/base/clock.ts';
import { silentLog } from '../../../model/base/log.ts';
import { byText } from '../../../model/base/text.ts';
import { Redactor } from '../../../model/base/secret-value.ts';
import type { ScratchRepository } from '../../../sources/git/scratch-repository.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import type { Invocation } from '../../shell/invocation.ts';
import { hasColour, type Io } from '../../shell/io.ts';
import { shellWord } from '../../../model/base/shell.ts';

export interface DemoOptions {
  /** Tell it as a story on simulated time and end. */
  readonly once: boolean;
}

/** Runs another command of FlyCD in this process. */
export type RunCommand = (argv: readonly string[], io: Io) => Promise<number>;

/** Answers of the simulated Fly take this long on the story's clock: about what the real one takes. */
const latencyMs = 50;
/** The loop of `npm run demo` looks this often: a person who edits a file should see something before losing patience. */
const intervalText = '15s';

/** The fleet in a folder of its own, a Fly in a box, and what the two do with each other. */
export async function demo(invocation: Invocation, options: DemoOptions, run: RunCommand): Promise<ExitCode> {
  const { io } = invocation;
  const clock = options.once ? new IdleClock(io.clock.now()) : io.clock;
  const folder = await files.mkdtemp(join(tmpdir(), 'flycd-demo-'));
  // oxlint-disable-next-line no-restricted-imports -- the demo is one of the two commands that run the simulator
  const { startSimulator } = await clock.busy(() => import('../../../../simulator/simulator.ts'));
  const simulator = await startSimulator({ clock, latencyMs: options.once ? latencyMs : 0, seed: 1 });
  try {
    const { createScratchRepository } = await clock.busy(() => import('../../../sources/git/scratch-repository.ts'));
    const repository = await createScratchRepository({
      from: exampleFleet(),
      folder: join(folder, 'config'),
      clock,
      environment: io.env,
    });
    await repository.commit('The fleet');
    const stage: Stage = { io, run, clock, repository, folder, environment: simulator.environment };
    return options.once ? await tellStory(stage) : await playOn(stage);
  } finally {
    await simulator.close();
    await files.rm(folder, { recursive: true, force: true });
  }
}

interface Stage {
  readonly io: Io;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly repository: ScratchRepository;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** examples/fleet beside the sources, or beside dist/ in the published package. */
function exampleFleet(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const fleet = join(folder, 'examples', 'fleet');
    if (existsSync(fleet)) return fleet;
  }
  throw new Fault({
    kind: 'stalled',
    what: 'the example fleet is not there',
    why: 'no folder above the program holds examples/fleet',
    next: 'install flycd again, or run the demo from a clone of its repository',
  });
}

async function tellStory(stage: Stage): Promise<ExitCode> {
  const { say, command } = narrator(stage);
  say('A config repo with three apps, and a Fly.io in a box on which nothing runs yet.');
  say('Time is simulated: minutes of Fly pass in a moment.');

  say('1. What would a sync do?');
  await command(['diff'], exitCodes.changes);

  say('2. Do it.');
  await command(['sync', '--once'], exitCodes.done);

  say('3. A commit renames the shop in staging. Only that app moves, one machine after the other.');
  await edit(stage, 'Rename the shop in staging', renamedShop);
  await command(['diff'], exitCodes.changes);
  await command(['sync', '--once'], exitCodes.done);

  say(
    '4. Somebody changes a machine by hand, and releases an address. FlyCD sees both, field by field, and heals them.',
  );
  await changeByHand(stage);
  await command(['diff'], exitCodes.changes);
  await command(['sync', '--once'], exitCodes.done);

  say('5. Nothing is left to do.');
  await command(['diff'], exitCodes.done);

  say('6. And all of it is on record.');
  await command(['history'], exitCodes.done);
  say('Run it without --once to play with it yourself: npm run demo');
  return exitCodes.done;
}

async function playOn(stage: Stage): Promise<ExitCode> {
  const { say, command } = narrator(stage);
  const { io, repository, folder, environment } = stage;
  say('A config repo with three apps, and a Fly.io in a box on which nothing runs yet.');
  await command(['diff'], exitCodes.changes);
  await command(['sync', '--once'], exitCodes.done);
  const exports = Object.entries({ ...environment, XDG_STATE_HOME: folder })
    .map(([name, value]) => `  export ${name}=${shellWord(value)}`)
    .join('\n');
  const { execPath, argv } = process; // oxlint-disable-line no-restricted-globals -- how this command was started
  const started = [execPath, argv[1] ?? 'flycd'].map(shellWord).join(' ');
  say(`Now the loop runs, and looks every ${intervalText}. Try, in a second terminal:

${exports}
  alias flycd=${shellWord(started)}

  edit a file under ${repository.folder} and watch this terminal
  flycd diff ${shellWord(repository.folder)}         what would change
  flycd status ${shellWord(repository.folder)}        how each app is
  flycd history ${shellWord(repository.folder)}      what happened
  curl -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps?org_slug=personal"

Ctrl-C ends it.`);
  await files.writeFile(join(folder, 'flycd.yaml'), `interval: ${intervalText}\n`);
  const code = await stage.run(['sync', repository.folder, '--settings', join(folder, 'flycd.yaml')], commandIo(stage));
  return io.signal.aborted ? exitCodes.done : (code as ExitCode);
}

function narrator(stage: Stage) {
  const { io, run, repository } = stage;
  const colour = hasColour(io.stdout, io.env);
  const say = (text: string): void => {
    io.stdout.write(colour ? `\n\u001B[1m${text}\u001B[22m\n` : `\n${text}\n`);
  };
  const command = async (argv: readonly string[], expected: ExitCode): Promise<void> => {
    io.stdout.write(`\n$ flycd ${[argv[0], 'config', ...argv.slice(1)].join(' ')}\n`);
    const startedAt = stage.clock.now();
    const code = await run([...argv, repository.folder], commandIo(stage));
    const seconds = (stage.clock.now() - startedAt) / 1000;
    io.stdout.write(`(exit ${code}, ${seconds.toFixed(1)} s)\n`);
    if (code !== expected) {
      throw new Fault({
        kind: 'stalled',
        what: `flycd ${argv.join(' ')} ended with ${code}, and the story expects ${expected}`,
        why: 'the demo tells what really happens, and this was not foreseen',
        next: 'report what it printed',
      });
    }
  };
  return { say, command };
}

/** The command's world: the simulated Fly, the story's clock, a data directory of its own; no image registry is asked. */
function commandIo(stage: Stage): Io {
  const { io, folder, environment, clock } = stage;
  const toStdout = { isTTY: io.stdout.isTTY, write: (text: string) => io.stdout.write(text) };
  const base = environment['FLY_FLAPS_BASE_URL'] ?? '';
  return {
    ...io,
    clock,
    cwd: folder,
    env: {
      PATH: io.env['PATH'],
      USER: 'demo',
      NO_COLOR: io.env['NO_COLOR'],
      TERM: io.env['TERM'],
      XDG_STATE_HOME: folder,
      ...environment,
    },
    stderr: toStdout,
    fetch: (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      if (!url.startsWith(base)) return Promise.reject(new TypeError('the demo asks nobody but its own Fly'));
      return io.fetch(input, init);
    },
  };
}

interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const renamedShop: Edit = {
  file: 'projects/staging/project.yaml',
  from: 'SHOP_NAME: the shop in staging',
  to: 'SHOP_NAME: the new shop in staging',
};

async function edit(stage: Stage, message: string, change: Edit): Promise<void> {
  const { io, repository } = stage;
  const path = join(repository.folder, change.file);
  const before = await stage.clock.busy(() => files.readFile(path, 'utf8'));
  if (!before.includes(change.from)) {
    throw new Fault({ kind: 'stalled', what: `${change.file} no longer says ${change.from}`, where: path });
  }
  await stage.clock.busy(() => files.writeFile(path, before.replace(change.from, change.to)));
  const commit = await repository.commit(message);
  io.stdout.write(`\n$ git commit -am "${message}"\n[main ${commit}] ${change.file}: ${change.from} -> ${change.to}\n`);
}

async function handOf(stage: Stage): Promise<FlyWriter> {
  const { clock, environment } = stage;
  const [{ createTransport }, { createFlyWriter }] = await clock.busy(() =>
    Promise.all([import('../../../fly/http/transport.ts'), import('../../../fly/client.ts')]),
  );
  const transport = createTransport({
    baseUrl: environment['FLY_FLAPS_BASE_URL'] ?? '',
    webBaseUrl: environment['FLY_UIEX_BASE_URL'] ?? '',
    token: environment['FLY_API_TOKEN'] ?? '',
    fetch: commandIo(stage).fetch,
    clock,
    log: silentLog,
    userAgent: 'a person',
    redactor: new Redactor(),
    random: stage.io.random,
  });
  return createFlyWriter(transport);
}

/** What somebody does with flyctl in a hurry: a machine gets another size and another env, an address goes away. */
async function changeByHand(stage: Stage): Promise<void> {
  const { io } = stage;
  const fly = await handOf(stage);
  const apps = await fly.apps('personal');
  for (const { name } of apps.toSorted((a, b) => byText(a.name, b.name))) {
    const addresses = await fly.addresses(name);
    const address = addresses.find((one) => one.shared !== true);
    if (address === undefined) continue;
    const [machine] = (await fly.machines(name)).toSorted((a, b) => byText(a.name, b.name));
    if (machine?.config === undefined || machine.config === null) continue;
    const config = {
      ...machine.config,
      guest: { ...machine.config.guest, memory_mb: 1024 },
      env: { ...machine.config.env, DEBUG: '1' },
    };
    await fly.updateMachine(name, machine.id, { config });
    io.stdout.write(
      `\n$ fly machine update ${shellWord(machine.id)} --vm-memory 1024 --env DEBUG=1 -a ${shellWord(name)}\n`,
    );
    await fly.wait(name, machine.id, { states: ['started'], timeoutSeconds: 60 });
    await fly.releaseAddress(name, address.ip);
    io.stdout.write(`$ fly ips release ${shellWord(address.ip)} -a ${shellWord(name)}\n`);
    return;
  }
}
