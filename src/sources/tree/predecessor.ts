import { Fault } from '../../model/base/fault.ts';
import type { Predecessor } from '../../model/stamps/predecessor.ts';
import { withoutCredentials } from './location.ts';
import { addressHash, canonicalAddress } from './origin.ts';

/** As holds print an origin, or more of it; fewer digits may mean two repos. */
const originDigits = /^(?:o1:)?([0-9a-f]{12,64})$/;
const fleetName = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/**
 * The earlier owner that a person means: a config repo by its address in any spelling, or by its origin, or a fleet by its name.
 * Throws a stalled Fault for what is none of them.
 */
export function predecessorOf(text: string): Predecessor {
  const origin = originDigits.exec(text)?.[1];
  if (origin !== undefined || fleetName.test(text))
    return { text, name: fleetName.test(text) ? text : undefined, digits: origin };
  const address = canonicalAddress(text) ?? canonicalAddress(`https://${text}`);
  if (address !== undefined) return { text: withoutCredentials(text), name: undefined, digits: addressHash(address) };
  throw new Fault({
    kind: 'stalled',
    what: `${withoutCredentials(text)} is no earlier owner`,
    why: 'it is neither the address of a repository that means the same on every machine, nor an origin, nor the name of a fleet',
    next: 'give what the hold prints: flycd why APP',
  });
}
