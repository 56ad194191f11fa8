import { describe, expect, test } from 'vitest';
import { changedFleet, walkFleet, type Arena, type Files } from '../arena.ts';
import { heirs, walk } from '../kill-walk.ts';

/** The fleet with a policy in the app itself, and one thing less that git names. */
function pruning(kind: string, from: string, to: string): Files {
  const text = changedFleet(from, to)['shop/app.yaml'] ?? '';
  return { 'shop/app.yaml': `${text}sync:\n  prune: [${kind}]\n` };
}

const other = `app: other
primary_region: arn
build:
  image: docker.io/library/caddy:2.10.2
env:
  GREETING: hello
secrets:
  - name: PASSWORD
    type: raw
    raw: correct-horse
machines:
  count: 2
`;
const mounted = `${other}mounts:
  - source: data
    destination: /data
`;

/** Two apps, one of which git does not name any more. */
const orphaned = (app: string) => ({
  before: [{ ...walkFleet, 'other/app.yaml': app }],
  files: { 'flycd.yaml': 'fleet: walk\nsync:\n  prune: [app]\n' },
  prepare: (world: Arena) => Promise.resolve(world.remove('other')),
});

/** Of an end state. */
interface Seen {
  readonly name: string;
  readonly addresses: readonly { readonly kind: string }[];
  readonly secrets: Readonly<Record<string, string>>;
}
const onlyShop = (endState: unknown): void => {
  expect((endState as readonly Seen[]).map(({ name }) => name)).toEqual(['shop']);
};

describe.each(heirs)('kill -9 at each API call of a prune, then sync --once by %s: as undisturbed', (_who, heir) => {
  test('of an address', async () => {
    const files = pruning('addresses', '    - v: v4\n', '');
    const judge = (endState: unknown): void => {
      expect((endState as readonly Seen[])[0]?.addresses.map(({ kind }) => kind)).toEqual(['v6']);
    };
    expect(await walk({ before: [walkFleet], files, heir, judge })).toBeGreaterThan(5);
  }, 120_000);

  test('of a secret', async () => {
    const files = pruning('secrets', 'secrets:\n  - name: PASSWORD\n    type: raw\n    raw: correct-horse\n', '');
    const judge = (endState: unknown): void => expect((endState as readonly Seen[])[0]?.secrets).toEqual({});
    expect(await walk({ before: [walkFleet], files, heir, judge })).toBeGreaterThan(5);
  }, 120_000);

  test('of an app without volumes', async () => {
    expect(await walk({ ...orphaned(other), heir, judge: onlyShop })).toBeGreaterThan(5);
  }, 120_000);

  test('of an app with volumes that a person accepted by name', async () => {
    const argv = ['sync', '--once', '--accept-only', 'other'];
    // Gone, and with the database lost, it is a name that nobody knows.
    const codes = { whole: 0, next: [0, 1], diff: 0 };
    expect(await walk({ ...orphaned(mounted), heir, argv, next: argv, codes, judge: onlyShop })).toBeGreaterThan(5);
  }, 120_000);
});
