import type { Machine } from '../../schemas/fly/machine.ts';
import { parseImage } from '../../src/flyconfig/sections/image.ts';
import type { MachineChange } from '../../src/model/plan.ts';
import { pinnedStep } from '../../src/plan/steps/pinned.ts';

/**
 * Where no registry could be asked, Fly's answer to the first machine says which digest its tag meant, and all others are
 * pinned to it: a tag that moves in the middle of a rollout must not make a mixed fleet.
 */
export class ImagePin {
  /** By image reference as written: its digest once Fly has said it, undefined where it did not. */
  readonly #digests = new Map<string, Promise<string | undefined>>();

  /** What Fly said of an image before any of the steps. */
  learn(ref: string, digest: string | undefined): void {
    if (digest !== undefined) this.#digests.set(ref, Promise.resolve(digest));
  }

  /** Does a step's work with its image pinned; the first step with a tag is sent as written, and others wait for its answer. */
  async during<S extends MachineChange, T>(
    step: S,
    work: (step: S, onSent: (machine: Machine) => void) => Promise<T>,
  ): Promise<T> {
    const ref = step.config.image;
    if (ref === undefined || parseImage(ref).digest !== undefined) return work(step, () => undefined);
    const known = this.#digests.get(ref);
    if (known !== undefined) {
      const digest = await known;
      return digest === undefined ? this.during(step, work) : work(pinnedStep(step, ref, digest), () => undefined);
    }
    const answer = Promise.withResolvers<string | undefined>();
    this.#digests.set(ref, answer.promise);
    let answered = false;
    // Without an answer the next step takes the lead. An answer holds even where its machine then stays unhealthy.
    const giveUp = (): void => {
      if (answered) return;
      if (this.#digests.get(ref) === answer.promise) this.#digests.delete(ref);
      answer.resolve(undefined);
    };
    try {
      return await work(step, (machine) => {
        const digest = machine.image_ref?.digest;
        if (digest === undefined || digest === '') return giveUp();
        answered = true;
        answer.resolve(digest);
      });
    } finally {
      giveUp();
    }
  }
}
