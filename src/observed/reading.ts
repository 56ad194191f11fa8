import { FlyError } from '../fly/error.ts';
import { toFault } from '../model/fault.ts';
import type { Reading } from '../model/observed.ts';

/**
 * What Fly said, or why it could not be read. Two things are thrown on: a refused token (nothing else can be read
 * either) and a cancelled signal (nobody waits for the answer).
 */
export async function read<T>(asking: Promise<T>): Promise<Reading<T>> {
  try {
    return { status: 'read', value: await asking };
  } catch (error) {
    if (endsObservation(error)) throw error;
    return { status: 'unread', reason: toFault(error, 'Fly could not be read').message };
  }
}

function endsObservation(error: unknown): boolean {
  if (error instanceof FlyError) return error.status === 401;
  return error instanceof Error && error.name === 'AbortError';
}
