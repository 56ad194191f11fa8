import type { Machine } from '../../schemas/fly/machine.ts';
import { releaseCommandGroup } from '../../schemas/fly/presets.ts';
import { momentOf } from '../../src/model/base/moment.ts';
import { byText } from '../../src/model/base/text.ts';
import { flyctlKeys } from '../../src/model/stamps/keys.ts';
import { isOwn, otherOwner } from '../../src/model/stamps/owner.ts';
import { metadataOf, groupOf, isGone, isHostOk } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from './app-pass.ts';
import { checkBasis, checkMachine } from './basis.ts';
import { checkOwner } from './beginning.ts';
import { holdLease } from './lease.ts';

/**
 * Fly has no lease on an app: its lowest machine's is the lock for whoever creates something, since two that create at
 * once would each count what the other has not made yet. An app without machines of its groups has none; there names must
 * do: a stranger's machine is not FlyCD's to hold. Throws a held Fault where another owner has begun the app meanwhile, and
 * a waiting one where the app is not as it was planned any more.
 * `except`: a machine that is about to go.
 */
export async function lockApp(pass: AppPass, except?: string): Promise<void> {
  if (pass.lock !== undefined) return pass.lock.check();
  const { app, fleet } = pass;
  const askedAt = momentOf(pass.services.clock);
  const machines = await pass.services.fly.machines(app.name);
  checkOwner(pass, machines, askedAt);
  checkBasis(pass, machines);
  pass.heardAt = askedAt;
  const named = new Set(app.groups.map((group) => group.name));
  const isIts = (machine: Machine): boolean => {
    const metadata = metadataOf(machine);
    const byFlyctl = metadata[flyctlKeys.platformVersion] === 'v2' && named.has(groupOf(metadata) ?? '');
    // One that runs a release command is gone before the pass is over.
    const stays = groupOf(metadata) !== releaseCommandGroup;
    return stays && (isOwn(metadata, fleet) || (byFlyctl && otherOwner(metadata, fleet) === undefined));
  };
  const lowest = machines
    // One on a host that does not answer cannot be leased, and new machines are what makes up for it.
    .filter((machine) => isIts(machine) && !isGone(machine) && isHostOk(machine) && machine.id !== except)
    .toSorted((a, b) => byText(a.id, b.id))[0];
  if (lowest === undefined) return;
  pass.lock = await holdLease(pass, lowest.id);
  // Lists lag: whoever held the lock a moment ago may have moved what they show as it was.
  const live = await pass.services.fly.machine(app.name, lowest.id);
  if (live !== undefined) checkMachine(pass, live);
}
