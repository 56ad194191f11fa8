import { regions } from '../schemas/fly/presets.ts';
import type { Call, Route } from './calls.ts';
import { ok, type Reply } from './replies.ts';

const nearest = 'ams';
/** Machines a region still takes: never the limit here. */
const capacity = 10_000;

function regionList(): Reply {
  return ok({
    nearest,
    regions: Object.entries(regions).map(([code, name]) => ({
      code,
      name,
      gateway_available: true,
      requires_paid_plan: false,
      deprecated: false,
      mpg_available: true,
      capacity,
    })),
  });
}

/** One entry for each organization the token reaches. */
function currentTokens(call: Call): Reply {
  return ok({
    tokens: call.grant.organizations.map((slug) => ({
      token_id: call.grant.id,
      org_slug: slug,
      organization: call.world.organizations.get(slug)?.name ?? slug,
      apps: [],
      user: call.grant.owner,
      restricted_to_machine: '',
      source_machine_id: '',
    })),
  });
}

export const platformRoutes: readonly Route[] = [
  { operation: 'GET /platform/regions', handle: regionList },
  { operation: 'GET /tokens/current', handle: currentTokens },
];
