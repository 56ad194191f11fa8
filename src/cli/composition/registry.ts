import { authorizationsOf } from '../../fly/http/token.ts';
import { SecretValue, type Redactor } from '../../model/base/secret-value.ts';
import type { RegistryCredentials } from '../../oci/registry.ts';
import { flyToken, variable, type Io } from '../shell/io.ts';

export const flyRegistry = 'registry.fly.io';
/** Any will do: the password says who asks. */
const user = 'x';

export interface RegistryAccess {
  /** FLY_REGISTRY_HOST, or Fly's own. */
  readonly host: string;
  readonly credentials: RegistryCredentials;
}

/** Fly's registry and the token of Fly, which is for no other registry. Throws a stalled Fault for a token that cannot be used. */
export function registryAccess(io: Pick<Io, 'env'>, redactor: Redactor): RegistryAccess {
  const host = variable(io.env, 'FLY_REGISTRY_HOST') ?? flyRegistry;
  const token = flyToken(io);
  const password = token === undefined ? undefined : new SecretValue(authorizationsOf(token, redactor).registry);
  return {
    host,
    credentials: (asked) => (asked === host && password !== undefined ? { user, password } : undefined),
  };
}
