/** What registries answered, by reference: kept for a while, few questions at a time. */
import type { Clock } from '../model/base/clock.ts';
import { momentOf, msSince, type Moment } from '../model/base/moment.ts';
import { createLane, type Lane } from '../http/lane.ts';

/** Questions in flight to one registry, which throttles beyond a handful from one address; the others are others' matter. */
const questionsMax = 6;

interface AnswersOptions<Answer> {
  readonly clock: Clock;
  /** References remembered; beyond it the one that was asked for longest ago goes. */
  readonly max: number;
  /** How long an answer is good for, from when it came; what the machine slept through counts. */
  readonly goodForMs: (answer: Answer) => number;
}

interface Known<Answer> {
  readonly answer: Promise<Answer>;
  /** undefined: it is being asked for. */
  came: { readonly at: Moment; readonly goodForMs: number } | undefined;
}

export interface Answers<Answer> {
  /**
   * The answer that is known, or what asking the registry on `host` gives. Whoever asks meanwhile waits for the same one. Throws
   * what asking does.
   */
  get(ref: string, host: string, ask: () => Promise<Answer>): Promise<Answer>;
  /** true: `get` has it without asking. */
  has(ref: string): boolean;
}

export function createAnswers<Answer>({ clock, max, goodForMs }: AnswersOptions<Answer>): Answers<Answer> {
  const known = new Map<string, Known<Answer>>();
  const lanes = new Map<string, { readonly lane: Lane; asking: number }>();

  /** A registry that does not answer keeps nobody from another one. */
  async function inLane(host: string, ask: () => Promise<Answer>): Promise<Answer> {
    const place = lanes.get(host) ?? { lane: createLane(questionsMax), asking: 0 };
    lanes.set(host, place);
    place.asking += 1;
    try {
      return await place.lane.run(ask);
    } finally {
      place.asking -= 1;
      if (place.asking === 0) lanes.delete(host);
    }
  }

  return {
    has(ref) {
      const last = known.get(ref);
      return last?.came !== undefined && isGood(clock, last);
    },
    async get(ref, host, ask) {
      const last = known.get(ref);
      if (last !== undefined && isGood(clock, last)) return last.answer;
      const entry: Known<Answer> = { answer: inLane(host, ask), came: undefined };
      known.delete(ref);
      known.set(ref, entry);
      for (const oldest of known.keys()) if (known.size > max) known.delete(oldest);
      try {
        const answer = await entry.answer;
        entry.came = { at: momentOf(clock), goodForMs: goodForMs(answer) };
        return answer;
      } catch (error) {
        if (known.get(ref) === entry) known.delete(ref);
        throw error;
      }
    },
  };
}

function isGood(clock: Clock, { came }: Known<unknown>): boolean {
  return came === undefined || msSince(clock, came.at) < came.goodForMs;
}
