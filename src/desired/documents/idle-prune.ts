import type { SyncWritten } from '../../../schemas/policy.ts';
import type { Finding } from './finding.ts';

/** `settings` is flycd.yaml, the only place whose policy orphans follow. */
export interface PrunePlace {
  readonly file: 'settings' | 'project' | 'app';
  /** Whether the fleet's name is written down. */
  readonly named: boolean;
}

/** Kinds of `sync.prune` that can never act where they are written: silence would let their writer rely on them. */
export function idlePrune(sync: SyncWritten | undefined, { file, named }: PrunePlace): readonly Finding[] {
  return (sync?.prune ?? []).flatMap((kind, index) => {
    const idle = { severity: 'warning', path: ['sync', 'prune', index], part: 'value' } as const;
    if (kind === 'certificates') {
      const message = 'certificates have no effect yet: FlyCD does not manage them';
      return [{ ...idle, message, hint: 'remove certificates until FlyCD knows them' }];
    }
    if (kind !== 'app') return [];
    if (file !== 'settings') {
      const message = 'app has no effect here: an app that git no longer names has no file to say so';
      return [{ ...idle, message, hint: 'write it in flycd.yaml beside a fleet name' }];
    }
    if (named) return [];
    const message = 'app has no effect in a fleet without a name: apps that git no longer names are not looked for';
    return [{ ...idle, message, hint: 'write fleet: NAME in flycd.yaml' }];
  });
}
