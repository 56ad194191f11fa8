/** `fly deploy` by the strategies that make machines beside those that run: canary and bluegreen, in flyctl's order. */
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { HandError, pathOf, type Hands } from './api-client.ts';
import { healthy, make, running, settled } from './launch.ts';
import { leased } from './leases.ts';
import { groupOf, type App, type Machine } from '../world/records.ts';

const leaseSeconds = 13;
/** flyctl waits so long before it cordons the blue ones, and before it stops them. */
const pauseMs = 10_000;
const readyToGo = 'safe_to_destroy';

/** The config that a machine of the release gets. */
type ConfigOf = (machine: Machine) => MachineConfig;

/** One machine more of each group, without a name in DNS, which goes once it is healthy; one that is not stays behind. */
export async function tryCanaries(
  hands: Hands,
  app: App,
  { machines, configOf }: { readonly machines: readonly Machine[]; readonly configOf: ConfigOf },
): Promise<void> {
  refuseMounts('canary', machines);
  const patterns = [...Map.groupBy(machines, groupOf).values()].flatMap((members) => members.slice(0, 1));
  for (const pattern of patterns) {
    const config = configOf(pattern);
    const metadata = { ...config.metadata, fly_canary: 'true' };
    const canary = { ...config, metadata, dns: { skip_registration: true } };
    const made = await make(hands, app, { region: pattern.region, config: canary });
    await healthy(hands, made);
    await hands.ask('DELETE', `${pathOf(made)}?force=true`);
  }
}

interface Replacing {
  readonly machines: readonly Machine[];
  readonly configOf: ConfigOf;
  /** Once all blue ones are marked, and none has gone. */
  readonly onReplacing: () => void;
}

/** As many green ones as there are blue ones; the blue ones go once all green ones are healthy, else the green ones do. */
export async function replaceAll(
  hands: Hands,
  app: App,
  { machines, configOf, onReplacing }: Replacing,
): Promise<void> {
  refuseMounts('bluegreen', machines);
  const tag = String(Math.floor(hands.world.now() / 1000));
  const greens: Machine[] = [];
  const launched: Machine[] = [];
  await leased(hands, machines, leaseSeconds, async (nonces) => {
    try {
      for (const blue of machines) {
        const config = configOf(blue);
        const metadata = { ...config.metadata, fly_bluegreen_deployment_tag: tag };
        // What does not run stays so.
        const skips = (config.standbys ?? []).length > 0 || !running.has(blue.state);
        const green = { config: { ...config, metadata }, skip_launch: skips, skip_service_registration: true };
        const made = await make(hands, app, { region: blue.region, ...green });
        greens.push(made);
        if (!skips) launched.push(made);
      }
      for (const green of launched) await healthy(hands, green);
    } catch (error) {
      for (const green of greens) await hands.ask('DELETE', `${pathOf(green)}?force=true`);
      throw error;
    }
    for (const green of greens) await hands.ask('POST', `${pathOf(green)}/uncordon`);
    await hands.sleep(pauseMs);
    for (const blue of machines) {
      const body = { value: readyToGo };
      await hands.ask('POST', `${pathOf(blue)}/metadata/fly_bluegreen_deployment_tag`, body, nonces.get(blue.id));
      await hands.ask('POST', `${pathOf(blue)}/cordon`, undefined, nonces.get(blue.id));
    }
    onReplacing();
    await hands.sleep(pauseMs);
    for (const blue of machines) {
      await hands.ask('POST', `${pathOf(blue)}/stop`, undefined, nonces.get(blue.id));
      await settled(hands, blue);
      await hands.ask('DELETE', `${pathOf(blue)}?force=true`, undefined, nonces.get(blue.id));
    }
  });
}

function refuseMounts(strategy: string, machines: readonly Machine[]): void {
  const mounted = machines.find(({ config }) => (config.mounts ?? []).length > 0);
  if (mounted !== undefined)
    throw new HandError(`${strategy} deployments are not supported with volumes: ${mounted.id}`);
}
