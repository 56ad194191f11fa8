import { join } from 'node:path';
import { median, type Figure } from '../figures.ts';
import type { Fleet } from '../fleet.ts';
import type { Workspace } from '../workspace.ts';

const bounds = { coldMs: 1_000, changedMs: 20 };

interface Times {
  readonly cold: number;
  readonly changed: readonly number[];
}

/** Git to DesiredApp[]: the whole fleet in a fresh process, then again after one file changed. */
export async function desiredState(
  workspace: Workspace,
  fleet: Fleet,
  size: { readonly processes: number; readonly changes: number },
): Promise<readonly Figure[]> {
  const { folder, url, apps } = fleet;
  const read = async (config: string, push: 'push' | ''): Promise<Figure[]> => {
    const times: Times[] = [];
    // The first fetches the mirror and fills the compile cache; what is told is how it goes from then on.
    for (let run = 0; run <= size.processes; run += 1) {
      const data = join(workspace.folder, 'desired');
      const args = [config, data, folder, String(apps), String(size.changes), push];
      const child = workspace.fork(new URL('../children/desired-child.ts', import.meta.url), args);
      const answer = await child.message<Times>();
      if (run > 0) times.push(answer);
      await child.stop();
    }
    const where = push === '' ? 'work tree' : 'warm mirror';
    return [
      {
        what: `desired state of ${apps} apps, ${where}: cold`,
        value: median(times.map(({ cold }) => cold)),
        unit: 'ms',
        bound: bounds.coldMs,
      },
      {
        what: `desired state of ${apps} apps, ${where}: one file changed`,
        value: median(times.flatMap(({ changed }) => changed)),
        unit: 'ms',
        // A mirror asks git over the network first; the bound is for what is done with the answer.
        bound: push === '' ? bounds.changedMs : undefined,
      },
    ];
  };
  return [...(await read(folder, '')), ...(await read(url, 'push'))];
}
