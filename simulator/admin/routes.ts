/**
 * The world over HTTP, for tools in other processes: no token, loopback only.
 *
 *   GET  /_simulator                 everything that exists      GET /_simulator/apps/{app}
 *   GET  /_simulator/end-state       the same without ids, addresses and times
 *   GET  /_simulator/requests        the log (?writes=true)      DELETE forgets it
 *   GET  /_simulator/faults          POST a rule (faults.ts)     DELETE all
 *   GET  /_simulator/rewrites        POST {path, value}          DELETE all
 *   PUT  /_simulator/error-regions   ["ams"]: regions that do not answer org-wide lists
 *   POST /_simulator/organizations   {slug}
 *   POST /_simulator/tokens          {token, organizations, readOnly, owner}
 *
 * and what happens in the world besides requests: see events.ts.
 */
import { booleanField, fieldsOf, isObject, numberField, objectField, textField, type Fields } from '../wire/body.ts';
import type { FaultRule } from '../world/faults.ts';
import type { FaultKind } from '../world/fault-answers.ts';
import type { FlyctlActor } from '../flyctl/actor.ts';
import { eventRoutes } from './events.ts';
import { noContent, type RequestContext } from '../http/request-context.ts';
import { nothing, ok, refusal, type Reply } from '../wire/replies.ts';
import { compiledRouter } from '../http/router.ts';
import type { World } from '../world/world.ts';

export const adminPrefix = '/_simulator';

const faultNames: ReadonlySet<string> = new Set([
  'reset-before',
  'reset-after',
  '408-before',
  '408-after',
  '429',
  '500',
  '502',
  '503',
  'capacity',
  'foreign-lease',
]);

export interface AdminCall {
  readonly method: string;
  /** After the prefix: "/requests". */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** Answers requests under the prefix. */
export function administration(world: World, flyctl: FlyctlActor): (call: AdminCall) => Reply | Promise<Reply> {
  const events = compiledRouter(eventRoutes(flyctl));
  return (call) => {
    const event = events.match(call.method, call.path);
    return event?.route === undefined
      ? administer(world, call)
      : event.route.handle(eventCall(world, call, event.params));
  };
}

function administer(world: World, call: AdminCall): Reply | Promise<Reply> {
  const [noun = '', name = ''] = call.path.split('/').slice(1);
  switch (`${call.method} /${noun}`) {
    case 'GET /':
      return ok({ now: world.now(), apps: world.snapshot() });
    case 'GET /end-state':
      return ok(world.endState());
    case 'GET /apps':
      return appNamed(world, decodeURIComponent(name));
    case 'GET /requests':
      return ok(call.query.get('writes') === 'true' ? world.writes() : world.requests);
    case 'DELETE /requests':
      world.requests.length = 0;
      return nothing;
    case 'GET /faults':
      return ok(world.faults.list());
    case 'POST /faults':
      world.faults.add(faultRuleOf(call.body));
      return nothing;
    case 'DELETE /faults':
      world.faults.clear();
      return nothing;
    case 'GET /rewrites':
      return ok(world.rewrites.list());
    case 'POST /rewrites':
      return addRewrite(world, call.body);
    case 'DELETE /rewrites':
      world.rewrites.clear();
      return nothing;
    case 'PUT /error-regions':
      return setErrorRegions(world, call.body);
    case 'POST /organizations':
      return addOrganization(world, call.body);
    case 'POST /tokens':
      return addToken(world, call.body);
    default:
      throw refusal(404, `the simulator has no ${call.method} ${adminPrefix}${call.path}`);
  }
}

function eventCall(world: World, { query, body }: AdminCall, params: RequestContext['params']): RequestContext {
  const grant = { id: 'admin', organizations: [...world.organizations.keys()], owner: 'admin', readOnly: false };
  const pause = (): Promise<boolean> => Promise.resolve(true);
  return { world, grant, params, query, body, content: noContent, nonce: undefined, pause };
}

function appNamed(world: World, name: string): Reply {
  const app = world.snapshot().find((app) => app.name === name);
  if (app === undefined) throw refusal(404, `the simulator has no app named ${name}`);
  return ok(app);
}

function faultRuleOf(body: unknown): FaultRule {
  const fields = fieldsOf(body);
  const template = textField(fields, 'template');
  const app = textField(fields, 'app');
  const nth = numberField(fields, 'nth');
  const times = numberField(fields, 'times');
  const probability = numberField(fields, 'probability');
  const seed = numberField(fields, 'seed');
  return {
    fault: faultKindOf(fields['fault']),
    ...(template === undefined ? {} : { template }),
    ...(app === undefined ? {} : { app }),
    ...(nth === undefined ? {} : { nth }),
    ...(times === undefined ? {} : { times }),
    ...(probability === undefined ? {} : { probability }),
    ...(seed === undefined ? {} : { seed }),
  };
}

function faultKindOf(value: unknown): FaultKind {
  const isName = (text: unknown): text is Exclude<FaultKind, object> =>
    typeof text === 'string' && faultNames.has(text);
  if (isName(value)) return value;
  if (isObject(value) && typeof value['latencyMs'] === 'number') return { latencyMs: value['latencyMs'] };
  if (isObject(value) && typeof value['status'] === 'number') {
    const headers = headersOf(value);
    return { status: value['status'], body: value['body'], ...(headers === undefined ? {} : { headers }) };
  }
  throw refusal(400, `expected a fault: one of ${[...faultNames].join(', ')}, {latencyMs} or {status, body, headers}`);
}

function headersOf(fault: Fields): Readonly<Record<string, string>> | undefined {
  const headers = Object.entries(objectField(fault, 'headers') ?? {});
  // As people write a Retry-After.
  const isValue = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number';
  const texts = headers.flatMap(([name, value]) => (isValue(value) ? [[name, String(value)] as const] : []));
  if (texts.length < headers.length)
    throw refusal(400, 'expected the headers of a fault as texts: {"retry-after": "300"}');
  return texts.length === 0 ? undefined : Object.fromEntries(texts);
}

function addRewrite(world: World, body: unknown): Reply {
  const fields = fieldsOf(body);
  try {
    world.rewrites.add({ path: textField(fields, 'path') ?? '', value: fields['value'] });
  } catch (error) {
    if (error instanceof RangeError) throw refusal(400, error.message);
    throw error;
  }
  return nothing;
}

function setErrorRegions(world: World, body: unknown): Reply {
  world.errorRegions.clear();
  for (const region of texts(body) ?? []) world.errorRegions.add(region);
  return nothing;
}

function addOrganization(world: World, body: unknown): Reply {
  const slug = textField(fieldsOf(body), 'slug') ?? '';
  if (slug === '') throw refusal(400, 'expected {"slug": …}');
  world.addOrganization(slug);
  return nothing;
}

function addToken(world: World, body: unknown): Reply {
  const fields = fieldsOf(body);
  const token = textField(fields, 'token') ?? '';
  if (token === '') throw refusal(400, 'expected {"token": …}');
  const organizations = texts(fields['organizations']);
  const owner = textField(fields, 'owner');
  world.grantToken(token, {
    readOnly: booleanField(fields, 'readOnly') ?? false,
    ...(organizations === undefined ? {} : { organizations }),
    ...(owner === undefined ? {} : { owner }),
  });
  return nothing;
}

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined;
}
