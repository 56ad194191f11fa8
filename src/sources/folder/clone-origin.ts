import type { Clock } from '../../model/base/clock.ts';
import { Redactor } from '../../model/base/secret-value.ts';
import type { Origin } from '../../model/stamps/origin.ts';
import { gitEnvironment, GitError, runGit } from '../git/git-command.ts';
import { rootCommit } from '../git/root-commit.ts';
import type { FolderMemory } from '../tree/folder-memory.ts';
import { originOf } from '../tree/origin.ts';

/** A local call ends in milliseconds; this ends one on a hung network disk. */
const timeoutMs = 60_000;

export interface CloneRequest {
  /** The work tree's top. */
  readonly top: string;
  /** undefined: there is none yet. */
  readonly commit: string | undefined;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly memory: FolderMemory;
}

/** Where a clone comes from: the address of its `origin`, else of its only remote, and where its history begins. */
export async function cloneOrigin({
  top,
  commit,
  clock,
  environment,
  memory,
}: CloneRequest): Promise<Origin | undefined> {
  const call = { directory: top, environment: gitEnvironment({ environment }), clock };
  const rooted = commit === undefined ? undefined : memory.root(top, commit, () => rootCommit(call, commit));
  const [config, root] = await Promise.all([configOf(call), rooted]);
  return originOf({ address: remoteOf(config), root });
}

/** All of it: a call that prints nothing, as that for remotes would in a clone without any, is waited for 50 ms more. */
async function configOf(
  call: Pick<Parameters<typeof runGit>[0], 'directory' | 'environment' | 'clock'>,
): Promise<string> {
  try {
    return await runGit({ ...call, args: ['config', '--list', '--null'], timeoutMs, redactor: new Redactor() });
  } catch (error) {
    if (error instanceof GitError) return '';
    throw error;
  }
}

function remoteOf(config: string): string | undefined {
  const addresses = new Map<string, string>();
  for (const entry of config.split('\0')) {
    const [, name, address] = /^remote\.(.+)\.url\n(.+)$/s.exec(entry) ?? [];
    // Of several addresses of one remote git fetches from the first.
    if (name !== undefined && address !== undefined && !addresses.has(name)) addresses.set(name, address);
  }
  const [only, another] = addresses.values();
  return addresses.get('origin') ?? (another === undefined ? only : undefined);
}
