/** The regions that git names, as machines of a group say it. */
export interface RegionStamps {
  /** Of machines that are there. */
  readonly there: string;
  /** Of those made in a region that lacks some. */
  readonly made: string;
  /** Named newly, and short of machines. */
  readonly lacking: readonly string[];
}

/** Whatever their order in git. */
export function formatRegions(regions: readonly string[]): string {
  return regions.toSorted().join(',');
}
