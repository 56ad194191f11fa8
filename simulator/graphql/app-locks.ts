import type { App, AppLock } from '../world/records.ts';
import { refusal } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** A lock that nobody takes back ends by itself. */
const lockMs = 5 * 60_000;

/** Refused while somebody else has it. It is a note: nothing that changes the app asks for it. */
export function lockApp(world: World, app: App): AppLock {
  if (heldLock(world, app) !== undefined) throw refusal(422, `App ${app.name} is locked already`);
  app.lock = { id: world.draw(app, 'lock', 16), expiresAt: world.now() + lockMs };
  return app.lock;
}

export function unlockApp(world: World, app: App, id: string): void {
  if (heldLock(world, app)?.id !== id) throw refusal(422, `App ${app.name} is not locked by ${id}`);
  app.lock = undefined;
}

/** undefined once its time is over. */
export function heldLock(world: World, app: App): AppLock | undefined {
  return app.lock !== undefined && app.lock.expiresAt > world.now() ? app.lock : undefined;
}
