import { describe, expect, test } from 'vitest';
import type { DesiredSecret } from '../../../src/model/desired.ts';
import type { Memory } from '../../../src/model/standing/memory.ts';
import { formatSecrets, type StampedEvidence } from '../../../src/model/stamps/secrets-stamp.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import {
  absent,
  brief,
  desiredApp,
  group,
  machine,
  now,
  observed,
  only,
  plan,
  secretOf,
  ulidAt,
  type MachineParts,
  writes,
} from '../builders.ts';
import { patched } from '../world.ts';

const fromEnv = (name: string): DesiredSecret => ({ name, origin: { type: 'env', variable: `MY_${name}` } });
const desired = desiredApp({ groups: [group({ counts: { arn: 1 } })], secrets: [fromEnv('TOKEN')] });
const evidence = (parts: object = {}): Partial<Memory> => ({
  currentMarks: { TOKEN: 'mark' },
  evidence: { TOKEN: { mark: 'mark', keyId: 'key', digest: secretOf('TOKEN').digest ?? '', ...parts } },
});
const value = { currentMarks: { TOKEN: 'mark' } };
const world = (parts: MachineParts = {}, secrets = [secretOf('TOKEN')]) =>
  observed({ machines: [machine(desired, parts)], secrets });
const stamp = (...entries: readonly StampedEvidence[]) => ({ [stampKeys.secrets]: formatSecrets(entries).text });
/** As after a sync: the machine carries what SQLite says. */
const settled = (memory: Partial<Memory>, parts: MachineParts = {}, secrets = [secretOf('TOKEN')]) => {
  const entries = Object.entries(memory.evidence ?? {}).map(([name, entry]) => ({ ...entry, name }));
  return world({ ...parts, metadata: stamp(...entries) }, secrets);
};

test('with evidence it is in sync', () => {
  expect(plan(desired, settled(evidence()), { memory: evidence() })).toMatchObject({
    steps: [],
    notes: [],
    status: 'synced',
  });
});

test('Fly lacks it: set before the machines start, running ones roll', () => {
  const app = plan(desired, world({}, []), { memory: value });
  expect(brief(app.steps)).toEqual(['secret.set shop/TOKEN', 'machine.update shop/web/arn/1']);
  expect(only(app.steps, 'machine.update')).toMatchObject({ reason: 'secrets', changes: [] });
  expect(brief(plan(desired, world({ state: 'stopped' }, []), { memory: value }).steps)).toEqual([
    'secret.set shop/TOKEN',
    'machine.start shop/web/arn/1',
  ]);
});

test('on neither side: held with the release, and said by its variable', () => {
  const app = plan(desired, absent);
  expect(app.status).toBe('blocked');
  expect(brief(app.steps)).toEqual(['app.create shop', 'address.allocate shop/shared_v4', 'address.allocate shop/v6']);
  expect(app.holds).toMatchObject([{ reason: 'secret', because: 'env MY_TOKEN is not set' }]);
  expect(brief(app.holds[0]?.steps ?? [])).toEqual(['secret.set shop/TOKEN', 'release shop']);
});

test('no value here: a note, no change', () => {
  const app = plan(desired, world());
  expect(app).toMatchObject({
    steps: [],
    status: 'synced',
    notes: ["no value here for TOKEN; Fly's stays, unverified"],
  });
});

test.each([
  ['none', value],
  ['of another key', evidence({ keyId: 'old' })],
])('unverified (evidence: %s): a note, set with the next release', (_name, memory) => {
  const app = plan(desired, world(), { memory });
  expect(app).toMatchObject({ steps: [], notes: ['TOKEN on Fly: unverified, set anew with the next release'] });
  const moved = { ...desired, groups: [group({ config: { env: { COLOR: 'new' } }, counts: { arn: 1 } })] };
  expect(brief(plan(moved, world(), { memory }).steps)).toEqual(['secret.set shop/TOKEN', 'release shop']);
});

test('unverified ones wait for a release that reaches every running machine', () => {
  const worker = group({ name: 'worker', config: { env: {} }, counts: { arn: 1 } });
  const before = { ...desired, groups: [...desired.groups, worker] };
  const next = { ...before, groups: [group({ config: { env: { COLOR: 'new' } }, counts: { arn: 1 } }), worker] };
  const machines = [machine(before), machine(before, { group: 'worker' })];
  const app = plan(next, observed({ machines, secrets: [secretOf('TOKEN')] }), { memory: value });
  expect(brief(app.steps)).toEqual(['release shop']);
});

test('a rotated value is set and rolled; one changed on Fly is drift', () => {
  const rotated = plan(desired, world(), { memory: evidence({ mark: 'old' }) });
  expect(brief(rotated.steps)).toEqual(['secret.set shop/TOKEN', 'machine.update shop/web/arn/1']);
  expect(rotated.status).toBe('pending');
  const tampered = evidence({ digest: 'other' });
  expect(only(plan(desired, world(), { memory: tampered }).steps, 'secret.set').because).toBe(
    'changed on Fly since it was set',
  );
  const off = { ...desired, policy: { ...desired.policy, drift: 'off' as const } };
  expect(plan(off, settled(tampered), { memory: tampered }).steps).toEqual([]);
  expect(plan(off, world(), { memory: evidence({ digest: '' }) }).steps).toHaveLength(2);
});

test('a running machine older than the newest secret is behind', () => {
  const newer = [secretOf('TOKEN', { updated_at: new Date(now - 1000).toISOString() })];
  const app = plan(desired, settled(evidence(), {}, newer), { memory: evidence() });
  expect(only(app.steps, 'machine.update')).toMatchObject({
    reason: 'secrets',
    because: 'secret TOKEN is newer than the machine',
  });
  const restarted = { events: [{ type: 'start', source: 'flyd', timestamp: now - 500 }] };
  expect(plan(desired, settled(evidence(), restarted, newer), { memory: evidence() }).steps).toEqual([]);
  expect(
    plan(desired, settled(evidence(), { instance_id: ulidAt(now - 1000) }, newer), { memory: evidence() }).steps,
  ).toEqual([]);
  expect(
    plan(desired, settled(evidence(), { instance_id: 'not-a-ulid' }, newer), { memory: evidence() }).steps,
  ).toEqual([]);
  const staged = [secretOf('TOKEN'), secretOf('STAGED', { updated_at: new Date(now).toISOString() })];
  expect(plan(desired, settled(evidence(), {}, staged), { memory: evidence() }).steps).toEqual([]);
});

test('a machine that began to boot before its secret was set is behind, though it runs since after that', () => {
  const newer = [secretOf('TOKEN', { updated_at: new Date(now - 1000).toISOString() })];
  const events = (startingAt: number) => [
    { type: 'start', source: 'flyd', status: 'started', timestamp: now - 500 },
    { type: 'start', source: 'flyd', status: 'starting', timestamp: startingAt },
  ];
  const steps = (startingAt: number) =>
    plan(desired, settled(evidence(), { events: events(startingAt) }, newer), { memory: evidence() }).steps;
  expect(only(steps(now - 1400), 'machine.update')).toMatchObject({ reason: 'secrets' });
  expect(steps(now - 600)).toEqual([]);
});

test('what git does not name is a note; with prune what FlyCD set goes, and nothing else', () => {
  const secrets = [secretOf('TOKEN'), secretOf('OLD'), secretOf('DATABASE_URL')];
  const { TOKEN } = evidence().evidence ?? {};
  const memory = { ...evidence(), evidence: { ...(TOKEN && { TOKEN, OLD: TOKEN }) } };
  expect(plan(desired, world({}, secrets), { memory }).notes).toEqual([
    'git does not name DATABASE_URL, OLD on Fly; left alone',
  ]);
  const pruning = { ...desired, policy: { ...desired.policy, prune: ['secrets' as const] } };
  const app = plan(pruning, settled(memory, {}, secrets), { memory });
  expect(app.steps).toMatchObject([{ kind: 'secret.unset', name: 'OLD', risk: 'destructive' }]);
  expect(app.notes).toEqual(['git does not name DATABASE_URL on Fly; left alone']);
});

test('no value ever appears', () => {
  const app = plan(desired, world({}, []), { memory: { currentMarks: { TOKEN: 'c0ffee-mark' } } });
  expect(JSON.stringify(app)).not.toContain('c0ffee-mark');
});

describe('evidence on the machines', () => {
  const digest = secretOf('TOKEN').digest ?? '';
  const told = (mark: string, of = digest, keyId = 'key'): StampedEvidence => ({
    name: 'TOKEN',
    keyId,
    mark,
    digest: of,
  });
  const remembered = (mark: string, of = digest, keyId = 'key'): Partial<Memory> => ({
    evidence: { TOKEN: { mark, keyId, digest: of } },
  });
  const nothing: Partial<Memory> = {};
  interface Row {
    readonly name: string;
    /** One machine each. */
    readonly stamps: readonly (StampedEvidence | undefined)[];
    readonly memory: Partial<Memory>;
    readonly current?: string;
    readonly says: 'same' | 'set' | 'healed' | 'unverified' | 'superseded';
    /** Machines that get the stamp anew. */
    readonly labelled?: number;
  }
  const rows: readonly Row[] = [
    { name: 'nothing remembered: the stamp tells', stamps: [told('mark')], memory: nothing, says: 'same' },
    { name: 'nothing remembered and another value here', stamps: [told('old')], memory: nothing, says: 'set' },
    {
      name: 'nothing remembered and changed by hand',
      stamps: [told('mark', 'before')],
      memory: nothing,
      says: 'healed',
    },
    {
      name: 'another key on the machines',
      stamps: [told('mark', digest, 'theirs')],
      memory: nothing,
      says: 'unverified',
    },
    {
      name: 'another key in SQLite',
      stamps: [undefined],
      memory: remembered('mark', digest, 'x'),
      says: 'unverified',
    },
    {
      name: 'another key beside ours',
      stamps: [told('mark', digest, 'theirs')],
      memory: remembered('mark'),
      says: 'same',
      labelled: 1,
    },
    {
      name: 'SQLite alone knows',
      stamps: [undefined, undefined],
      memory: remembered('mark'),
      says: 'same',
      labelled: 2,
    },
    {
      name: 'a machine that missed the stamp',
      stamps: [told('mark'), told('old', 'before')],
      memory: nothing,
      says: 'same',
      labelled: 1,
    },
    {
      name: 'most machines missed it',
      stamps: [told('old', 'before'), told('old', 'before'), told('mark')],
      memory: nothing,
      says: 'same',
      labelled: 2,
    },
    {
      name: 'all machines missed it',
      stamps: [told('old', 'before')],
      memory: remembered('mark'),
      says: 'same',
      labelled: 1,
    },
    {
      name: 'a set under way here that was done elsewhere',
      stamps: [told('mark')],
      memory: remembered('mark', ''),
      says: 'same',
    },
    { name: 'a set under way that was not done', stamps: [told('old')], memory: remembered('mark', ''), says: 'set' },
    {
      name: 'a set under way of a value that is not the one here any more',
      stamps: [told('mark')],
      memory: remembered('other', ''),
      says: 'same',
    },
    {
      name: 'a set under way, and Fly has what nobody tells of',
      stamps: [told('mark', 'before')],
      memory: remembered('other', ''),
      says: 'set',
    },
    {
      name: 'an old database, the value here follows',
      stamps: [told('mark')],
      memory: remembered('old', 'before'),
      says: 'same',
    },
    {
      name: 'an old database and the old value here',
      stamps: [told('new')],
      memory: remembered('mark', 'before'),
      says: 'superseded',
    },
    {
      name: 'an old database and a third value here',
      stamps: [told('new')],
      memory: remembered('old', 'before'),
      says: 'set',
    },
    {
      name: 'rotated back, and one machine still tells of it',
      stamps: [told('mark', 'before'), told('old')],
      memory: remembered('old'),
      says: 'set',
      labelled: 1,
    },
    {
      name: 'changed by hand, SQLite and the machines agree',
      stamps: [told('mark', 'before')],
      memory: remembered('mark', 'before'),
      says: 'healed',
    },
    {
      name: 'changed by hand, and rotated',
      stamps: [told('old', 'before')],
      memory: remembered('old', 'before'),
      says: 'set',
    },
  ];

  test.each(rows)('$name: $says', ({ stamps, memory, says, labelled = 0 }) => {
    // Scheduled ones at rest take up a new value by themselves: only the secret is looked at.
    const scheduled = group({ config: { schedule: 'daily' }, counts: { arn: stamps.length } });
    const manned = { ...desired, groups: [scheduled] };
    const machines = stamps.map((entry, index) => {
      const metadata = entry === undefined ? {} : stamp(entry);
      return machine(manned, { number: index + 1, state: 'stopped', metadata });
    });
    const seen = observed({ machines, secrets: [secretOf('TOKEN')] });
    const app = plan(manned, seen, { memory: { ...value, ...memory } });
    const sets = app.steps.filter((step) => step.kind === 'secret.set').map((step) => step.because);
    const because = {
      same: [],
      unverified: [],
      superseded: [],
      set: ['its value here is not known to be the one on Fly'],
      healed: ['changed on Fly since it was set'],
    };
    expect(sets).toEqual(because[says]);
    const notes = {
      same: [],
      set: [],
      healed: [],
      unverified: ['TOKEN on Fly: unverified, set anew with the next release'],
      superseded: ['another FlyCD has set TOKEN since to another value than here; it stays (or: sync --now)'],
    };
    expect(app.notes).toEqual(notes[says]);
    expect(writes(app).filter((step) => step.kind === 'machine.label')).toHaveLength(labelled);
    // Whoever it is, nothing is left to mend once it is mended.
    const healed = machines.map((one) => {
      const label = writes(app).find((step) => step.kind === 'machine.label' && step.machineId === one.id);
      return label?.kind === 'machine.label' ? patched(one, label.metadata) : one;
    });
    const again = plan(
      manned,
      { ...seen, machines: { status: 'read', value: healed } },
      { memory: { ...value, ...memory } },
    );
    expect(writes(again).filter((step) => step.kind === 'machine.label')).toEqual([]);
  });

  test('a person may insist on the older value', () => {
    const memory = { ...value, ...remembered('mark', 'before') };
    const seen = world({ metadata: stamp(told('new')) });
    expect(only(plan(desired, seen, { memory, options: { now: true } }).steps, 'secret.set').name).toBe('TOKEN');
  });

  test('stamps of another fleet, of machines on their way out, and in no form of ours tell nothing', () => {
    const garbage = ['', 'e1:', 'e1:[]', 'e1:{"key":{"TOKEN":["mark"]}}', 'e2:{}', '{"key":{"TOKEN":["mark","x"]}}'];
    for (const text of garbage) {
      const app = plan(desired, world({ metadata: { [stampKeys.secrets]: text } }), { memory: value });
      expect(app.notes).toEqual(['TOKEN on Fly: unverified, set anew with the next release']);
      // And is taken away.
      expect(only(writes(app), 'machine.label').metadata).toEqual({ [stampKeys.secrets]: null });
    }
    const gone = machine(desired, { id: 'gone', number: 2, state: 'destroying', metadata: stamp(told('mark')) });
    const machines = [machine(desired), gone];
    const app = plan(desired, observed({ machines, secrets: [secretOf('TOKEN')] }), { memory: value });
    expect(app.notes).toContain('TOKEN on Fly: unverified, set anew with the next release');
    const theirs = world({ metadata: { ...stamp(told('mark')), [stampKeys.fleet]: 'other' } });
    expect(plan(desired, theirs, { memory: value, options: { adopt: true } }).notes).toContain(
      'TOKEN on Fly: unverified, set anew with the next release',
    );
  });

  test('with prune, a name that only a stamp tells of goes too, whoever set it', () => {
    const pruning = { ...desired, policy: { ...desired.policy, prune: ['secrets' as const] } };
    const metadata = stamp(told('mark'), { name: 'OLD', keyId: 'theirs', mark: 'm', digest: 'd' });
    const secrets = [secretOf('TOKEN'), secretOf('OLD'), secretOf('DATABASE_URL')];
    const app = plan(pruning, world({ metadata }, secrets), { memory: value });
    expect(brief(app.steps)).toEqual(['secret.unset shop/OLD']);
  });

  test('creates and updates carry it; unread secrets leave what is there', () => {
    const memory = { ...value, ...remembered('mark') };
    const { [stampKeys.secrets]: text } = stamp(told('mark'));
    const moved = { ...desired, groups: [group({ config: { env: { COLOR: 'new' } }, counts: { arn: 2 } })] };
    const release = only(plan(moved, world(), { memory }).steps, 'release');
    expect(release.machines.map(({ config }) => config.metadata?.[stampKeys.secrets])).toEqual([text, text]);
    const unread = {
      ...world({ metadata: stamp(told('mark')) }),
      secrets: { status: 'unread', reason: '503' } as const,
    };
    expect(plan(desired, unread, { memory: nothing }).steps).toEqual([]);
    const plain = { ...moved, secrets: [] };
    const blind = only(plan(plain, unread, { memory: nothing }).steps, 'release');
    expect(blind.machines.map((step) => [step.kind, step.config.metadata?.[stampKeys.secrets]])).toEqual([
      ['machine.update', text],
      ['machine.create', undefined],
    ]);
  });

  test('a plan says how much a stamp tells, never what', () => {
    const app = plan(desired, world(), { memory: { ...value, ...remembered('mark') } });
    const label = only(writes(app), 'machine.label');
    expect(label.changes).toMatchObject([{ path: 'metadata.flycd_secrets', from: undefined }]);
    expect(label.changes[0]?.to).toMatch(/^evidence of 1 secret \([0-9a-f]{8}\)$/);
  });

  test('what there is no room for is said', () => {
    const names = Array.from({ length: 300 }, (_none, index) => `SECRET_NUMBER_${String(index).padStart(3, '0')}`);
    const many = { ...desired, secrets: names.map(fromEnv) };
    const marks = Object.fromEntries(names.map((name) => [name, 'm'.repeat(32)]));
    const entry = (name: string) => ({ mark: 'm'.repeat(32), keyId: 'key', digest: secretOf(name).digest ?? '' });
    const evidenceOfAll = Object.fromEntries(names.map((name) => [name, entry(name)]));
    const memory = { currentMarks: marks, evidence: evidenceOfAll };
    const stampOfAll = stamp(...names.map((name) => ({ ...entry(name), name })));
    const seen = observed({
      machines: [machine(many, { metadata: stampOfAll })],
      secrets: names.map((name) => secretOf(name)),
    });
    const app = plan(many, seen, { memory });
    expect(app.steps).toEqual([]);
    expect(app.notes.join()).toMatch(
      /^the machines have no room for evidence of SECRET_NUMBER_\d+, .* and \d+ more; it is kept here alone$/,
    );
  });
});
