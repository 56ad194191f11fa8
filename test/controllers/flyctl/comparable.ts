/** Machines as two who deploy the same app leave them, without what each writes in its own way. */
import type { Machine, MachineConfig } from '../../../schemas/fly/machine.ts';
import type { Arena } from '../arena.ts';

/** A fly.toml builds its image, or takes the newest; where machines are compared, each runs the same one. */
export const image = 'docker.io/library/caddy:2.10.2';

/** What no fly config says: names, ids, who wrote it and when. */
const ownMetadata = /^(?:flycd_|fly_release_|fly_flyctl_)/;

/** Without digests, which a deploy by hand does not ask for here. */
const untagged = (containers: unknown): unknown =>
  containers == null
    ? undefined
    : (JSON.parse(JSON.stringify(containers).replaceAll(/@sha256:[0-9a-f]{64}/g, '')) as unknown);

function comparable({ region, config }: Machine): unknown {
  const { env, metadata, mounts, standbys, image: ref, containers, ...rest } = config ?? {};
  const kept = (table: MachineConfig['env'], leave: RegExp) =>
    Object.fromEntries(Object.entries(table ?? {}).filter(([name]) => !leave.test(name)));
  return {
    region,
    ...rest,
    image: ref?.replace(/@.*$/, ''),
    containers: untagged(containers),
    env: kept(env, /^(?:FLYCD_|FLY_STANDBY_FOR$)/),
    metadata: kept(metadata, ownMetadata),
    mounts: mounts?.map(({ volume: _volume, ...mount }) => mount),
    standbys: (standbys ?? []).length,
  };
}

/** Until Fly's rate limits know nothing of the calls before. */
const forgottenMs = 60_000;

export async function machinesOf(place: Arena, app: string): Promise<readonly unknown[]> {
  await place.clock.sleep(forgottenMs);
  const machines = (await place.asPerson('GET', `/apps/${app}/machines`)) as readonly Machine[];
  return machines.map(comparable).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
