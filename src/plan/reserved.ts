import { reservedGroups } from '../../schemas/fly/presets.ts';

/** The process group of machines that run a release command, flyctl's and ours. */
export const [releaseCommandGroup] = reservedGroups;
