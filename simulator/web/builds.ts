import type { RequestContext, Route } from '../http/request-context.ts';
import { refusal, type Reply } from '../wire/replies.ts';

/** 501, which no client tries again. `fly deploy --image` asks too and goes on with a warning. */
function nothingBuilt(_call: RequestContext): Reply {
  throw refusal(501, 'the simulator builds no images: deploy one that is built already with --image');
}

export const buildRoutes: readonly Route[] = [
  { operation: 'POST /api/v1/builds', handle: nothingBuilt },
  { operation: 'POST /api/v1/builds/finish', handle: nothingBuilt },
  { operation: 'POST /api/v1/builds/depot_builder', handle: nothingBuilt },
  { operation: 'POST /api/v1/organizations/{org}/builders', handle: nothingBuilt },
];
