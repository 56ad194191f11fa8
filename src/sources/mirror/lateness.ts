/** A repository that does not answer: nobody waits for it, it is asked on, and whoever asked is told when it answers. */
import { askAgainMs, wantedMs, type Patience } from '../../http/patience.ts';
import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import type { Tree } from '../tree/tree.ts';

interface LatenessParts {
  readonly clock: Clock;
  /** For people. */
  readonly name: string;
  readonly patience: Patience;
  /** true: the last call got no answer. */
  readonly isSilent: () => boolean;
}

export class Lateness {
  readonly #parts: LatenessParts;
  readonly #waiting = new Set<() => void>();
  #isLate = false;
  #followed: Promise<Tree> | undefined;
  #wantedAt = 0;
  #cancel = (): void => undefined;

  constructor(parts: LatenessParts) {
    this.#parts = parts;
  }

  get isLate(): boolean {
    return this.#isLate;
  }

  late(): void {
    this.#isLate = true;
    for (const tell of this.#waiting) tell();
    this.#waiting.clear();
  }

  /** What asking gives, unless the repository is late by then: throws a transient Fault, and asking goes on. */
  async soon(ask: () => Promise<Tree>): Promise<Tree> {
    this.#wantedAt = this.#parts.clock.monotonic();
    const tree = ask();
    if (this.#isLate) return this.#goOn(tree, ask);
    const late = Promise.withResolvers<undefined>();
    const tell = (): void => late.resolve(undefined);
    this.#waiting.add(tell);
    try {
      return (await Promise.race([tree, late.promise])) ?? this.#goOn(tree, ask);
    } finally {
      this.#waiting.delete(tell);
    }
  }

  close(): void {
    this.#cancel();
    this.#wantedAt = -Infinity;
  }

  #goOn(tree: Promise<Tree>, ask: () => Promise<Tree>): never {
    this.#follow(tree, ask);
    const { name, patience } = this.#parts;
    throw new Fault({
      kind: 'transient',
      what: `git repository ${name} is not read`,
      why: `git has not answered for more than ${patience.ms / 1000} s`,
      next: 'the app stays as it is; FlyCD goes on asking, and looks at it once git answers (a large repository takes minutes to come at first)',
    });
  }

  #follow(tree: Promise<Tree>, ask: () => Promise<Tree>): void {
    this.#cancel();
    this.#followed = tree;
    const ended = (): void => {
      // One that was asked after it tells more.
      if (this.#followed !== tree) return;
      this.#followed = undefined;
      if (this.#parts.isSilent()) this.#askAgain(ask);
      else {
        this.#isLate = false;
        this.#parts.patience.answered();
      }
    };
    void tree.then(ended, ended);
  }

  #askAgain(ask: () => Promise<Tree>): void {
    const { clock } = this.#parts;
    this.#cancel = clock.timer(askAgainMs, () => {
      if (clock.monotonic() - this.#wantedAt < wantedMs) this.#follow(ask(), ask);
    });
  }
}
