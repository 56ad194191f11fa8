import { durationSeconds } from '../../../../schemas/written.ts';
import { reasonCharactersMax, suspendApp, type Told } from '../../../../controllers/app/manual-holds.ts';
import { subjectsCalled } from '../../../../controllers/fleet/spoken-of.ts';
import { Fault } from '../../../model/base/fault.ts';
import { toldJson, toldMarkdown, toldText } from '../../../render/told.ts';
import { composed } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation } from '../../shell/invocation.ts';
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
    const told: Told[] = [];
    for (const app of await subjectsCalled(context, fleet, name))
      told.push(await suspendApp(context, fleet, { app, reason, forMs }));
    answer(invocation, options.output, told, { text: toldText, json: toldJson, markdown: toldMarkdown });
    return exitCodes.done;
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
