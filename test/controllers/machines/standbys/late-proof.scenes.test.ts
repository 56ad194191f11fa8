/** A machine that was made anew elsewhere, and was not well in the pass that made it. */
import { afterEach, describe, expect, test } from 'vitest';
import { hostDown } from '../../../../simulator/machines/host-failures.ts';
import { ruleChecks } from '../../../../simulator/machines/lifecycle.ts';
import type { Machine } from '../../../../simulator/world/records.ts';
import { prepared, type Arena } from '../../arena.ts';
import { worker } from './worker.ts';

let world: Arena | undefined;
afterEach(() => world?.close());

const files = (color?: string): Record<string, string> => {
  const written = worker(color);
  const more = `sync: { replace_unreachable: true }
deploy: { wait_timeout: 60s }
checks: { alive: { type: tcp, port: 8080, interval: 5s, timeout: 2s, grace_period: 5s } }
`;
  return { ...written, 'shop/app.yaml': `${written['shop/app.yaml']}${more}` };
};

const quarterMs = 16 * 60_000;

interface Unwell {
  readonly at: Arena;
  readonly standby: Machine;
  readonly successor: Machine;
  /** How often a commit of an app with a standby is planned. */
  readonly plansOfCommit: number;
}

/** How often the app was looked at for it: once for each plan. */
async function commit(at: Arena, color: string): Promise<number> {
  const looks = (): number => at.simulator.world.requests.filter(({ path }) => path.endsWith('/secrets')).length;
  const before = looks();
  at.write(files(color));
  await at.flycd(['sync', '--once']);
  await at.endState();
  return looks() - before;
}

/** The standby runs, since nothing else does. */
async function unwell(): Promise<Unwell> {
  const at = await prepared([files()], {});
  world = at;
  await at.endState();
  const { world: fly } = at.simulator;
  const machines = (): readonly Machine[] => [...(fly.apps.get('shop')?.machines.values() ?? [])];
  const [primary, standby] = machines();
  if (primary === undefined || standby === undefined) throw new Error('there is no standby');
  const plansOfCommit = await commit(at, 'pink');
  hostDown(fly, primary.host);
  await at.endState();
  await at.flycd(['sync', '--once']);
  await at.clock.sleep(quarterMs);
  fly.onStateChange = (machine) => {
    if (machine.state === 'starting' && machine.name.endsWith('-g2')) machine.checkRule = 'fail';
  };
  const ran = await at.flycd(['sync', '--once']);
  expect(ran.code, ran.stdout).toBe(1);
  await at.endState();
  fly.onStateChange = undefined;
  const successor = machines().find(({ name }) => name.endsWith('-g2'));
  if (successor === undefined) throw new Error('nothing was made anew');
  expect(standby.state).toBe('started');
  return { at, standby, successor, plansOfCommit };
}

describe('the standby rests in the pass that sees the new machine well', () => {
  test.each([
    ['by itself', undefined],
    ['with the update of a commit', files('blue')],
  ])('%s', async (_how, next) => {
    const { at, standby, successor, plansOfCommit } = await unwell();
    ruleChecks(at.simulator.world, successor, 'pass');
    if (next !== undefined) at.write(next);
    await at.endState();
    const ran = await at.flycd(['sync', '--once']);
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    await at.endState();
    expect([successor.state, standby.state, standby.config.standbys]).toEqual(['started', 'stopped', [successor.id]]);
    // That pass plans once more for it, and later ones do not.
    expect(await commit(at, 'green')).toBe(plansOfCommit);
    const { stdout } = await at.flycd(['diff', '--output', 'json']);
    expect((JSON.parse(stdout) as { readonly apps: readonly { readonly steps: unknown[] }[] }).apps[0]?.steps).toEqual(
      [],
    );
  });
});
