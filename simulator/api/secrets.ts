import { createHmac } from 'node:crypto';
import { fieldsOf, objectField, textField } from '../wire/body.ts';
import { flag, type RequestContext, type Route } from '../http/request-context.ts';
import { appOf } from '../http/access.ts';
import type { App, Secret } from '../world/records.ts';
import { ok, refusal, timestamp, type Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The platform's own names. */
const reservedPrefix = 'FLY_';
const digestDigits = 16;

/** Keyed by app: nobody outside can compute it from the value. */
function digestOf(world: World, app: App, value: string): string {
  const key = world.chance.hex(['secret key', app.name, app.id], 64);
  return createHmac('sha256', key).update(value).digest('hex').slice(0, digestDigits);
}

/** Merges; null removes. All or nothing; each write counts one version. */
export function writeSecrets(call: RequestContext, app: App, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && typeof value !== 'string')
      throw refusal(400, `invalid JSON body: secret ${name} is not a string`);
    if (value === null) continue;
    if (!namePattern.test(name)) throw refusal(422, `invalid_argument: secret name ${JSON.stringify(name)} is invalid`);
    if (name.startsWith(reservedPrefix)) throw refusal(422, `invalid_argument: secret name ${name} is reserved`);
  }
  const now = call.world.now();
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== 'string') {
      app.secrets.byName.delete(name);
      continue;
    }
    const known = app.secrets.byName.get(name);
    const secret: Secret = known ?? { name, value, digest: '', createdAt: now, updatedAt: now };
    secret.value = value;
    secret.digest = digestOf(call.world, app, value);
    secret.updatedAt = now;
    app.secrets.byName.set(name, secret);
  }
  app.secrets.version += 1;
}

function view(secret: Secret, withValue = false) {
  return {
    name: secret.name,
    digest: secret.digest,
    created_at: timestamp(secret.createdAt),
    updated_at: timestamp(secret.updatedAt),
    ...(withValue ? { value: secret.value } : {}),
  };
}

const versions = (app: App) => ({ version: app.secrets.version, Version: app.secrets.version });

/** A reader may ask to see no older secrets than those of a version it knows of. */
function requireVersion({ query }: RequestContext, app: App): void {
  const least = Number(query.get('min_version') ?? query.get('version') ?? 0);
  if (least <= app.secrets.version) return;
  throw refusal(
    412,
    `failed_precondition: secrets version ${least} is not available, latest is ${app.secrets.version}`,
  );
}

function list(call: RequestContext): Reply {
  const app = appOf(call);
  requireVersion(call, app);
  const withValues = flag(call.query, 'show_secrets');
  return ok({ secrets: [...app.secrets.byName.values()].map((secret) => view(secret, withValues)) });
}

function writeAll(call: RequestContext): Reply {
  const app = appOf(call);
  const values = objectField(fieldsOf(call.body), 'values');
  if (values === undefined) throw refusal(400, 'invalid_argument: values is required');
  writeSecrets(call, app, values);
  const written = Object.keys(values).flatMap((name) => app.secrets.byName.get(name) ?? []);
  return ok({ secrets: written.map((secret) => view(secret)), ...versions(app) });
}

function secretOf(call: RequestContext): Secret {
  const secret = appOf(call).secrets.byName.get(call.params['name'] ?? '');
  if (secret === undefined) throw refusal(404, 'not_found: secret not found');
  return secret;
}

function read(call: RequestContext): Reply {
  requireVersion(call, appOf(call));
  return ok(view(secretOf(call), flag(call.query, 'show_secrets')));
}

function writeOne(call: RequestContext): Reply {
  const app = appOf(call);
  const value = textField(fieldsOf(call.body), 'value');
  if (value === undefined) throw refusal(400, 'invalid_argument: value is required');
  writeSecrets(call, app, { [call.params['name'] ?? '']: value });
  return { status: 201, body: { ...view(secretOf(call)), ...versions(app) } };
}

function removeOne(call: RequestContext): Reply {
  const { name } = secretOf(call);
  const app = appOf(call);
  writeSecrets(call, app, { [name]: null });
  return ok(versions(app));
}

export const secretRoutes: readonly Route[] = [
  { operation: 'GET /apps/{app}/secrets', handle: list },
  { operation: 'POST /apps/{app}/secrets', handle: writeAll },
  { operation: 'GET /apps/{app}/secrets/{name}', handle: read },
  { operation: 'POST /apps/{app}/secrets/{name}', handle: writeOne },
  { operation: 'DELETE /apps/{app}/secrets/{name}', handle: removeOne },
];
