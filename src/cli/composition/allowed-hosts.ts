import { createHostGuard, type HostGuard } from '../../http/guard.ts';
import { parseAllowedHosts } from '../../http/hosts.ts';
import { readProxies } from '../../http/proxies.ts';
import { Fault } from '../../model/base/fault.ts';
import { variable, type Io } from '../shell/io.ts';
import { credentialHosts } from './git-access.ts';
import { flyRegistry } from './registry.ts';
import type { OperatorSettings } from './settings.ts';

/** Where the operator has put Fly, for a simulator say: URLs, and the registry as a host. */
const flyVariables = ['FLY_API_BASE_URL', 'FLY_FLAPS_BASE_URL', 'FLY_UIEX_BASE_URL', 'FLY_REGISTRY_HOST'];

/**
 * Where addresses in config files may lead: public hosts, Fly, hosts that the operator gave a credential for, and what they allow
 * in `allow_hosts` of their own flycd.yaml and in FLYCD_ALLOW_HOSTS. Throws a stalled Fault for a text that names no host.
 */
export function hostGuard(io: Pick<Io, 'env' | 'fetch' | 'clock'>, settings: OperatorSettings): HostGuard {
  const ofVariable = (variable(io.env, 'FLYCD_ALLOW_HOSTS') ?? '').split(/[\s,]+/).filter((text) => text !== '');
  const allowed = parseAllowedHosts([...(settings.written.allow_hosts ?? []), ...ofVariable]);
  if ('wrong' in allowed) throw noHost(allowed.wrong, ofVariable.includes(allowed.wrong));
  const ofFly = flyVariables.flatMap((name) => hostOf(variable(io.env, name)) ?? []);
  return createHostGuard({
    allowed,
    exempt: new Set([flyRegistry, ...ofFly, ...credentialHosts(io, settings)]),
    fetch: io.fetch,
    proxyOf: readProxies(io.env),
    clock: io.clock,
  });
}

function hostOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = text.includes('://') ? text : `https://${text}`;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

function noHost(text: string, isOfVariable: boolean): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${isOfVariable ? 'FLYCD_ALLOW_HOSTS' : 'allow_hosts in flycd.yaml'} is wrong`,
    why: `${JSON.stringify(text)} is no host name, address or CIDR`,
    next: 'write names (git.corp.internal, *.corp.internal), addresses (10.0.0.7) or ranges (10.0.0.0/8)',
  });
}
