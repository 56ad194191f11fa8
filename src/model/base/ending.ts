import type { Clock } from './clock.ts';

/**
 * As Promise.all, but what fails ends nothing early: all of them have come to an end before the first failure is thrown, so that
 * nothing goes on behind the caller's back.
 */
export async function allEnded<T extends readonly unknown[] | []>(
  work: T,
): Promise<{ -readonly [Key in keyof T]: Awaited<T[Key]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/**
 * true: the work came to an end, well or not, within `ms` milliseconds (default: whenever) and before the signal's abort. It goes
 * on otherwise.
 */
export async function endsWithin(
  clock: Pick<Clock, 'timer'>,
  work: Promise<unknown>,
  { ms, signal }: { readonly ms?: number; readonly signal?: AbortSignal },
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const ended = (): void => resolve(true);
  work.then(ended, ended);
  const cancel = ms === undefined ? undefined : clock.timer(ms, () => resolve(false));
  const onAbort = (): void => resolve(false);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    cancel?.();
    signal?.removeEventListener('abort', onAbort);
  }
}
