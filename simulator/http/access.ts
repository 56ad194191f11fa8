import { fieldsOf, type Fields } from '../wire/body.ts';
import type { App, TokenGrant } from '../world/records.ts';
import { refusal } from '../wire/replies.ts';
import type { World } from '../world/world.ts';
import type { RequestContext } from './request-context.ts';

/** 404 for a free name, 403 where the app is another organization's. */
export function appOf(call: RequestContext): App {
  return appNamed(call, call.params['app'] ?? '');
}

/** What a request into an app works with. */
export function requestIn(call: RequestContext): { readonly app: App; readonly world: World; readonly fields: Fields } {
  return { app: appOf(call), world: call.world, fields: fieldsOf(call.body) };
}

export function appNamed(call: RequestContext, name: string): App {
  const app = call.world.apps.get(name);
  if (app === undefined) throw refusal(404, `Could not find App "${name}"`);
  if (!reaches(call.grant, app)) throw refusal(403, 'unauthorized');
  return app;
}

export function reaches(grant: TokenGrant, app: App): boolean {
  return grant.organizations.includes(app.organization.slug) && (grant.app === undefined || grant.app === app.id);
}

/** The organization of the path or query: 404 unknown, 403 out of the token's reach or wider than a deploy token's. */
export function organizationOf(call: RequestContext, slug: string) {
  const organization = visibleOrganization(call, slug);
  if (call.grant.app !== undefined) throw refusal(403, 'unauthorized');
  return organization;
}

/** To be named and described; a deploy token sees that of its app. */
export function visibleOrganization(call: RequestContext, slug: string) {
  const organization = call.world.organizations.get(slug);
  if (organization === undefined) throw refusal(404, `Could not find Organization "${slug}"`);
  if (!call.grant.organizations.includes(slug)) throw refusal(403, 'unauthorized');
  return organization;
}
