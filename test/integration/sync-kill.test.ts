import { beforeAll, expect, test } from 'vitest';
import { webApp } from './fleet.ts';
import { eventually, startStage, type OnEnd, type Stage } from './stage.ts';
import { withoutTimes } from '../controllers/arena.ts';

const more = `http_service: { internal_port: 8080 }
secrets: [{ name: TOKEN, type: raw, raw: told-to-nobody }]
`;
const before = { 'flycd.yaml': 'fleet: acme\n', 'app.yaml': webApp('acme-web', { count: 2, more }) };
const after = { 'app.yaml': webApp('acme-web', { count: 2, greeting: 'bonjour', more }) };

/** A request at which the process is killed: before the platform works on it, or when it is done and unanswered. */
interface Moment {
  readonly during: 'first sync' | 'update';
  readonly phase: 'before' | 'after';
  readonly request: string;
  readonly nth: number;
}

const moments: readonly Moment[] = [
  // The slow ones first: the lease of the dead is waited out.
  { during: 'update', phase: 'after', request: 'POST /apps/{app}/machines/{machine}/lease', nth: 1 },
  { during: 'update', phase: 'after', request: 'POST /apps/{app}/machines/{machine}', nth: 1 },
  { during: 'first sync', phase: 'after', request: 'POST /apps', nth: 1 },
  { during: 'first sync', phase: 'after', request: 'POST /apps/{app}/ip_assignments', nth: 1 },
  { during: 'first sync', phase: 'after', request: 'POST /apps/{app}/secrets', nth: 1 },
  { during: 'first sync', phase: 'before', request: 'POST /apps/{app}/machines', nth: 1 },
  { during: 'first sync', phase: 'after', request: 'POST /apps/{app}/machines', nth: 2 },
  { during: 'first sync', phase: 'before', request: 'PATCH /apps/{app}/machines/{machine}/metadata', nth: 1 },
];

/** `sync --once` to its end. */
async function sync(stage: Stage): Promise<void> {
  const child = stage.run(['sync', '--once', stage.url]);
  const ended = await child.ended;
  expect(ended, child.told()).toEqual({ code: 0, signal: null });
}

/** `sync --once`, killed at the moment; its answer never arrives. */
async function killedSync(stage: Stage, moment: Moment): Promise<void> {
  const { world } = stage.simulator;
  const child = stage.run(['sync', '--once', stage.url]);
  let seen = 0;
  world.onRequest = ({ phase, request, cut }) => {
    if (phase !== moment.phase || request.template !== moment.request) return;
    seen += 1;
    if (seen !== moment.nth) return;
    child.send('SIGKILL');
    cut();
  };
  expect(await child.ended, child.told()).toEqual({ code: null, signal: 'SIGKILL' });
  world.onRequest = undefined;
}

async function endState(onEnd: OnEnd, moment?: Moment): Promise<unknown> {
  const stage = await startStage(before, onEnd);
  if (moment?.during === 'first sync') await killedSync(stage, moment);
  await sync(stage);
  stage.repository.commit(after);
  if (moment?.during === 'update') await killedSync(stage, moment);
  await sync(stage);
  if (moment !== undefined) {
    const runs = stage.rows('SELECT outcome, finished_at IS NULL AS open FROM run ORDER BY id');
    expect(runs).toContainEqual({ outcome: 'interrupted', open: 0 });
    expect(runs).not.toContainEqual(expect.objectContaining({ open: 1 }));
    // The lease of the dead ends by itself.
    await eventually(() => stage.machines('acme-web').every((machine) => !machine.leased), 'nothing is leased');
  }
  return withoutTimes(stage.simulator.world.endState());
}

let undisturbed: unknown;

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = [];
  undisturbed = await endState((clean) => void ends.push(clean));
  for (const clean of ends.toReversed()) await clean();
});

test('an undisturbed run leaves two changed machines, two addresses and a secret', () => {
  expect(undisturbed).toMatchObject([
    {
      name: 'acme-web',
      machines: [{ name: 'app-arn-1-g1' }, { name: 'app-arn-2-g1' }],
      addresses: [{ kind: 'shared_v4' }, { kind: 'v6' }],
      secrets: { TOKEN: 'told-to-nobody' },
    },
  ]);
  expect(JSON.stringify(undisturbed)).not.toContain('hello');
});

test.concurrent.for(moments)(
  'killed $phase $request ($nth) of its $during, sync goes on to the same end',
  async (moment, { expect, onTestFinished }) => {
    expect(await endState(onTestFinished, moment)).toEqual(undisturbed);
  },
);
