/** Registries that do not answer: nobody waits for one until it does, and it is asked on. */
import { askAgainMs, wantedMs, type Patience } from '../http/patience.ts';
import type { Clock } from '../model/base/clock.ts';
import type { Log } from '../model/base/log.ts';
import { RegistryError } from './registry.ts';

interface Question<Answer> {
  readonly host: string;
  readonly ref: string;
  readonly ask: () => Promise<Answer>;
}

interface Asked {
  readonly host: string;
  readonly ref: string;
}

interface Parts {
  readonly clock: Clock;
  readonly log: Log;
  readonly patience: Patience;
}

export class LateAnswers {
  readonly #parts: Parts;
  readonly #hosts = new Set<string>();
  /** Of images, with their hosts. */
  readonly #refs = new Map<string, string>();
  /** By host, on the monotonic clock. */
  readonly #answeredAt = new Map<string, number>();
  readonly #wantedAt = new Map<string, number>();
  /** By host: ends the wait for the next question. */
  readonly #again = new Map<string, () => void>();
  readonly #waiting = new Set<Asked & { tell(): void }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  isLate({ host, ref }: Asked): boolean {
    return this.#hosts.has(host) || this.#refs.has(ref);
  }

  /** Asks, and notes whether an answer comes: a refusal is one. Throws what asking does. */
  async watched<Answer>(question: Question<Answer>): Promise<Answer> {
    const { clock, patience } = this.#parts;
    const { host, ref, ask } = question;
    const since = clock.monotonic();
    this.#again.get(host)?.();
    this.#again.delete(host);
    const cancel = clock.timer(patience.ms, () => this.#late(host, ref, since));
    try {
      const answer = await ask();
      this.#answered(host, ref);
      return answer;
    } catch (error) {
      if (error instanceof RegistryError && error.status !== undefined) this.#answered(host, ref);
      else if (this.#refs.has(ref)) this.#askAgain(question);
      throw error;
    } finally {
      cancel();
    }
  }

  /** The answer, or undefined where it is late by then, or nobody on the host answers. */
  async soon<Answer>(of: Asked, answer: Promise<Answer>): Promise<Answer | undefined> {
    this.#wantedAt.set(of.host, this.#parts.clock.monotonic());
    if (this.isLate(of)) {
      answer.catch(() => undefined);
      return undefined;
    }
    const late = Promise.withResolvers<undefined>();
    const one = { ...of, tell: () => late.resolve(undefined) };
    this.#waiting.add(one);
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      this.#waiting.delete(one);
    }
  }

  #late(host: string, ref: string, since: number): void {
    const { log, patience } = this.#parts;
    const seconds = patience.ms / 1000;
    if (!this.isLate({ host, ref }))
      log.warn({ registry: host, image: ref, seconds }, 'a registry does not answer; it is asked on');
    this.#refs.set(ref, host);
    if ((this.#answeredAt.get(host) ?? -Infinity) < since) this.#hosts.add(host);
    for (const one of this.#waiting) if (this.isLate(one)) one.tell();
  }

  #answered(host: string, ref: string): void {
    const { clock, log, patience } = this.#parts;
    this.#answeredAt.set(host, clock.monotonic());
    const wasLate = this.#refs.delete(ref);
    const wasHost = this.#hosts.delete(host);
    if (wasHost) for (const [other, of] of this.#refs) if (of === host) this.#refs.delete(other);
    if (!wasLate && !wasHost) return;
    log.info({ registry: host }, 'a registry answers again');
    patience.answered();
  }

  #askAgain(question: Question<unknown>): void {
    const { clock } = this.#parts;
    const { host } = question;
    this.#again.get(host)?.();
    if (clock.monotonic() - (this.#wantedAt.get(host) ?? -Infinity) >= wantedMs) return;
    this.#again.set(
      host,
      clock.timer(askAgainMs, () => void this.watched(question).catch(() => undefined)),
    );
  }
}
