import { Command, InvalidArgumentError, Option } from 'commander';
import { plain } from '../model/base/plain.ts';
import type { ExitCode } from './shell/exit.ts';
import type { Io } from './shell/io.ts';
import { outputs, type CommonOptions, type Invocation } from './shell/invocation.ts';
import type { AdoptOptions } from './commands/change/adopt.ts';
import type { DeployOptions } from './commands/change/deploy.ts';
import type { HistoryOptions } from './commands/look/history.ts';
import type { RenderOptions } from './commands/look/render.ts';
import type { ResumeOptions } from './commands/change/resume.ts';
import type { RollbackOptions } from './commands/change/rollback.ts';
import type { SuspendOptions } from './commands/change/suspend.ts';
import type { ConvertOptions } from './commands/look/convert.ts';
import type { ServeOptions } from './commands/run/serve.ts';
import type { SimulatorOptions } from './commands/run/simulator.ts';
import type { SyncOptions } from './commands/change/sync.ts';
import type { ValidateOptions } from './commands/look/validate.ts';
import type { WhyOptions } from './commands/look/why.ts';

/** Wide enough for our sentences, narrow enough for half a screen; the same everywhere, so that help can be quoted. */
const helpWidth = 100;
const historyLimit = 20;

/** Hands the exit code out of commander, which knows none. */
type OnExit = (code: ExitCode) => void;

export interface ProgramHooks {
  readonly onExit: OnExit;
  /** Runs another command line: the demo is made of commands. */
  readonly run: (argv: readonly string[], io: Io) => Promise<number>;
}

/**
 * Every command with its options. Each command's file is imported when it runs and not before: `--help` must cost
 * nothing but this file.
 */
export function createProgram(invocation: Invocation, version: string, { onExit, run }: ProgramHooks): Command {
  const program = new Command('flycd')
    .description('GitOps for Fly.io: git says what should run, FlyCD keeps Fly so.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help of a command')
    .showHelpAfterError('  next: `flycd --help` lists the commands, `flycd COMMAND --help` their options')
    .addHelpText('after', exitCodesHelp)
    .exitOverride();
  configureOutput(program, invocation);
  // A command inherits output, exit and error settings from the program it is made by.
  addReading(program, invocation, onExit);
  addConverting(program, invocation, onExit);
  addWriting(program, invocation, onExit);
  addHolding(program, invocation, onExit);
  addLooking(program, invocation, onExit);
  addPlayground(program, invocation, { onExit, run });
  return program;
}

const exitCodesHelp = `
Exit codes: 0 done and clean, 1 error, 2 changes (diff), 3 invalid config, 4 held, blocked or waiting.
The config repo is a folder or a git URL: the argument, else FLYCD_CONFIG_REPO, else flycd.yaml's config_repo.`;

function configureOutput(program: Command, { io, redactor }: Invocation): void {
  program.configureOutput({
    writeOut: (text) => {
      io.stdout.write(text);
    },
    // What was typed may hold anything, a pasted token too.
    writeErr: (text) => {
      io.stderr.write(redactor.redact(text.split('\n').map(plain).join('\n')));
    },
    getOutHelpWidth: () => helpWidth,
    getErrHelpWidth: () => helpWidth,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

function outputOption(forms: readonly string[] = outputs): Option {
  return new Option('-o, --output <form>', 'how to print the answer').choices(forms).default('text');
}

function withSettings(command: Command): Command {
  return command
    .option('--settings <file>', "the operator's flycd.yaml (default: the one in the working directory)")
    .option('--data-dir <folder>', 'folder of the database and git mirrors (default: $XDG_STATE_HOME/flycd)');
}

function withRef(command: Command): Command {
  return command.option('--ref <ref>', 'branch, tag or commit of a git config repo (default: its default branch)');
}

/** Options of every command that reads the config repo. */
function withConfig(command: Command, forms?: readonly string[]): Command {
  return withRef(withSettings(command)).addOption(outputOption(forms));
}

function withApps(command: Command): Command {
  return command.addOption(
    new Option('--app <glob>', 'only apps whose name fits; may be repeated').argParser(collect).default([], 'all'),
  );
}

/** Options of every command that asks Fly. */
function withFly(command: Command): Command {
  return command.option('--org <slug>', 'organization of apps that name none (default: FLY_ORG)');
}

const configArgument = ['[config]', 'config repo: a folder or a git URL'] as const;

/** A command that only reads is left where it stands when the process is asked to stop: there is nothing to finish. */
async function unlessStopped(invocation: Invocation, work: Promise<ExitCode>): Promise<ExitCode> {
  const { signal } = invocation.io;
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => {
    stopped.reject(signal.reason);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Commands come when they are called for: `flycd --help` reads none of them. Files are read out of the clock's sight. */
function loaded<T>({ io }: Invocation, module: () => Promise<T>): Promise<T> {
  return io.clock.busy(module);
}

function addReading(program: Command, invocation: Invocation, onExit: OnExit): void {
  withApps(withConfig(program.command('validate'), [...outputs, 'github']))
    .description('read the config and report every problem; asks nothing of Fly')
    .argument(...configArgument)
    .action(async (config: string | undefined, options: ValidateOptions) => {
      const { validate } = await loaded(invocation, () => import('./commands/look/validate.ts'));
      onExit(await unlessStopped(invocation, validate(invocation, config, options)));
    });
  withApps(withFly(withConfig(program.command('diff'))))
    .description('show what a sync would do; writes nothing, a read-only token is enough')
    .argument(...configArgument)
    .action(async (config: string | undefined, options: CommonOptions) => {
      const { diff } = await loaded(invocation, () => import('./commands/look/diff.ts'));
      onExit(await unlessStopped(invocation, diff(invocation, config, options)));
    });
  withApps(withRef(withSettings(program.command('render'))))
    .description('print the resolved fly config of an app')
    .argument('[path]', 'an app, a config repo (then --app says which), or a bare fly.yaml or fly.toml')
    .addOption(new Option('--as <form>', 'the form to print').choices(['yaml', 'toml', 'json']).default('yaml'))
    .addOption(
      new Option('--machines', 'print as JSON what a new machine of each process group gets').conflicts('explain'),
    )
    .option('--explain', 'say of each field which file and line it comes from')
    .action(async (path: string | undefined, options: RenderOptions) => {
      const { render } = await loaded(invocation, () => import('./commands/look/render.ts'));
      onExit(await unlessStopped(invocation, render(invocation, path, options)));
    });
}

function addConverting(program: Command, invocation: Invocation, onExit: OnExit): void {
  program
    .command('convert')
    .description("turn each fly.toml into app.yaml, Fly's own file into FlyCD's, or back")
    .argument('<path>', 'a file, or a folder with apps in it')
    .addOption(new Option('--to <form>', 'the form to write').choices(['yaml', 'toml']).default('yaml'))
    .option('-f, --force', 'replace files that are there and say something else')
    .option('--dry-run', 'say what would be written, and write nothing')
    .action(async (path: string, options: ConvertOptions) => {
      const { convert } = await loaded(invocation, () => import('./commands/look/convert.ts'));
      onExit(await unlessStopped(invocation, convert(invocation, path, options)));
    });
}

function addWriting(program: Command, invocation: Invocation, onExit: OnExit): void {
  withApps(withFly(withConfig(program.command('sync'))))
    .description('make Fly as the config says, again and again')
    .argument(...configArgument)
    .option('--once', 'one pass, then exit')
    .option(
      '--plan <plan>',
      'one pass that does what this plan says, or nothing: an id from diff, or the file of its --output json',
    )
    .option('--accept', 'one pass that may remove or restart more than the brakes allow; never an app with its volumes')
    .option(
      '--accept-only <name-or-reason>',
      'one pass that does just what is held of this app (app:NAME), or for this reason: brake, destructive, volume (repeatable)',
      collect,
      [] as readonly string[],
    )
    .option(
      '--now',
      'one pass that waits for no window, builds again what failed, and puts back what a hand-made `fly deploy` changed; asks first on a terminal',
    )
    .option('--force', 'one pass that updates every machine, changed or not')
    .action(async (config: string | undefined, options: SyncOptions) => {
      onExit(
        await (await loaded(invocation, () => import('./commands/change/sync.ts'))).sync(invocation, config, options),
      );
    });
  withApps(withFly(withConfig(program.command('deploy'))))
    .description('one pass over a folder of apps, as flycd 0.x named it')
    .argument('<path>', 'an app, a folder of apps or a git URL')
    .option('-f, --force', 'update every machine, changed or not')
    .option('-a, --abort-early', 'stop at the first app that fails')
    .action(async (path: string, options: DeployOptions) => {
      onExit(
        await (await loaded(invocation, () => import('./commands/change/deploy.ts'))).deploy(invocation, path, options),
      );
    });
  withFly(withConfig(program.command('adopt')))
    .description('take over an app that somebody else made, even if it restarts; or what an earlier owner has')
    .argument('[app]', "the app's name; left out with --all")
    .argument(...configArgument)
    .option('--all', 'all apps that carry the owner of --from')
    .option(
      '--from <old>',
      'only relabel what this earlier owner has: address of a config repo, its origin as a hold prints it, or a fleet',
    )
    .action(async (first: string | undefined, second: string | undefined, options: AdoptOptions) => {
      const { adopt } = await loaded(invocation, () => import('./commands/change/adopt.ts'));
      onExit(await adopt(invocation, [first, second], options));
    });
  withApps(withFly(withRef(withSettings(program.command('serve').alias('monitor')))))
    .description('sync for good: on a timer and on webhooks')
    .argument(...configArgument)
    .option('-i, --webhook-interface <address>', 'address to listen on (default: WEBHOOK_INTERFACE, else all)')
    .option('-w, --webhook-path <path>', 'path of the webhook (default: WEBHOOK_PATH, else /webhook)')
    .option('-p, --webhook-port <port>', 'port to listen on (default: WEBHOOK_PORT, else 80)', wholeNumber(0, 65_535))
    .option('-s, --sync-on-startup', 'kept from flycd 0.x: serve always begins with a pass')
    .action(async (config: string | undefined, options: ServeOptions) => {
      onExit(
        await (await loaded(invocation, () => import('./commands/run/serve.ts'))).serve(invocation, config, options),
      );
    });
}

function addHolding(program: Command, invocation: Invocation, onExit: OnExit): void {
  withFly(withConfig(program.command('rollback')))
    .description('go back to the version that ran well before, and stay there until resumed')
    .argument('<app>', "the app's name")
    .argument(...configArgument)
    .option('--to <run>', 'the version that this run left: flycd history', wholeNumber(1, 9_999_999_999))
    .action(async (app: string, config: string | undefined, options: RollbackOptions) => {
      onExit(
        await (
          await loaded(invocation, () => import('./commands/change/rollback.ts'))
        ).rollback(invocation, app, config, options),
      );
    });
  withFly(withConfig(program.command('suspend')))
    .description('leave an app, or all apps of a project, alone: looked at, not touched')
    .argument('<app>', 'name of an app or a project')
    .argument(...configArgument)
    .requiredOption('--reason <text>', 'why, for whoever wonders')
    .option('--for <duration>', 'how long, such as 2h (default: until resumed)')
    .action(async (name: string, config: string | undefined, options: SuspendOptions) => {
      onExit(
        await (
          await loaded(invocation, () => import('./commands/change/suspend.ts'))
        ).suspend(invocation, name, config, options),
      );
    });
  withFly(withConfig(program.command('resume')))
    .description('follow git again after a suspend, a rollback or a release that failed')
    .argument('<app>', 'name of an app or a project')
    .argument(...configArgument)
    .action(async (name: string, config: string | undefined, options: ResumeOptions) => {
      onExit(
        await (
          await loaded(invocation, () => import('./commands/change/resume.ts'))
        ).resume(invocation, name, config, options),
      );
    });
}

function addLooking(program: Command, invocation: Invocation, onExit: OnExit): void {
  withFly(withConfig(program.command('why')))
    .description('what an app waits for, when that is looked at again, and where to look')
    .argument('<app>', "the app's name")
    .argument(...configArgument)
    .action(async (app: string, config: string | undefined, options: WhyOptions) => {
      const { why } = await loaded(invocation, () => import('./commands/look/why.ts'));
      onExit(await unlessStopped(invocation, why(invocation, app, config, options)));
    });
  const fleet = ['--fleet <name>', 'the fleet (default: the one of flycd.yaml or the config)'] as const;
  withApps(withConfig(program.command('status')))
    .description('how the last pass left each app')
    .argument(...configArgument)
    .option(...fleet)
    .action(async (config: string | undefined, options: HistoryOptions) => {
      onExit(
        await (await loaded(invocation, () => import('./commands/look/status.ts'))).status(invocation, config, options),
      );
    });
  withApps(withConfig(program.command('history')))
    .description('the runs of the past, or one of them in full')
    .argument('[run]', 'number of a run')
    .argument(...configArgument)
    .option('--config <config>', 'config repo, where no argument says it')
    .option('-n, --limit <count>', 'how many runs', wholeNumber(1, 10_000), historyLimit)
    .option('-a, --all', 'passes that found nothing to do, too')
    .option(...fleet)
    .action(async (run: string | undefined, config: string | undefined, options: HistoryOptions) => {
      onExit(
        await (
          await loaded(invocation, () => import('./commands/look/history.ts'))
        ).history(invocation, [run, config], options),
      );
    });
}

function addPlayground(program: Command, invocation: Invocation, { onExit, run }: ProgramHooks): void {
  program
    .command('simulator')
    .description('a Fly.io in a box, to try things on: prints the environment that points FlyCD at it')
    .option('--port <port>', 'port to listen on; 0 takes a free one', wholeNumber(0, 65_535), 0)
    .option('--org <slug>', 'name of its organization', 'personal')
    .option('--latency <ms>', 'milliseconds that each answer takes', wholeNumber(0, 60_000), 0)
    .option('--seed <number>', 'the same seed gives the same ids', wholeNumber(0, 9_999_999_999), 1)
    .action(async (options: SimulatorOptions) => {
      onExit(
        await (await loaded(invocation, () => import('./commands/run/simulator.ts'))).simulator(invocation, options),
      );
    });
  program
    .command('demo')
    .description('a fleet of three apps on the simulator, to play with')
    .option('--once', 'tell it as a story on simulated time, and end')
    .action(async ({ once = false }: { readonly once?: boolean }) => {
      onExit(await (await loaded(invocation, () => import('./commands/run/demo.ts'))).demo(invocation, { once }, run));
    });
}
