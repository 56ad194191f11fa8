import { Fault } from '../../model/base/fault.ts';
import type { Redactor } from '../../model/base/secret-value.ts';

const macaroon = /^(fm1r|fm1a|fm2)_/;
const next = 'Make one with `fly tokens create org` and set FLY_API_TOKEN.';

/** One token in the form that each of Fly's interfaces takes it. */
export interface Authorizations {
  /** `FlyV1` and all macaroons, user tokens left out; without a macaroon `Bearer` and the token. */
  readonly machines: string;
  /** Always `Bearer`: macaroons, then user tokens. */
  readonly web: string;
  /** Password for the image registry: all macaroons, else the token. */
  readonly registry: string;
}

/**
 * The Authorization headers as flyctl sends them. Teaches the redactor the token and each of its parts.
 * Throws a stalled Fault for a token that cannot be a header, without repeating it.
 */
export function authorizationsOf(token: string, redactor: Redactor): Authorizations {
  const bare = token.trim().replace(/^(FlyV1|Bearer)\s+/i, '');
  if (bare === '') throw new Fault({ kind: 'stalled', what: 'There is no token for Fly', next });
  const parts = bare.split(',').map((part) => part.trim());
  for (const text of [token.trim(), bare, ...parts]) redactor.learn(text);
  if (!parts.every((part) => /^[\u0021-\u007e]*$/.test(part))) {
    const why = 'it holds spaces, line breaks or characters that cannot be sent';
    throw new Fault({ kind: 'stalled', what: 'The token for Fly cannot be used', why, next });
  }
  const macaroons = parts.filter((part) => macaroon.test(part));
  const others = parts.filter((part) => !macaroon.test(part));
  const web = `Bearer ${[...macaroons, ...others].join(',')}`;
  const registry = (macaroons.length > 0 ? macaroons : others).join(',');
  return { machines: macaroons.length > 0 ? `FlyV1 ${registry}` : web, web, registry };
}
