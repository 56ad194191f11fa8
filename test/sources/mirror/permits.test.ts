import { describe, expect, test } from 'vitest';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { GitError } from '../../../src/sources/git/git-command.ts';
import { createPermits, type RemoteCall } from '../../../src/sources/mirror/permits.ts';

const askTimeoutMs = 30_000;

interface Made {
  /** When it ended, seconds from the start; undefined: not yet. */
  endedAt: number | undefined;
  late: boolean;
  error: unknown;
  begun: number;
  readonly end: Promise<void>;
}

/** A network of which each call says when it is answered; time stands still for nobody. */
function network(clock: IdleClock = new IdleClock()) {
  const permits = createPermits(clock);
  const start = clock.monotonic();
  const seconds = (): number => (clock.monotonic() - start) / 1000;
  let children = 0;
  let most = 0;

  interface Call {
    readonly host?: string;
    /** undefined: it gets no answer, and gives up after 30 s. */
    readonly answersAfterMs?: number | undefined;
    readonly isWaitedFor?: boolean;
    readonly isMoving?: boolean;
    readonly isLate?: boolean;
  }

  function call({ host = 'one.example', answersAfterMs, isWaitedFor, isMoving = false, isLate = false }: Call): Made {
    const made: Made = { endedAt: undefined, late: isLate, error: undefined, begun: 0, end: Promise.resolve() };
    const remote: RemoteCall = {
      host,
      isLate: () => made.late,
      late: isWaitedFor === true ? undefined : () => (made.late = true),
      patienceMs: 10_000,
      isMoving: () => isMoving,
    };
    const work = async (ended: Promise<never>): Promise<void> => {
      made.begun += 1;
      children += 1;
      most = Math.max(most, children);
      try {
        const timeout = clock.sleep(answersAfterMs ?? askTimeoutMs).then(() => {
          if (answersAfterMs === undefined) throw new GitError('no answer within 30 s', 'timeout');
        });
        await Promise.race([timeout, ended]);
      } finally {
        children -= 1;
      }
    };
    const end = permits(remote, work).then(
      () => undefined,
      (error: unknown) => void (made.error = error),
    );
    return Object.assign(made, { end: end.then(() => void (made.endedAt = seconds())) });
  }

  return {
    clock,
    call,
    seconds,
    most: () => most,
    many: (count: number, what: Call) => Array.from({ length: count }, () => call(what)),
  };
}

describe('turns at the network', () => {
  test('are taken by four at once', async () => {
    const { many, most } = network();
    for (const { end } of many(9, { answersAfterMs: 1_000 })) await end;
    expect(most()).toBe(4);
  });

  test.each([3, 5, 12, 13, 40])('are not kept by %i calls that get no answer', async (hanging) => {
    const { many, call, most, seconds } = network();
    const silent = many(hanging, { host: 'silent.example' });
    const others = ['a', 'b', 'c', 'd', 'e'].map((name) => call({ host: `${name}.example`, answersAfterMs: 500 }));
    for (const { end } of others) await end;
    // A turn is 3 s, and each of the others takes half a second; a host of which sixteen got no answer is passed by.
    expect(seconds()).toBeLessThanOrEqual(Math.ceil(Math.min(hanging, 16) / 4) * 3 + 3);
    expect(others.map(({ error, late }) => ({ error, late }))).toEqual(
      others.map(() => ({ error: undefined, late: false })),
    );
    for (const { end } of silent) await end;
    expect(silent.every(({ late }) => late)).toBe(true);
    expect(most()).toBeLessThanOrEqual(12);
  });

  test('are not kept where the same host answers others', async () => {
    const { many, call, seconds } = network();
    const silent = many(10, {});
    const well = call({ answersAfterMs: 500 });
    await well.end;
    expect(seconds()).toBeLessThanOrEqual(7);
    expect(well.late).toBe(false);
    for (const { end } of silent) await end;
  });

  test('are not needed by what is late: it goes on beside the others', async () => {
    const { many, call, seconds, most } = network();
    const late = many(30, { isLate: true });
    const well = call({ answersAfterMs: 500 });
    await well.end;
    expect(seconds()).toBe(0.5);
    for (const { end } of late) await end;
    expect(most()).toBe(9);
  });

  test('what has not been asked yet comes before what has not answered', async () => {
    const { many, call, clock } = network();
    const late = many(20, { isLate: true });
    const silent = many(16, {});
    await clock.sleep(25_000);
    const passedBy = call({ answersAfterMs: 500 });
    await passedBy.end;
    expect(passedBy.late).toBe(true);
    expect(late.filter(({ endedAt }) => endedAt !== undefined).length).toBeLessThanOrEqual(8);
    for (const { end } of [...late, ...silent]) await end;
    const after = call({ answersAfterMs: 500 });
    await after.end;
    expect(after.late).toBe(false);
  });

  test('are kept by what is waited for, however long, and by what still comes', async () => {
    const { many, most } = network();
    const calls = [
      ...many(20, { isWaitedFor: true, answersAfterMs: 20_000 }),
      ...many(20, { isMoving: true, answersAfterMs: 120_000 }),
    ];
    for (const { end } of calls) await end;
    expect(calls.map(({ begun, error }) => ({ begun, error }))).toEqual(
      calls.map(() => ({ begun: 1, error: undefined })),
    );
    expect(most()).toBeLessThanOrEqual(12);
  });

  test('what still comes is late all the same, so that nobody waits for minutes', async () => {
    const { call, clock } = network();
    const large = call({ isMoving: true, answersAfterMs: 120_000 });
    await clock.sleep(9_000);
    expect(large.late).toBe(false);
    await clock.sleep(2_000);
    expect(large.late).toBe(true);
    await large.end;
    expect(large).toMatchObject({ begun: 1, error: undefined });
  });

  test('leave nothing on the clock', async () => {
    const { many, clock } = network();
    for (const { end } of many(30, {})) await end;
    for (const { end } of many(3, { answersAfterMs: 10 })) await end;
    expect(clock.pending).toBe(0);
  });
});
