/** `sync:` as people write it, in flycd.yaml, project.yaml and app.yaml. Each inherits from the one before, key by key. */
import { Cron } from 'croner';
import { z } from 'zod';
import { duration, durationSeconds, flag, listOf, wholeNumber } from './written.ts';

/** A sync more often than this would only burn Fly's rate limits; a loop that looks less than daily watches nothing. */
export const intervalSecondsRange = { min: 10, max: 86_400 } as const;

const interval = duration().refine(
  (written) => {
    const seconds = durationSeconds(written) ?? intervalSecondsRange.min; // no duration at all: said by its own check
    return seconds >= intervalSecondsRange.min && seconds <= intervalSecondsRange.max;
  },
  { error: 'expected 10s to 24h' },
);

/** A window longer than a month is a policy, not a window. */
const windowSecondsMax = 31 * 86_400;

export const WindowWritten = z.strictObject({
  kind: z
    .enum(['allow', 'deny'])
    .optional()
    .describe(
      'allow: releases begin only within such windows; deny: not within this one, whatever allows. Default: allow.',
    ),
  schedule: z
    .string()
    .refine(isSchedule, { error: 'expected five fields of cron, such as 0 9 * * 1-5' })
    .describe('When it begins: minute, hour, day, month, weekday, as cron writes them.'),
  duration: duration()
    .refine(
      (written) => {
        const seconds = durationSeconds(written) ?? 1; // no duration at all: said by its own check
        return seconds > 0 && seconds <= windowSecondsMax;
      },
      { error: 'expected more than nothing and at most 744h' },
    )
    .describe('How long it is open: 30m, 8h, or seconds.'),
  timezone: z
    .string()
    .refine(isTimezone, { error: 'expected a time zone such as Europe/Stockholm' })
    .optional()
    .describe('Time zone of the schedule. Default: UTC.'),
});
export type WindowWritten = z.infer<typeof WindowWritten>;

function isSchedule(written: string): boolean {
  try {
    return new Cron(written, { mode: '5-part' }).nextRun(new Date(0)) !== null;
  } catch {
    return false;
  }
}

function isTimezone(written: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: written }).format(0) !== '';
  } catch {
    return false;
  }
}

export const SyncWritten = z.strictObject({
  auto: flag()
    .optional()
    .describe('false: the loops of serve and sync show the plan but do not apply it. Default: true.'),
  drift: z
    .enum(['heal', 'heal_all', 'report', 'off'])
    .optional()
    .describe(
      'What to do when Fly differs from git without a change in git. heal: put it back, except a hand-made fly deploy; heal_all: that too; report: show it as held; off: look at existence and given counts only, and tell of the rest in notes. Default: heal.',
    ),
  prune: listOf(z.enum(['addresses', 'secrets', 'certificates', 'app']))
    .optional()
    .describe('Kinds that may be removed once git no longer names them. Volumes are never among them. Default: none.'),
  max_deletes: wholeNumber({ min: 0, max: 1000 })
    .optional()
    .describe(
      'Most objects one sync may remove, 0: none; a tenth of the fleet is the cap where that is less. Default: 3.',
    ),
  interval: interval
    .optional()
    .describe('Time between two looks at an app: 30s, 3m, 1h, or seconds. 10s to 24h. Default: the loop’s own, 3m.'),
  windows: listOf(WindowWritten)
    .optional()
    .describe(
      'When releases may begin. Outside of them a release waits; heals, secrets and counts go on. Default: at any time.',
    ),
  replace_unreachable: flag()
    .optional()
    .describe(
      'true: a machine without a volume whose host has not answered for 15 minutes is made anew on another one; the old one is destroyed when it comes back. Default: false, it is waited for.',
    ),
  on_failure: z
    .enum(['rollback', 'stop'])
    .optional()
    .describe(
      'What a release that fails leaves. rollback: the version that ran well before, image and config together; stop: everything as it stands then. Either way that version is held until git changes it. Default: rollback.',
    ),
});
export type SyncWritten = z.infer<typeof SyncWritten>;
