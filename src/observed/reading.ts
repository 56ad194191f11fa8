import { FlyError } from '../fly/http/error.ts';
import { isFleetWide, toFault } from '../model/base/fault.ts';
import type { Reading } from '../model/observed.ts';

/** What Fly said, or why it could not be read. A refused token alone is thrown on: nothing else can be read either. */
export async function read<T>(asking: Promise<T>): Promise<Reading<T>> {
  try {
    return { status: 'read', value: await asking };
  } catch (error) {
    if (isRefusedToken(error)) throw error;
    return unreadFor(error);
  }
}

/** For what is only good to know: not even a refused token is more than a reason, for it may do for all the rest. */
export async function readIfPossible<T>(asking: Promise<T>): Promise<Reading<T>> {
  try {
    return { status: 'read', value: await asking };
  } catch (error) {
    return unreadFor(error);
  }
}

function unreadFor(error: unknown): Reading<never> {
  const { message: reason } = toFault(error, 'Fly could not be read');
  const retryAt = error instanceof FlyError ? error.leftAloneUntil : undefined;
  return retryAt === undefined ? { status: 'unread', reason } : { status: 'unread', reason, retryAt };
}

function isRefusedToken(error: unknown): boolean {
  return error instanceof FlyError && isFleetWide(error);
}
