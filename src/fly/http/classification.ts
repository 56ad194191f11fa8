import { ErrorBody } from '../../../schemas/fly/app.ts';
import { formatTime } from '../../model/base/clock.ts';
import type { FaultState, FaultWords } from '../../model/base/fault.ts';
import { FlyError } from './error.ts';

/** What a call does on Fly when it arrives twice. */
export type Effect =
  /** Nothing. */
  | 'read'
  /** The same as once: start, stop, cordon, a release, a destroy. */
  | 'repeatable'
  /** Maybe a second machine, volume or bill: never sent again unless Fly said that nothing was done. */
  | 'once';

/** A call that did not succeed, as far as it is known. Texts are redacted already. */
export interface Failure {
  /** Method and route template. */
  readonly operation: string;
  /** Ends the sentence "Fly refused to …". */
  readonly purpose: string;
  /** App and machine. */
  readonly where: string | undefined;
  readonly effect: Effect;
  /** undefined: no whole answer came. */
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** Fly's words; where no whole answer came, why. */
  readonly words: string | undefined;
  /** `status` or `code` of Fly's error body: insufficient_capacity, name_taken and the like. */
  readonly code: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds that Fly's clock is ahead of the one that says `now`. */
  readonly aheadMs: number;
  /** Milliseconds that Fly asked to be left alone for. */
  readonly retryAfterMs: number | undefined;
  /** false: it takes the token for other calls. */
  readonly isTokenRefused: boolean;
  /** false: another interface of Fly's has just refused it as well. Default true. */
  readonly isTakenElsewhere?: boolean | undefined;
  /** true: it was not sent, for Fly had asked to be left alone. */
  readonly isUnsent?: boolean;
}

/** Of Fly's words on a refusal: a sentence, and enough of a page to know whose it is. */
const wordsCharactersMax = 1_000;

/**
 * Fly's message and code out of an error body; bodies that are not JSON (an edge's HTML) give their text. Blanked while
 * it is as Fly sent it: a secret of two lines, or half of one, would not be recognised later.
 */
export function wordsOf(
  body: string,
  redact: (text: string) => string,
): { readonly words: string | undefined; readonly code: string | undefined } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { words: tidy(redact(body).replaceAll(/<[^<>]*>/g, ' ')), code: undefined };
  }
  const shape = ErrorBody.safeParse(parsed);
  if (!shape.success) return { words: tidy(redact(body)), code: undefined };
  // Old and edge replies say `status: error` beside a message and a code of their own; Fly's SDK prefers `message`.
  const { message, error, status, code } = shape.data;
  return { words: tidy(redact(message ?? error ?? '')), code: status === 'error' ? code : (status ?? code) };
}

/** One line of bounded length without control characters: these words end up on terminals. */
function tidy(text: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const line = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\s]+/g, ' ').trim();
  return line === '' ? undefined : line.slice(0, wordsCharactersMax);
}

export function classify(failure: Failure): FlyError {
  const rule = rules.find((candidate) => candidate.applies(failure));
  const parts = patient((rule ?? refusal).parts(failure), failure);
  const { now, retryAfterMs } = failure;
  return new FlyError({
    leftAloneUntil: retryAfterMs === undefined ? undefined : now + Math.min(retryAfterMs, retryAfterMsBelieved),
    why: failure.words ?? (failure.status === undefined ? undefined : `HTTP ${failure.status}`),
    where: failure.where,
    ...parts,
    means: rule?.means,
    status: failure.status,
    operation: failure.operation,
    requestId: failure.requestId,
    reply: failure.status === undefined ? undefined : failure.words,
    outcome: outcomeOf(failure),
  });
}

/** A 2xx whose body did not fit is `unknown` too: it was done, but not what we hoped to learn from it. */
function outcomeOf({ effect, status, isUnsent }: Failure): 'refused' | 'unknown' {
  if (effect === 'read' || isUnsent === true) return 'refused';
  return status === undefined || status < 300 || status === 408 || status >= 500 ? 'unknown' : 'refused';
}

type RuleParts = FaultState & Omit<FaultWords, 'where' | 'cause'>;

interface Rule {
  /** For whoever acts on it: not to be guessed from words and statuses again. */
  readonly means?: FlyError['means'];
  readonly applies: (failure: Failure) => boolean;
  readonly parts: (failure: Failure) => RuleParts;
}

/** No pass waits longer than this on Fly's word; the loop comes back at that time instead. */
export const retryAfterMsMax = 60_000;
/** A Retry-After beyond this is a mistake: the next hour may tell another time. */
export const retryAfterMsBelieved = 60 * 60_000;

/** What would pass by itself, and not soon: Fly says when. */
function patient(parts: RuleParts, { now, retryAfterMs, status }: Failure): RuleParts {
  const isPassing = parts.kind === 'transient' || status === 429;
  if (!isPassing || retryAfterMs === undefined) return parts;
  if (retryAfterMs <= retryAfterMsMax) return parts.kind === 'transient' ? { ...parts, retryAfterMs } : parts;
  const retryAt = now + Math.min(retryAfterMs, retryAfterMsBelieved);
  const next = `Fly asked to be left alone with that until ${formatTime(retryAt)}; flycd serve tries again then.`;
  return { ...parts, kind: 'waiting', retryAt, next };
}

/** A host or region without room frees up in minutes or hours, not seconds. */
const capacityWaitMs = 5 * 60_000;
/** flyctl's leases last 13 s and are renewed every 4: asking sooner than this finds the same holder. */
const leaseWaitMs = 15_000;
/** A lease may be given back long before it expires: look again at least this often. */
const leaseWaitMsMax = 5 * 60_000;

/** By then somebody who asked too often may have stopped, and Fly's buckets are full again. */
const limitedWaitMs = 15_000;

/** Of what Fly refuses until somebody mends it. */
const askedAgain = 'Then `flycd sync --once` tries at once; flycd serve does within the hour.';
const again = 'FlyCD tries again by itself.';
const lookAgain = 'FlyCD looks at the app again and plans anew.';

/** First match decides. Texts that mean the same under several statuses come before the statuses. */
const rules: readonly Rule[] = [
  {
    applies: ({ status }) => status === undefined,
    parts: ({ purpose }) => ({
      kind: 'transient',
      what: `Fly did not answer when asked to ${purpose}`,
      next: `${again} If it goes on: https://status.flyio.net`,
    }),
  },
  {
    applies: ({ status, words }) => status === 402 || contains(words, 'please add a payment method'),
    parts: ({ purpose }) => ({
      kind: 'held',
      what: `Fly refused to ${purpose} until the organization can pay`,
      next: `See to the organization's billing page on https://fly.io/dashboard: what is due, and a payment method. ${askedAgain}`,
    }),
  },
  {
    means: 'no room',
    applies: ({ words, code }) => [words, code].some((text) => capacityTexts.some((part) => contains(text, part))),
    parts: ({ purpose, now }) => ({
      kind: 'waiting',
      what: `Fly has no room to ${purpose}`,
      next: 'FlyCD tries again in 5 minutes. If it stays so, choose another region or a smaller size.',
      retryAt: now + capacityWaitMs,
    }),
  },
  {
    applies: ({ status, isTokenRefused }) => status === 401 && !isTokenRefused,
    parts: ({ purpose, isTakenElsewhere = true }) => ({
      kind: 'transient',
      what: `Fly refused the token when asked to ${purpose}${isTakenElsewhere ? ', and takes it elsewhere' : ''}`,
      next: `${again} Fly answers so for moments after an app was made. If it goes on, use a token of the organization that owns the app: \`fly tokens create org\`.`,
    }),
  },
  {
    applies: ({ status }) => status === 401,
    parts: () => ({
      kind: 'stalled',
      scope: 'fleet',
      what: 'Fly refused the token',
      next: 'Make one with `fly tokens create org` (or `fly tokens create readonly` for diff) and set FLY_API_TOKEN.',
    }),
  },
  {
    applies: ({ status }) => status === 403,
    parts: ({ purpose }) => ({
      kind: 'stalled',
      what: `The token may not ${purpose}`,
      next: `Use a token of the organization that owns the app: \`fly tokens create org\`. A name another organization owns cannot be used. ${askedAgain}`,
    }),
  },
  {
    applies: ({ status, words, operation }) =>
      contains(words, 'lease currently held by') || (status === 409 && operation.endsWith('/lease')),
    parts: leaseHeldParts,
  },
  {
    // Nothing but the organization can be missing where an app is made.
    applies: ({ status, operation }) => status === 404 && operation === 'POST /apps',
    parts: ({ purpose }) => ({
      kind: 'stalled',
      what: `Fly could not ${purpose} in an organization that the token does not see`,
      next: 'Check `org` in app.yaml or project.yaml, and FLY_ORG: `fly orgs list` shows their slugs.',
    }),
  },
  {
    applies: ({ status }) => status === 404 || status === 410,
    parts: ({ purpose }) => ({
      kind: 'transient',
      what: `Fly could not ${purpose}, for it is not there`,
      next: lookAgain,
    }),
  },
  {
    applies: ({ status }) => status === 409 || status === 412,
    parts: ({ purpose }) => ({
      kind: 'transient',
      what: `Fly would not ${purpose} in its present state`,
      next: lookAgain,
    }),
  },
  {
    // The limits are shared with whoever else asks of the same app: that is no failure of anybody's.
    applies: ({ status }) => status === 429,
    parts: ({ purpose, now, retryAfterMs = 0 }) => ({
      kind: 'waiting',
      what: `Fly limits the rate of requests and refused to ${purpose}`,
      next: `${again} Another tool may be working on the same app.`,
      retryAt: now + Math.max(limitedWaitMs, Math.min(retryAfterMs, retryAfterMsBelieved)),
    }),
  },
  {
    applies: ({ status = 0 }) => status === 408 || status >= 500,
    parts: ({ purpose }) => ({
      kind: 'transient',
      what: `Fly failed to ${purpose}`,
      next: `${again} If it goes on: https://status.flyio.net`,
    }),
  },
  {
    applies: ({ status = 0 }) => status < 300,
    parts: ({ purpose }) => ({
      kind: 'transient',
      what: `Fly's answer when asked to ${purpose} has a form that FlyCD does not know`,
      next: `${again} If it goes on, look for a newer FlyCD.`,
    }),
  },
];

/** Everything else (400, 422, redirects): the same request is refused again until somebody mends something, in git or outside of it. */
const refusal: Rule = {
  applies: () => true,
  parts: ({ purpose, code, words }) => ({
    kind: 'stalled',
    what: `Fly refused to ${purpose}`,
    next:
      code === 'name_taken' || contains(words, 'name has already been taken')
        ? `Choose another name, for app names are shared by all of Fly, or free this one. ${askedAgain}`
        : `Change what git says, then push. Or mend what Fly says is wrong, where that is not in git. ${askedAgain}`,
  }),
};

/** true: Fly has no room where that was to run; it may have some elsewhere. */
export function isNoRoom(error: unknown): boolean {
  return error instanceof FlyError && error.means === 'no room';
}

/** `deploys to this host …`: a volume's host that takes no machines for now, the same to whoever waits for it. */
const capacityTexts = [
  'could not reserve resource',
  'insufficient_capacity',
  'volume_placement_capacity',
  'deploys to this host are temporarily disabled',
];

function contains(text: string | undefined, part: string): boolean {
  return text?.toLowerCase().includes(part) ?? false;
}

/** Fly says: machine ID X lease currently held by OWNER, expires at 2026-05-14T10:41:08Z */
function leaseHeldParts({ words, now, aheadMs }: Failure): RuleParts {
  const holder = /lease currently held by (\S+?),?\s+expires at/i.exec(words ?? '')?.[1];
  const expiry = /expires at (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)/i.exec(words ?? '');
  const expiresAt = expiry === null ? Number.NaN : Date.parse(`${expiry[1]}T${expiry[2]}Z`) - aheadMs;
  const retryAt = Number.isNaN(expiresAt) ? now + leaseWaitMs : Math.max(expiresAt, now + 1_000);
  return {
    kind: 'waiting',
    what: holder === undefined ? 'Somebody else is working on the machine' : `${holder} is working on the machine`,
    next: 'FlyCD waits until the lease is given back or runs out. `fly machine leases view` shows it.',
    retryAt: Math.min(retryAt, now + leaseWaitMsMax),
  };
}
