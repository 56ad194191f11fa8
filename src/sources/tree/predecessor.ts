import { label } from '../../../schemas/written.ts';
import { Fault } from '../../model/base/fault.ts';
import { shortHashDigits } from '../../model/base/text.ts';
import type { Predecessor } from '../../model/stamps/predecessor.ts';
import { withoutCredentials } from './location.ts';
import { addressHash, canonicalAddress } from './origin.ts';
import { shellWord } from '../../model/base/shell.ts';

/** As holds print an origin, or more of it; fewer digits may mean two repos. */
const originDigits = new RegExp(`^(?:o1:)?([0-9a-f]{${shortHashDigits},64})$`);
const fleetName = label();

/**
 * The earlier owner that a person means: a config repo by its address in any spelling, or by its origin, or a fleet by its name.
 * Throws a stalled Fault for what is none of them.
 */
export function predecessorOf(text: string): Predecessor {
  const origin = originDigits.exec(text)?.[1];
  const isName = fleetName.safeParse(text).success;
  if (origin !== undefined || isName) return { text, name: isName ? text : undefined, digits: origin };
  const address = canonicalAddress(text) ?? canonicalAddress(`https://${text}`);
  if (address !== undefined) return { text: withoutCredentials(text), name: undefined, digits: addressHash(address) };
  throw new Fault({
    kind: 'stalled',
    what: `--from ${shellWord(withoutCredentials(text))} is not an owner`,
    why: `expected a repo address that works on any machine, an origin (${shortHashDigits}+ hex digits) or a fleet name`,
    next: 'copy it from the hold: flycd why APP',
  });
}
