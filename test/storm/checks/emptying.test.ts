import { expect, test } from 'vitest';
import { goodImage, type AppIdea, type GroupIdea } from '../world/fleet.ts';
import { emptying } from './emptying.ts';

const worker: GroupIdea = { count: undefined, serves: false, rests: false, checks: true, volumeGb: undefined };
const app: AppIdea = {
  name: 'app-1',
  region: 'arn',
  image: goodImage,
  env: {},
  memoryMb: 512,
  secret: undefined,
  ips: undefined,
  groups: { worker },
  strategy: 'rolling',
  maxUnavailable: undefined,
  comment: 'first',
  broken: false,
};

function watched(idea: AppIdea = app) {
  const said: string[] = [];
  const empty = emptying((text) => said.push(text));
  empty.published({ apps: [idea] });
  return { said, empty };
}

const made = { app: 'app-1', group: 'worker', name: 'worker-arn-1-g2', isByFlycd: true };
const finding = 'app-1/worker: worker-arn-1-g2 was made, and somebody had scaled it to 0';

test.each<readonly [string, AppIdea, (empty: ReturnType<typeof emptying>) => void, boolean]>([
  ['FlyCD made it again', app, () => undefined, true],
  [
    'after a commit that changes a comment',
    app,
    (empty) => empty.published({ apps: [{ ...app, comment: 'b' }] }),
    true,
  ],
  ['after one that changes the app', app, (empty) => empty.published({ apps: [{ ...app, memoryMb: 1024 }] }), false],
  ['a person made it again', app, (empty) => empty.made({ ...made, isByFlycd: false }), false],
  ['somebody insisted', app, (empty) => empty.lifted(), false],
  ['somebody resumed the app', app, (empty) => empty.lifted('app-1'), false],
  ['somebody resumed another app', app, (empty) => empty.lifted('app-10'), true],
  ['where git gives a count', { ...app, groups: { worker: { ...worker, count: 1 } } }, () => undefined, false],
  ['where all is healed', { ...app, drift: 'heal_all' }, () => undefined, false],
])('a group that was scaled to 0: %s', (_what, idea, then, isFound) => {
  const { said, empty } = watched(idea);
  empty.known();
  empty.emptied('app-1', 'worker');
  then(empty);
  empty.made(made);
  expect(said).toEqual(isFound ? [finding] : []);
});

test('what FlyCD has not seen of git yet is no finding', () => {
  const { said, empty } = watched();
  empty.emptied('app-1', 'worker');
  empty.made(made);
  expect(said).toEqual([]);
});
