import type { Patience } from '../../http/patience.ts';
import type { Clock } from '../../model/base/clock.ts';
import type { Fault } from '../../model/base/fault.ts';
import { hostKeyFault } from '../access/host-key-fault.ts';
import { redactorOf, type GitCredential } from '../git/credentials.ts';
import { gitEnvironment, runGit, type GitError } from '../git/git-command.ts';
import { mirrorFault } from '../git/git-fault.ts';
import type { GitLocation } from '../tree/location.ts';
import type { SizeWatch } from './mirror-size.ts';
import type { Route } from './route.ts';
import { Lateness } from './lateness.ts';
import { isSilence, type Permits } from './permits.ts';

export interface RemoteParts {
  readonly directory: string;
  readonly location: GitLocation;
  /** Asked before each use, so that a renewed token counts. */
  readonly credential: (location: GitLocation) => Promise<GitCredential | undefined>;
  readonly route: Route;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Takes a turn at the network. */
  readonly permits: Permits;
  /** undefined: it is waited for. */
  readonly patience: Patience | undefined;
}

/** A call's arguments, with the address as it is asked. */
export type RemoteArgs = (remote: string) => readonly string[];

/** Where a call writes, and what ends it. */
export interface RemoteTarget {
  readonly directory: string;
  readonly watch: SizeWatch;
}

interface LastCall {
  readonly credential: GitCredential | undefined;
  /** The one that ssh connected to; undefined: what the name resolves to. */
  readonly address: string | undefined;
}

/** The server of one repository, as git asks it. */
export class Remote {
  readonly #parts: RemoteParts;
  readonly lateness: Lateness | undefined;
  /** The operator named it: whoever reads the config repo waits for it, and it is never late. */
  isOperators = false;
  #isSilent = false;
  #lastCall: LastCall | undefined;

  constructor(parts: RemoteParts) {
    this.#parts = parts;
    const { clock, location, patience } = parts;
    const isSilent = (): boolean => this.#isSilent;
    this.lateness = patience && new Lateness({ clock, name: location.remote, patience, isSilent });
  }

  /**
   * Runs git once it has a turn: in the mirror, or where `target` says, watched as long. Throws a GitError, and what the route, the
   * target and its watch throw.
   */
  async call(args: RemoteArgs, timeoutMs: number, target?: () => Promise<RemoteTarget>): Promise<string> {
    const { clock, location, permits, route, environment: inherited } = this.#parts;
    let isMoving = (): boolean => false;
    const ask = async (asked: GitLocation, addresses: readonly string[] | undefined, ended: Promise<never>) => {
      const credential = await this.#parts.credential(asked);
      this.#lastCall = { credential, address: addresses?.[0] };
      const remote = { location: asked, credential, timeoutMs, addresses };
      const environment = gitEnvironment({ environment: inherited, remote });
      const redactor = redactorOf(credential);
      const { directory, watch } = (await target?.()) ?? { directory: this.#parts.directory, watch: undefined };
      isMoving = () => watch?.hasGrown() ?? false;
      const endedBy = watch === undefined ? ended : Promise.race([watch.exceeded, ended]);
      try {
        return await runGit({ directory, args: args(asked.remote), environment, clock, timeoutMs, redactor, endedBy });
      } finally {
        watch?.stop();
      }
    };
    this.#isSilent = false;
    const late = this.lateness;
    try {
      return await permits(
        {
          host: location.host,
          isLate: () => late?.isLate ?? false,
          late: late === undefined || this.isOperators ? undefined : () => late.late(),
          patienceMs: this.#parts.patience?.ms ?? 0,
          isMoving: () => isMoving(),
        },
        (ended) => Promise.race([route.call((asked, addresses) => ask(asked, addresses, ended)), ended]),
      );
    } catch (error) {
      this.#isSilent = isSilence(error);
      throw error;
    }
  }

  /** git's refusal as a Fault; of a host that is not believed what it shows. */
  async refusal(error: GitError): Promise<Fault> {
    const { location, clock } = this.#parts;
    const { credential, address } = this.#lastCall ?? {};
    const pinned = credential?.kind === 'ssh' ? credential.knownHostsFiles[0] : undefined;
    const { PATH: path = '' } = gitEnvironment({ environment: this.#parts.environment });
    const about = { words: error.stderr, location, address, pinned, clock, path };
    return (await hostKeyFault(about)) ?? mirrorFault(error, location, credential);
  }
}
