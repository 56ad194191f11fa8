/**
 * Certificates of an app's hostnames. Whether one is issued depends on what the world's name servers answer
 * (`world.dns`), looked up when a hostname is added, when somebody asks for a check, and when DNS changes.
 */
import { fieldsOf, textField } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { appOf } from '../http/access.ts';
import { answersOf, type App, type Certificate, type Instant } from '../world/records.ts';
import { nothing, ok, refusal, timestamp, type Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

const defaultLimit = 25;
const mostLimit = 500;
/** From the moment DNS is right until the certificate is there. */
const validateMs = 3000;
/** Let's Encrypt's. */
const lifetimeMs = 90 * 24 * 3600_000;
const hostnamePattern = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

type Status = 'active' | 'pending_ownership' | 'pending_validation';

/** The records that make a hostname work. */
interface Requirements {
  readonly a: readonly string[];
  readonly aaaa: readonly string[];
  readonly cname: string;
  readonly acme_challenge: { readonly name: string; readonly target: string };
  readonly ownership: { readonly name: string; readonly app_value: string; readonly org_value: string };
}

function requirementsOf(app: App, hostname: string): Requirements {
  const bare = hostname.replace(/^\*\./, '');
  const addresses = [...app.addresses.values()];
  const id = app.id.slice(0, 7);
  return {
    a: addresses.filter(({ kind }) => kind === 'v4' || kind === 'shared_v4').map(({ ip }) => ip),
    aaaa: addresses.filter(({ kind }) => kind === 'v6').map(({ ip }) => ip),
    cname: `${id}.${app.name}.fly.dev`,
    acme_challenge: { name: `_acme-challenge.${bare}`, target: `${bare}.${id}.flydns.net` },
    ownership: {
      name: `_fly-ownership.${bare}`,
      app_value: `app-${id}`,
      org_value: `org-${app.organization.number}`,
    },
  };
}

interface Validation {
  readonly dns_configured: boolean;
  readonly alpn_configured: boolean;
  readonly http_configured: boolean;
  readonly ownership_txt_configured: boolean;
}

function validationOf(world: World, app: App, { hostname }: Certificate): Validation {
  const needed = requirementsOf(app, hostname);
  const challenge = answersOf(world.dns, needed.acme_challenge.name);
  const ownership = answersOf(world.dns, needed.ownership.name);
  const address = answersOf(world.dns, hostname);
  // A wildcard cannot be reached to be asked: only DNS proves it.
  const reached =
    !hostname.startsWith('*.') && address.some((value) => [...needed.a, ...needed.aaaa, needed.cname].includes(value));
  return {
    dns_configured: challenge.includes(needed.acme_challenge.target),
    alpn_configured: reached,
    http_configured: reached,
    ownership_txt_configured:
      ownership.includes(needed.ownership.app_value) || ownership.includes(needed.ownership.org_value),
  };
}

/** Another app has the hostname too: the TXT record says whose it is. */
function isContested(world: World, app: App, hostname: string): boolean {
  return [...world.apps.values()].some((other) => other !== app && other.certificates.has(hostname));
}

function isConfigured(validation: Validation): boolean {
  return validation.dns_configured || validation.alpn_configured || validation.http_configured;
}

function statusOf(world: World, app: App, certificate: Certificate): Status {
  const validation = validationOf(world, app, certificate);
  const contested = isContested(world, app, certificate.hostname);
  if (contested && !validation.ownership_txt_configured) return 'pending_ownership';
  if (certificate.issuedAt !== undefined) return 'active';
  if (certificate.customSince === undefined) return 'pending_validation';
  return validation.ownership_txt_configured || isConfigured(validation) ? 'active' : 'pending_ownership';
}

/** Looks at DNS now; where it is right, the certificate is there a moment later. */
function validate(world: World, app: App, certificate: Certificate): void {
  const ready = (): boolean => {
    const validation = validationOf(world, app, certificate);
    const owned = validation.ownership_txt_configured || !isContested(world, app, certificate.hostname);
    return certificate.acmeRequested && isConfigured(validation) && owned;
  };
  if (certificate.issuedAt !== undefined || certificate.validating !== undefined || !ready()) return;
  certificate.validating = world.after(validateMs, () => {
    certificate.validating = undefined;
    if (!ready() || app.certificates.get(certificate.hostname) !== certificate) return;
    certificate.issuedAt = world.now();
    certificate.updatedAt = world.now();
  });
}

/**
 * The world's name servers answer `values` for `name` from now on; an empty list ends that. Certificates that wait for
 * it go on.
 */
export function answerDns(world: World, name: string, values: readonly string[]): void {
  if (values.length === 0) world.dns.delete(name.toLowerCase());
  else world.dns.set(name.toLowerCase(), values);
  for (const app of world.apps.values()) {
    for (const certificate of app.certificates.values()) validate(world, app, certificate);
  }
}

/** All that the hostname of that app needs is set up: address, challenge and ownership. */
export function answerAllDns(world: World, app: App, hostname: string): void {
  const needed = requirementsOf(app, hostname);
  const addresses = [...needed.a, ...needed.aaaa];
  if (!hostname.startsWith('*.')) answerDns(world, hostname, addresses.length > 0 ? addresses : [needed.cname]);
  answerDns(world, needed.ownership.name, [needed.ownership.app_value]);
  answerDns(world, needed.acme_challenge.name, [needed.acme_challenge.target]);
}

function summaryView(world: World, app: App, certificate: Certificate) {
  const validation = validationOf(world, app, certificate);
  return {
    hostname: certificate.hostname,
    status: statusOf(world, app, certificate),
    dns_provider: '',
    configured: isConfigured(validation),
    acme_dns_configured: validation.dns_configured,
    acme_alpn_configured: validation.alpn_configured,
    acme_http_configured: validation.http_configured,
    ownership_txt_configured: validation.ownership_txt_configured,
    acme_requested: certificate.acmeRequested,
    has_custom_certificate: certificate.customSince !== undefined,
    has_fly_certificate: certificate.issuedAt !== undefined,
    created_at: timestamp(certificate.createdAt),
    updated_at: timestamp(certificate.updatedAt),
  };
}

function issuedView(source: 'fly' | 'custom', since: Instant) {
  const expires = timestamp(since + lifetimeMs);
  const issuer = source === 'fly' ? "Let's Encrypt" : 'Custom';
  const kinds = source === 'fly' ? ['rsa', 'ecdsa'] : ['rsa'];
  return {
    source,
    status: 'active',
    created_at: timestamp(since),
    expires_at: expires,
    issuer,
    issued: kinds.map((type) => ({ type, expires_at: expires, certificate_authority: issuer })),
  };
}

function detailView(world: World, app: App, certificate: Certificate) {
  const { issuedAt, customSince } = certificate;
  const validation = validationOf(world, app, certificate);
  const isWaiting = certificate.acmeRequested && issuedAt === undefined && !isConfigured(validation);
  return {
    ...summaryView(world, app, certificate),
    certificates: [
      ...(issuedAt === undefined ? [] : [issuedView('fly', issuedAt)]),
      ...(customSince === undefined ? [] : [issuedView('custom', customSince)]),
    ],
    validation,
    dns_requirements: requirementsOf(app, certificate.hostname),
    validation_errors: isWaiting
      ? [{ message: `no DNS record of ${certificate.hostname} points to this app`, code: 'dns_not_configured' }]
      : [],
  };
}

function list(call: RequestContext): Reply {
  const app = appOf(call);
  const { query, world } = call;
  const limit = Number(query.get('limit') ?? defaultLimit);
  if (!Number.isInteger(limit) || limit < 1 || limit > mostLimit) {
    throw refusal(400, `invalid_argument: limit must be 1 to ${mostLimit}`);
  }
  const filter = query.get('filter') ?? '';
  const after = Buffer.from(query.get('cursor') ?? '', 'base64url').toString();
  const found = [...app.certificates.values()]
    .filter(({ hostname }) => hostname.includes(filter))
    .toSorted((a, b) => (a.hostname < b.hostname ? -1 : 1));
  const rest = found.filter(({ hostname }) => hostname > after);
  const shown = rest.slice(0, limit);
  const last = rest.length > limit ? (shown.at(-1)?.hostname ?? '') : '';
  return ok({
    certificates: shown.map((certificate) => summaryView(world, app, certificate)),
    ...(last === '' ? {} : { next_cursor: Buffer.from(last).toString('base64url') }),
    total_count: found.length,
  });
}

/** The hostname of the body, new in this app or there already. */
function wanted(call: RequestContext, app: App): Certificate {
  const hostname = (textField(fieldsOf(call.body), 'hostname') ?? '').toLowerCase();
  if (!hostnamePattern.test(hostname)) {
    throw refusal(422, `Validation failed: Hostname ${JSON.stringify(hostname)} is not a valid hostname`);
  }
  const now = call.world.now();
  return (
    app.certificates.get(hostname) ?? {
      hostname,
      createdAt: now,
      updatedAt: now,
      acmeRequested: false,
      issuedAt: undefined,
      customSince: undefined,
      validating: undefined,
    }
  );
}

function kept(call: RequestContext, app: App, certificate: Certificate): Reply {
  app.certificates.set(certificate.hostname, certificate);
  certificate.updatedAt = call.world.now();
  validate(call.world, app, certificate);
  return { status: 201, body: detailView(call.world, app, certificate) };
}

function addAcme(call: RequestContext): Reply {
  const app = appOf(call);
  const certificate = wanted(call, app);
  if (certificate.acmeRequested) {
    throw refusal(422, `Validation failed: Hostname already exists on app: ${certificate.hostname}`);
  }
  certificate.acmeRequested = true;
  return kept(call, app, certificate);
}

function addCustom(call: RequestContext): Reply {
  const app = appOf(call);
  const certificate = wanted(call, app);
  const fields = fieldsOf(call.body);
  if (!(textField(fields, 'fullchain') ?? '').includes('-----BEGIN CERTIFICATE-----')) {
    throw refusal(422, 'invalid_argument: fullchain holds no PEM certificate');
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(textField(fields, 'private_key') ?? '')) {
    throw refusal(422, 'invalid_argument: private_key holds no PEM key');
  }
  certificate.customSince = call.world.now();
  return kept(call, app, certificate);
}

function certificateOf(call: RequestContext, app: App): Certificate {
  const certificate = app.certificates.get((call.params['hostname'] ?? '').toLowerCase());
  if (certificate === undefined) throw refusal(404, 'not_found: certificate not found');
  return certificate;
}

/** What DNS answers now beside what it should. */
function check(call: RequestContext): Reply {
  const app = appOf(call);
  const { world } = call;
  const certificate = certificateOf(call, app);
  validate(world, app, certificate);
  const needed = requirementsOf(app, certificate.hostname);
  const values = answersOf(world.dns, certificate.hostname);
  const [challenge] = answersOf(world.dns, needed.acme_challenge.name);
  const [ownership] = answersOf(world.dns, needed.ownership.name);
  return ok({
    ...detailView(world, app, certificate),
    dns_records: {
      a: values.filter((value) => /^[\d.]+$/.test(value)),
      aaaa: values.filter((value) => value.includes(':')),
      cname: values.filter((value) => /[a-z]/i.test(value) && !value.includes(':')),
      ...(challenge === undefined ? {} : { acme_challenge_cname: challenge }),
      ...(ownership === undefined ? {} : { ownership_txt: ownership }),
      resolved_addresses: values.filter((value) => /^[\d.]+$/.test(value) || value.includes(':')),
    },
  });
}

function remove(call: RequestContext): Reply {
  const app = appOf(call);
  const certificate = certificateOf(call, app);
  certificate.validating?.();
  app.certificates.delete(certificate.hostname);
  // Another app that claims the hostname may be the only one now.
  answerDns(call.world, certificate.hostname, answersOf(call.world.dns, certificate.hostname));
  return nothing;
}

function removeAcme(call: RequestContext): Reply {
  const app = appOf(call);
  const certificate = certificateOf(call, app);
  certificate.validating?.();
  certificate.validating = undefined;
  certificate.acmeRequested = false;
  certificate.issuedAt = undefined;
  certificate.updatedAt = call.world.now();
  return ok(detailView(call.world, app, certificate));
}

function removeCustom(call: RequestContext): Reply {
  const app = appOf(call);
  const certificate = certificateOf(call, app);
  if (certificate.customSince === undefined) throw refusal(404, 'not_found: no custom certificate');
  certificate.customSince = undefined;
  certificate.updatedAt = call.world.now();
  const covered = certificate.issuedAt !== undefined;
  const warning = covered ? '' : `${certificate.hostname} has no certificate now`;
  return ok({ ...detailView(call.world, app, certificate), warning });
}

export const certificateRoutes: readonly Route[] = [
  { operation: 'GET /apps/{app}/certificates', handle: list },
  { operation: 'POST /apps/{app}/certificates/acme', handle: addAcme },
  { operation: 'POST /apps/{app}/certificates/custom', handle: addCustom },
  {
    operation: 'GET /apps/{app}/certificates/{hostname}',
    handle(call) {
      const app = appOf(call);
      return ok(detailView(call.world, app, certificateOf(call, app)));
    },
  },
  { operation: 'DELETE /apps/{app}/certificates/{hostname}', handle: remove },
  { operation: 'POST /apps/{app}/certificates/{hostname}/check', handle: check },
  { operation: 'DELETE /apps/{app}/certificates/{hostname}/acme', handle: removeAcme },
  { operation: 'DELETE /apps/{app}/certificates/{hostname}/custom', handle: removeCustom },
];
