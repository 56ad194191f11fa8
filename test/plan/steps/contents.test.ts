/** What of a step's list counts: what goes, and not in which words Fly fails to say it. */
import { expect, it } from 'vitest';
import type { FieldChange, Step } from '../../../src/model/plan.ts';
import { lastingContents, unlisted } from '../../../src/plan/steps/contents.ts';

const gone = (path: string, from: FieldChange['from']): FieldChange => ({ path, from, to: undefined });
const failed = gone('volumes', 'could not be read: Fly answered 503');
const timedOut = gone('volumes', 'could not be read: no answer in 30 s');
const volume = gone('volumes[vol_1]', 'data, 3 GB');
const other = gone('volumes[vol_2]', 'data, 3 GB');
const grown = gone('volumes[vol_1]', 'data, 5 GB');
const count = gone('count', 3);
const absent = gone('count', undefined);

function step(...changes: readonly FieldChange[]): Step {
  return {
    kind: 'app.destroy',
    app: 'old',
    target: 'old',
    because: 'git no longer names it',
    risk: 'destructive',
    changes,
  };
}

it('keeps all that is listed, and of what could not be read that it could not', () => {
  expect(lastingContents([failed, volume, count, absent])).toEqual([
    gone('volumes', 'could not be read'),
    volume,
    count,
    absent,
  ]);
});

it.each<readonly [string, readonly FieldChange[], readonly FieldChange[], readonly FieldChange[]]>([
  ['nothing before', [volume], [], [volume]],
  ['the same', [volume], [volume], []],
  ['another of the same size', [other], [volume], [other]],
  ['the same, which has grown since', [grown], [volume], [grown]],
  ['a number beside another', [count], [absent], [count]],
  ['what could not be read, for another reason', [timedOut], [failed], []],
  ['what could not be read, where it could before', [timedOut], [volume], [timedOut]],
  ['what can be read now', [volume], [failed], [volume]],
  ['one of two', [volume, other], [volume, count], [other]],
])('tells what nobody has seen before: %s', (_what, now, before, seen) => {
  expect(unlisted(step(...now), [step(), step(...before)])).toEqual(seen);
});
