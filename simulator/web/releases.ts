import { fieldsOf, isObject, textField } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { appNamed, appOf, reaches } from '../http/access.ts';
import type { App, Release, ReleaseStatus } from '../world/records.ts';
import { ok, refusal, timestamp, type Reply } from '../wire/replies.ts';

const strategies: ReadonlySet<string> = new Set([
  'BLUEGREEN',
  'CANARY',
  'IMMEDIATE',
  'ROLLING',
  'ROLLING_ONE',
  'SIMPLE',
]);
const statuses: ReadonlySet<string> = new Set(['pending', 'running', 'complete', 'failed', 'interrupted']);
const isStatus = (text: string): text is ReleaseStatus => statuses.has(text);
const releasesDefault = 25;

export interface WantedRelease {
  readonly definition: unknown;
  readonly image: string;
  readonly strategy: string;
  readonly description?: string;
}

/** The next version of the app. The first one makes it deployed. */
export function createRelease(call: RequestContext, app: App, wanted: WantedRelease): Release {
  if (!strategies.has(wanted.strategy)) {
    throw refusal(422, `Validation failed: strategy ${JSON.stringify(wanted.strategy)} is unknown`);
  }
  const now = call.world.now();
  const release: Release = {
    id: call.world.draw(app, 'release', 20),
    app,
    version: (app.releases[0]?.version ?? 0) + 1,
    definition: wanted.definition,
    image: wanted.image,
    strategy: wanted.strategy,
    description: wanted.description ?? 'Release',
    user: call.grant.owner,
    createdAt: now,
    updatedAt: now,
    status: 'pending',
    metadata: undefined,
  };
  app.releases.unshift(release);
  if (app.status === 'pending') app.status = 'deployed';
  return release;
}

/** Setting the status it has already is no error: clients send it again when an answer was lost. */
export function updateRelease(
  call: RequestContext,
  release: Release,
  change: { readonly status: string | undefined; readonly metadata: unknown },
): void {
  const { status, metadata } = change;
  if (status !== undefined) {
    if (!isStatus(status)) throw refusal(422, `Validation failed: status ${JSON.stringify(status)} is unknown`);
    release.status = status;
  }
  if (isObject(metadata)) release.metadata = metadata;
  release.updatedAt = call.world.now();
}

/** 404 also where the release is of an app out of the token's reach. */
export function releaseOf(call: RequestContext, id: string): Release {
  for (const app of call.world.apps.values()) {
    const release = app.releases.find((one) => one.id === id);
    if (release !== undefined && reaches(call.grant, app)) return release;
  }
  throw refusal(404, `Could not find Release "${id}"`);
}

export const isInProgress = (release: Release): boolean => release.status === 'pending' || release.status === 'running';

function view(release: Release) {
  return {
    id: release.id,
    version: release.version,
    stable: release.status === 'complete',
    in_progress: isInProgress(release),
    status: release.status,
    strategy: release.strategy,
    user: release.user,
    created_at: timestamp(release.createdAt),
    image_ref: release.image,
  };
}

function create(call: RequestContext): Reply {
  const fields = fieldsOf(call.body);
  const release = createRelease(call, appNamed(call, textField(fields, 'app_name') ?? ''), {
    definition: fields['definition'] ?? null,
    image: textField(fields, 'image') ?? '',
    strategy: textField(fields, 'strategy') ?? '',
  });
  return { status: 201, body: { release: view(release) } };
}

function update(call: RequestContext): Reply {
  const fields = fieldsOf(call.body);
  const release = releaseOf(call, call.params['release'] ?? '');
  updateRelease(call, release, { status: textField(fields, 'status'), metadata: fields['metadata'] });
  return ok(view(release));
}

/** Newest first. */
function list(call: RequestContext): Reply {
  const limit = Number(call.query.get('limit') ?? releasesDefault);
  if (!Number.isInteger(limit) || limit < 1) throw refusal(400, 'limit must be a positive number');
  return ok({ releases: appOf(call).releases.slice(0, limit).map(view) });
}

/** The newest one, however it went. */
function current(call: RequestContext): Reply {
  const [release] = appOf(call).releases;
  if (release === undefined) throw refusal(404, 'not found');
  return ok(view(release));
}

/** When each app that the token reaches was last released. */
function allCurrent(call: RequestContext): Reply {
  const apps = [...call.world.apps.values()].filter((app) => reaches(call.grant, app));
  return ok(
    Object.fromEntries(
      apps.flatMap((app) => app.releases.slice(0, 1).map((release) => [app.name, timestamp(release.createdAt)])),
    ),
  );
}

export const releaseRoutes: readonly Route[] = [
  { operation: 'POST /api/v1/releases', handle: create },
  { operation: 'GET /api/v1/releases/all_current', handle: allCurrent },
  { operation: 'PATCH /api/v1/releases/{release}', handle: update },
  { operation: 'GET /api/v1/apps/{app}/releases', handle: list },
  { operation: 'GET /api/v1/apps/{app}/releases/current', handle: current },
];
