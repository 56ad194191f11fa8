import { fieldsOf, isObject, textField } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { appNamed, appOf, visibleOrganization } from '../http/access.ts';
import { parseDuration } from '../wire/duration.ts';
import type { LimitedToken, Organization } from '../world/records.ts';
import { ok, refusal, type Reply } from '../wire/replies.ts';

/** 20 years, where the client does not say. */
const defaultExpiry = '175200h';

/** What a token of a profile reaches: its organization, or one app that the parameters name by id. */
const profiles = { deploy_organization: 'organization', deploy: 'app' } as const;

export interface WantedToken {
  readonly name: string;
  readonly organization: Organization;
  readonly profile: string;
  readonly profileParams?: unknown;
  /** As Go writes durations. */
  readonly expiry?: string | null;
}

/** Makes a token that works at once. A deploy token makes no others. */
export function makeToken(call: RequestContext, wanted: WantedToken): LimitedToken {
  const { world, grant } = call;
  if (grant.app !== undefined) throw refusal(403, 'Not authorized to create tokens');
  const { organization, profile } = wanted;
  visibleOrganization(call, organization.slug);
  if (!isProfile(profile)) throw refusal(422, `Profile ${JSON.stringify(profile)} is unknown`);
  const expiry = parseDuration(wanted.expiry || defaultExpiry);
  if (expiry === undefined || expiry <= 0) throw refusal(422, `Expiry ${JSON.stringify(wanted.expiry)} is no duration`);
  const app = profiles[profile] === 'app' ? appIdOf(call, wanted) : undefined;
  const nth = world.limitedTokens.size;
  const token: LimitedToken = {
    id: world.chance.hex(['limited token id', nth], 16),
    name: wanted.name,
    token: `fm2_${world.chance.hex(['limited token', nth], 40)}`,
    organization,
    profile,
    profileParams: wanted.profileParams ?? null,
    user: grant.owner,
    createdAt: world.now(),
    expiresAt: world.now() + expiry / 1e6,
    revokedAt: undefined,
    app,
  };
  world.limitedTokens.set(token.id, token);
  world.grantToken(token.token, {
    organizations: [organization.slug],
    readOnly: false,
    expiresAt: token.expiresAt,
    ...(app === undefined ? {} : { app }),
  });
  return token;
}

const isProfile = (text: string): text is keyof typeof profiles => Object.hasOwn(profiles, text);

function appIdOf(call: RequestContext, { organization, profileParams }: WantedToken): string {
  const id = isObject(profileParams) ? profileParams['app_id'] : undefined;
  const app = [...organization.apps.values()].find((one) => one.id === id);
  if (app === undefined)
    throw refusal(422, `Profile deploy: app_id ${JSON.stringify(id)} is no app of the organization`);
  return appNamed(call, app.name).id;
}

/** It answers 401 from now on, and stays in the lists. */
export function revokeToken(call: RequestContext, id: string | undefined, text: string | undefined): LimitedToken {
  const token = [...call.world.limitedTokens.values()].find((one) => one.id === id || one.token === text);
  if (token === undefined || !call.grant.organizations.includes(token.organization.slug)) {
    throw refusal(404, 'Could not find LimitedAccessToken');
  }
  token.revokedAt ??= call.world.now();
  call.world.tokens.delete(token.token);
  return token;
}

function makeDeployToken(call: RequestContext): Reply {
  const app = appOf(call);
  const { token } = makeToken(call, {
    name: 'Deploy token',
    organization: app.organization,
    profile: 'deploy',
    profileParams: { app_id: app.id },
    expiry: textField(fieldsOf(call.body), 'expiry') ?? null,
  });
  return ok({ token: `FlyV1 ${token}` });
}

export const tokenRoutes: readonly Route[] = [{ operation: 'POST /apps/{app}/deploy_token', handle: makeDeployToken }];
