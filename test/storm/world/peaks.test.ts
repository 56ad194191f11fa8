import { expect, test } from 'vitest';
import { goodImage, machinesMax, type AppIdea } from './fleet.ts';
import { raisePeaks } from './peaks.ts';

const app = (region: string, group: { readonly count?: number; readonly volumeGb?: number }): AppIdea => ({
  name: 'app-1',
  region,
  image: goodImage,
  env: {},
  memoryMb: undefined,
  secret: undefined,
  ips: [],
  groups: { web: { count: undefined, serves: true, rests: false, checks: true, volumeGb: undefined, ...group } },
  strategy: 'rolling',
  maxUnavailable: 1,
  comment: 'first',
  broken: false,
});

function volumes(...ideas: readonly AppIdea[]): Readonly<Record<string, number>> {
  const peaks = new Map<string, number>();
  for (const idea of ideas) raisePeaks(peaks, { apps: [idea] });
  return Object.fromEntries([...peaks].filter(([what]) => what.includes('_data')));
}

test('without a count a group has its volumes where git ever had the app, with one where git says', () => {
  expect(volumes(app('ams', {}), app('arn', { volumeGb: 1 }))).toEqual({
    'app-1/web_data in ams': machinesMax,
    'app-1/web_data in arn': machinesMax,
  });
  expect(volumes(app('ams', {}), app('arn', { count: 2, volumeGb: 1 }))).toEqual({ 'app-1/web_data in arn': 2 });
});
