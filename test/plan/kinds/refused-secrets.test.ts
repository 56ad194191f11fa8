/** Secrets of projects that may not read the variables they name. */
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { DesiredSecret } from '../../../src/model/desired.ts';
import { absent, brief, desiredApp, group, machine, observed, plan, secretOf } from '../builders.ts';

const fromEnv = (name: string): DesiredSecret => ({ name, origin: { type: 'env', variable: `MY_${name}` } });
const refused = (name: string, parts: Partial<DesiredSecret['refused']> = {}): DesiredSecret => ({
  ...fromEnv(name),
  refused: { project: 'partner', isTool: false, allowed: [], ...parts },
});
const of = (secrets: readonly DesiredSecret[], parts = {}) =>
  desiredApp({ groups: [group({ counts: { arn: 1 } })], secrets, ...parts });
const world = observed({ machines: [machine(of([]))], secrets: [secretOf('TOKEN')] });
const byHand = 'fly secrets set --stage --app shop';
const write = 'write in flycd.yaml, yours or the config repo’s: ';

test('Fly has it: that step alone is held, and the app goes on', () => {
  const image = { kind: 'reference', ref: 'nginx:2', digest: undefined } as const;
  const app = plan(of([refused('TOKEN')], { image }), world);
  expect(app.status).toBe('pending');
  expect(brief(app.steps)).toEqual(['release shop']);
  expect(app.notes).toEqual([]);
  expect(app.holds).toMatchObject([
    {
      reason: 'permission',
      because: 'nobody has allowed project partner to read env MY_TOKEN; on Fly TOKEN stays as it is',
      next: `${write}allow_secrets: { partner: [MY_TOKEN] }`,
    },
  ]);
  expect(brief(app.holds[0]?.steps ?? [])).toEqual(['secret.set shop/TOKEN']);
});

test('nothing else to do: held, not synced', () => {
  expect(plan(of([refused('TOKEN')]), world)).toMatchObject({ status: 'held', steps: [] });
});

test('Fly lacks it: what needs machines waits in the same hold', () => {
  const app = plan(of([refused('TOKEN')]), absent);
  expect(app.status).toBe('pending');
  expect(plan(of([refused('TOKEN')]), observed({}))).toMatchObject({ status: 'held', steps: [] });
  expect(brief(app.steps)).toEqual(['app.create shop', 'address.allocate shop/shared_v4', 'address.allocate shop/v6']);
  expect(app.holds).toMatchObject([
    {
      reason: 'permission',
      because: 'nobody has allowed project partner to read env MY_TOKEN',
      next: `${write}allow_secrets: { partner: [MY_TOKEN] }; or set the secret itself: ${byHand}`,
    },
  ]);
  expect(brief(app.holds[0]?.steps ?? [])).toEqual(['secret.set shop/TOKEN', 'release shop']);
});

test.each([
  ['one on Fly, one not', [refused('TOKEN'), refused('OTHER')], ['secret.set shop/OTHER', 'release shop']],
  ['one on Fly, one without a value', [refused('TOKEN'), fromEnv('OTHER')], ['secret.set shop/OTHER', 'release shop']],
])('%s: the machines wait for the one that Fly lacks', (_what, secrets, waiting) => {
  const image = { kind: 'reference', ref: 'nginx:2', digest: undefined } as const;
  const app = plan(of(secrets, { image }), world);
  expect(app.steps).toEqual([]);
  expect(app.holds.map(({ steps }) => brief(steps))).toEqual([waiting, ['secret.set shop/TOKEN']]);
});

test('the value here counts for nothing, nor does evidence of an earlier one', () => {
  const evidence = { TOKEN: { mark: 'earlier', keyId: 'key', digest: secretOf('TOKEN').digest ?? '' } };
  const app = plan(of([refused('TOKEN')]), world, { memory: { evidence, currentMarks: { TOKEN: 'mark' } } });
  expect(app).toMatchObject({ status: 'held', steps: [] });
});

test.each([
  ['a person who insists lifts it not', { now: true }, {}],
  ['nor one who forces all', { force: true }, {}],
  ['no prune takes it: git names it', {}, { policy: { ...of([]).policy, prune: ['secrets'] } }],
])('%s', (_what, options, parts) => {
  const evidence = { TOKEN: { mark: 'mark', keyId: 'key', digest: secretOf('TOKEN').digest ?? '' } };
  const app = plan(of([refused('TOKEN')], parts), world, { memory: { evidence, currentMarks: {} }, options });
  expect(app.steps.filter(({ kind }) => kind.startsWith('secret.'))).toEqual([]);
  expect(app.holds.map(({ steps }) => brief(steps))).toEqual([['secret.set shop/TOKEN']]);
});

test('Fly does not say: that holds, and nothing is said of permissions', () => {
  const unread = { ...world, secrets: { status: 'unread', reason: 'HTTP 500' } as const };
  expect(plan(of([refused('TOKEN')]), unread).holds.map(({ reason }) => reason)).toEqual(['unread']);
});

test('the line keeps what is allowed already, and can be pasted', () => {
  const parts = { project: 'on', allowed: ['SHOP_*', 'yes'] };
  const [hold] = plan(of([refused('A', parts), refused('B', { ...parts, isTool: true })]), absent).holds;
  expect(hold?.because).toContain('; a name with * is not enough for MY_B, which tools use');
  const line = hold?.next.slice(write.length).split(';')[0] ?? '';
  expect(line).toBe('allow_secrets: { "on": [SHOP_*, "yes", MY_A, MY_B] }');
  expect(parse(line)).toEqual({ allow_secrets: { on: ['SHOP_*', 'yes', 'MY_A', 'MY_B'] } });
});
