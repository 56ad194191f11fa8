/** How a fleet fares at one commit, in apps. */
export interface FleetOutcome {
  /** Yet to have their pass. */
  readonly pending: number;
  readonly synced: number;
  readonly failed: number;
  /** Held, blocked, waiting, drifted or suspended: not as git says, and it takes a person or time. */
  readonly held: number;
  /** Files that describe no valid app. */
  readonly invalid: number;
  /** false: part of the config could not be read. */
  readonly whole: boolean;
}

export interface OutcomeText {
  readonly state: 'pending' | 'success' | 'failure';
  readonly description: string;
}

/**
 * The commit's state and a line of counts. Success means that all of the fleet is as the commit says; what is held has
 * not landed, as `sync --once` says with its exit code, so it is no success either.
 */
export function describeOutcome(outcome: FleetOutcome): OutcomeText {
  const { pending, synced, failed, held, invalid, whole } = outcome;
  const total = pending + synced + failed + held + invalid;
  if (pending > 0) return { state: 'pending', description: `syncing: ${pending} of ${apps(total)} to go` };
  const bad = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(invalid > 0 ? [`${invalid} invalid`] : []),
    ...(held > 0 ? [`${held} held`] : []),
    ...(whole ? [] : ['part of the config could not be read']),
  ];
  if (bad.length === 0) return { state: 'success', description: total === 0 ? 'no apps' : `${apps(total)} synced` };
  return { state: 'failure', description: [...bad, `${synced} of ${apps(total)} synced`].join(', ') };
}

function apps(count: number): string {
  return count === 1 ? '1 app' : `${count} apps`;
}
