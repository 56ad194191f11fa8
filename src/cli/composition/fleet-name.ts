import type { Composition } from './composition.ts';

/** Whose history is asked for: --fleet, else flycd.yaml's, else the config's own, which has to be read for it. */
export async function fleetName(composition: Composition, flag: string | undefined): Promise<string> {
  const named = flag ?? composition.settings.written.fleet;
  if (named !== undefined) return named;
  const { fleet } = await composition.load({ offline: true });
  return fleet.name;
}
