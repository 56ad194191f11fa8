/** An address is given up for another one: not while nobody knows whether that one is there. */
import { expect, test } from 'vitest';
import { defaultPolicy } from '../../../src/model/base/policy.ts';
import { desiredApp, group, webService } from '../../plan/builders.ts';
import { fleetOf, ownFly } from '../reconcilers.ts';

const fly = ownFly();
const { signal } = new AbortController();
const policy = { ...defaultPolicy, prune: ['addresses'] as const };

function wanting(version: 'v4' | 'v6') {
  const rest = { shared: false, private: false, region: undefined, network: undefined, org: undefined };
  const network = { ...desiredApp().network, ips: [{ ...rest, version }] };
  const groups = [group({ counts: { arn: 1 }, config: { services: [webService] } })];
  const app = desiredApp({ name: 'shop', inputs: version, policy, groups, network });
  return fleetOf({ apps: [app], policy, revision: (version === 'v4' ? 'b' : 'a').repeat(40) });
}

test.each(['503', 'reset-before', 'reset-after'] as const)(
  'the loop releases nothing in the minute in which the answer of an allocation is open: %s',
  async (fault) => {
    let wanted = wanting('v6');
    const reconciler = fly.reconciler(() => wanted);
    const pass = async (): Promise<void> => {
      await reconciler.reconcile('shop', 'timer', signal);
      await fly.clock.sleep(5000);
    };
    await reconciler.refresh(signal);
    for (let passes = 0; passes < 3; passes += 1) await pass();
    const { world } = fly.simulator;
    const addresses = (): readonly string[] => [...(world.apps.get('shop')?.addresses.keys() ?? [])];
    const [old = ''] = addresses();
    expect(old).toContain(':');
    wanted = wanting('v4');
    await reconciler.refresh(signal);
    // Fly hangs while it makes one, and lists show it as late.
    world.lag.set({ listMs: 20_000 });
    world.faults.add({ template: 'POST /apps/{app}/ip_assignments', times: 1, fault });
    let fewest = Infinity;
    world.onRequest = () => {
      fewest = Math.min(fewest, addresses().length);
    };
    for (let passes = 0; passes < 40; passes += 1) await pass();
    expect(fewest).toBe(1);
    expect(addresses()).toHaveLength(1);
    expect(addresses()[0]).not.toContain(':');
  },
);
