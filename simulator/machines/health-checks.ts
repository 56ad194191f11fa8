import type { CheckStatus, MachineConfig } from '../../schemas/fly/machine.ts';
import { timestamp } from '../wire/replies.ts';

/** Names of a machine's checks: those of services are numbered by the platform, top-level ones have their own. */
function checkNames(config: MachineConfig): readonly string[] {
  const names: string[] = [];
  for (const service of config.services ?? []) {
    for (const check of service.checks ?? []) {
      const number = String(names.length).padStart(2, '0');
      names.push(`servicecheck-${number}-${check.type ?? 'tcp'}-${check.port ?? service.internal_port ?? 0}`);
    }
  }
  return [...names, ...Object.keys(config.checks ?? {})];
}

/** Before their first run: critical with nothing to show. */
export function untriedChecks(config: MachineConfig, now: number): CheckStatus[] {
  return checkNames(config).map((name) => ({ name, status: 'critical', output: '', updated_at: timestamp(now) }));
}

/** After a run. `updated_at` is the last change of status, not the last run. */
export function triedChecks(checks: readonly CheckStatus[], pass: boolean, now: number): CheckStatus[] {
  const status = pass ? 'passing' : 'critical';
  const output = pass ? 'Success' : 'connect: connection refused';
  return checks.map((check) =>
    check.status === status && check.output === output
      ? check
      : { ...check, status, output, updated_at: check.status === status ? check.updated_at : timestamp(now) },
  );
}
