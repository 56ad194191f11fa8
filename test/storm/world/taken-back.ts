/** Records of releases that nothing on Fly knows for FlyCD's any more. */
import type { World } from '../../../simulator/world/world.ts';

/** For so long a release counts as somebody's at work. */
export const atWorkMs = 30 * 60_000;

/** true: a record says that it runs, and the only machine that named it is back at the version before. */
export function hasTakenBack({ apps }: Pick<World, 'apps'>): boolean {
  return [...apps.values()].some(({ machines, releases }) => {
    const all = [...machines.values()];
    return releases.some(({ id, status }) => {
      const isOf = (metadata: Readonly<Record<string, string>> | null | undefined): boolean =>
        metadata?.['flycd_release'] === id;
      const isSent = all.some(({ versions }) => versions.some(({ userConfig }) => isOf(userConfig.metadata)));
      return status === 'running' && isSent && !all.some(({ config }) => isOf(config.metadata));
    });
  });
}
