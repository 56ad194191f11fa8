import { durationSeconds } from '../../../../schemas/written.ts';
import { reasonCharactersMax, suspendApp, type Subject, type Told } from '../../../../controllers/app/manual-holds.ts';
import { subjectsCalled } from '../../../../controllers/fleet/spoken-of.ts';
import { Fault } from '../../../model/base/fault.ts';
import { composed } from '../../composition/composition.ts';
import type { ExitCode } from '../../shell/exit.ts';
import type { CommonOptions, Invocation } from '../../shell/invocation.ts';
import { speakOf } from './speak.ts';
import { openSync } from './sync-pass.ts';

export interface SuspendOptions extends Omit<CommonOptions, 'app'> {
  readonly reason: string;
  readonly for?: string;
}

/** An app, or all apps that a project has now, are looked at and not touched until resumed. */
export function suspend(
  invocation: Invocation,
  name: string,
  config: string | undefined,
  options: SuspendOptions,
): Promise<ExitCode> {
  return composed(invocation, config, options, async (composition) => {
    const reason = invocation.redactor.redact(reasonOf(options.reason));
    const forMs = durationOf(options.for);
    const { context, fleet } = await openSync(composition, []);
    const subjects = await subjectsCalled(context, fleet, name);
    const { concurrency } = context;
    const speak = (app: Subject): Promise<Told> => suspendApp(context, fleet, { app, reason, forMs });
    return speakOf(invocation, { subjects, output: options.output, concurrency, speak });
  });
}

function reasonOf(text: string): string {
  const reason = text.replaceAll(/\s+/g, ' ').trim();
  if (reason !== '' && reason.length <= reasonCharactersMax) return reason;
  throw new Fault({
    kind: 'stalled',
    what: reason === '' ? '--reason is empty' : '--reason is too long',
    why: `it stands on every machine of the app: 1 to ${reasonCharactersMax} characters`,
    next: 'say in a sentence why nobody should touch the app',
  });
}

/** Longer than this is no pause any more. */
const suspendedDaysMax = 365;

function durationOf(written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  const seconds = durationSeconds(written);
  if (seconds !== undefined && seconds > 0 && seconds <= suspendedDaysMax * 86_400) return seconds * 1000;
  throw new Fault({
    kind: 'stalled',
    what: '--for is no length of time',
    why: `expected one of up to ${suspendedDaysMax} days, got ${written}`,
    next: 'write it as 30m, 2h or 24h',
  });
}
