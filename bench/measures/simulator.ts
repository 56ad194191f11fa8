import type { Workspace } from '../workspace.ts';

export interface BenchSimulator {
  /** What points FlyCD at it. */
  readonly environment: Readonly<Record<string, string>>;
  /** From now on each call takes this long before it is carried out. */
  setLatency(ms: number): Promise<void>;
  /** Resolves when nothing was asked for so long. */
  quiet(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startBenchSimulator(workspace: Workspace): Promise<BenchSimulator> {
  const child = workspace.fork(new URL('../children/simulator-child.ts', import.meta.url), []);
  const { environment } = await child.message<Pick<BenchSimulator, 'environment'>>();
  return {
    environment,
    async setLatency(latencyMs) {
      child.process.send({ latencyMs });
      await child.message();
    },
    async quiet(quietMs) {
      child.process.send({ quietMs });
      await child.message();
    },
    stop: () => child.stop(),
  };
}
