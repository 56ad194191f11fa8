import { CommanderError } from 'commander';
import { Fault } from '../model/base/fault.ts';
import { Redactor } from '../model/base/secret-value.ts';
import { faultText, type FaultText } from '../render/text/fault.ts';
import { plainLines } from '../render/text/plain.ts';
import { exitCodes, type ExitCode } from './shell/exit.ts';
import { InvalidSettings } from './composition/invalid-settings.ts';
import type { Invocation } from './shell/invocation.ts';
import { hasColour, isDebugging, type Io } from './shell/io.ts';
import { createTerminalLog } from './shell/log.ts';
import { createProgram } from './program.ts';
import { learnEnvironment } from './shell/redaction.ts';
import { version } from './shell/version.ts';

/** Runs one command line and resolves with its exit code. Never throws: every error is told on stderr. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const redactor = new Redactor();
  learnEnvironment(redactor, io.env);
  const invocation: Invocation = { io, redactor, log: createTerminalLog(io, redactor) };
  let code: ExitCode = exitCodes.done;
  const program = createProgram(invocation, version, {
    onExit(exit) {
      code = exit;
    },
    run: main,
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    return tell(invocation, error);
  }
}

async function tell(invocation: Invocation, error: unknown): Promise<ExitCode> {
  const { io, redactor } = invocation;
  // Commander has told its own errors already; help and version end this way too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.error;
  if (io.signal.aborted && error === io.signal.reason) return exitCodes.interrupted;
  const colour = hasColour(io.stderr, io.env);
  if (error instanceof InvalidSettings) {
    const { problemsText } = await io.clock.busy(() => import('../render/problems.ts'));
    io.stderr.write(redactor.redact(problemsText(error.problems, colour)));
    return exitCodes.invalid;
  }
  io.stderr.write(redactor.redact(faultText(partsOf(error), colour)));
  if (isDebugging(io.env) && error instanceof Error) {
    io.stderr.write(
      redactor.redact(
        `${stackOf(error)
          .map((line) => `  ${line}`)
          .join('\n')}\n`,
      ),
    );
  }
  return error instanceof Fault && (error.kind === 'held' || error.kind === 'waiting')
    ? exitCodes.blocked
    : exitCodes.error;
}

function partsOf(error: unknown): FaultText {
  if (error instanceof Fault) return error;
  return {
    what: error instanceof Error ? error.message : String(error),
    why: 'FlyCD did not foresee this: it is most likely a bug of its own',
    next: 'run it again with FLYCD_DEBUG=1 and report what it prints',
  };
}

function stackOf(error: Error): readonly string[] {
  const cause = error.cause instanceof Error ? ['caused by:', ...stackOf(error.cause)] : [];
  return [...plainLines(error.stack ?? error.message), ...cause];
}
