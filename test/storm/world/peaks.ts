/** The most that git ever wanted, and where. */
import { firstCounts, machinesMax, type FleetIdea } from './fleet.ts';

/** Raises what git wants at most of each volume and address. */
export function raisePeaks(peaks: Map<string, number>, fleet: FleetIdea): void {
  const raise = (what: string, count: number): void => {
    peaks.set(what, Math.max(peaks.get(what) ?? 0, count));
  };
  const regionsOf = (app: string): readonly string[] =>
    [...peaks.keys()].filter((what) => what.startsWith(`${app} in `)).map((what) => what.slice(`${app} in `.length));
  for (const app of fleet.apps) {
    for (const region of [app.region, app.otherRegion ?? app.region]) raise(`${app.name} in ${region}`, 1);
    for (const [name, group] of Object.entries(app.groups)) {
      if (group.volumeGb === undefined) continue;
      const ofVolume = `${app.name}/${name}_data in`;
      const { count } = group;
      if (count !== undefined)
        for (const [region, most] of Object.entries(firstCounts(app, group))) raise(`${ofVolume} ${region}`, most);
      // Without a count a group that gets a volume keeps the machines that it has, wherever git had the app before.
      else for (const region of regionsOf(app.name)) raise(`${ofVolume} ${region}`, machinesMax);
    }
    for (const kind of app.ips ?? ['v6', 'shared_v4', 'v4']) raise(`${app.name}/${kind}`, 1);
  }
}
