/**
 * What happens to the world besides requests, as admin calls. `{machine}` is an id or a name.
 *
 *   POST /time                       {ms}: so much time passes at once; answers {now}
 *   PUT  /capacity                   {"ams": 3}: machines a region still takes; regions left out take plenty
 *   PUT  /lag                        {listMs, organizationMs, pageMost, emptyPages}; {} ends it
 *   PUT  /idle-after                 {ms}: the proxy stops idle machines by itself after that; {} ends it
 *   GET  /slow                       POST {state, app, machine, extraMs, times}: slow or stuck states      DELETE all
 *   POST /dns                        {name, values}, or {app, hostname}: everything that hostname needs
 *   POST /hosts/{host}/{event}       down, up ({resurrects}), full, roomy
 *   POST /tokens/{token}/expire      {at}: milliseconds since the epoch, default now
 *   POST /apps/{app}/idle            the proxy sees no traffic: which machines it stopped      {machine}: that one only
 *   POST /apps/{app}/request         {port, region}: a request from the internet: who answers, and whether it was woken
 *   POST /apps/{app}/machines/{machine}/checks     {rule: pass | fail | flap}; {} = as its image says
 *   POST /apps/{app}/machines/{machine}/lease      {ttl_seconds, owner, description}: somebody else's
 *   POST /apps/{app}/machines/{machine}/migrate
 *   GET  /human                      commands played so far with their outcome
 *   POST /apps/{app}/human/{command} deploy, scale-count, scale-memory, clone, update, secrets, release-address, destroy
 *                                    with the fields of flyctl/actor.ts; answers at once, the command takes its time
 */
import { MachineConfig } from '../../schemas/fly/machine.ts';
import { idle, request } from '../machines/autostop.ts';
import { booleanField, fieldsOf, numberField, objectField, textField, type Fields } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { answerAllDns, answerDns } from '../api/certificates.ts';
import { hostDown, hostUp, migrate } from '../machines/host-failures.ts';
import type { FlyctlActor } from '../flyctl/actor.ts';
import { strategies, type Strategy } from '../flyctl/deploy.ts';
import { foreignLease } from '../api/machine-leases.ts';
import { ruleChecks } from '../machines/lifecycle.ts';
import type { App, CheckRule, Machine } from '../world/records.ts';
import { nothing, ok, refusal, type Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

function appIn(call: RequestContext, name = call.params['app'] ?? ''): App {
  const app = call.world.apps.get(name);
  if (app === undefined) throw refusal(404, `the simulator has no app named ${name}`);
  return app;
}

function machineIn(app: App, name: string): Machine {
  const machine = app.machines.get(app.machineNames.get(name) ?? name);
  if (machine === undefined || machine.state === 'destroyed') {
    throw refusal(404, `app ${app.name} has no machine ${name}`);
  }
  return machine;
}

/** Those of `fields` that were sent. */
function sent<K extends string, T>(fields: Readonly<Record<K, T | undefined>>): { [P in K]?: T } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [P in K]?: T };
}

function setCapacity(call: RequestContext): Reply {
  const { capacity } = call.world;
  const fields = fieldsOf(call.body);
  const counts = Object.keys(fields).map((region) => [region, numberField(fields, region) ?? 0] as const);
  capacity.clear();
  for (const [region, count] of counts) capacity.set(region, count);
  return nothing;
}

function setLag(call: RequestContext): Reply {
  const fields = fieldsOf(call.body);
  const emptyPages = booleanField(fields, 'emptyPages');
  call.world.lag.set({
    ...sent({
      listMs: numberField(fields, 'listMs'),
      organizationMs: numberField(fields, 'organizationMs'),
      pageMost: numberField(fields, 'pageMost'),
    }),
    ...(emptyPages === undefined ? {} : { emptyPages }),
  });
  return nothing;
}

function addSlow(call: RequestContext): Reply {
  const fields = fieldsOf(call.body);
  const state = textField(fields, 'state');
  if (state === undefined) throw refusal(400, 'expected {state, app, machine, extraMs, times}');
  call.world.pace.add({
    state,
    ...sent({ app: textField(fields, 'app'), machine: textField(fields, 'machine') }),
    ...sent({ extraMs: numberField(fields, 'extraMs'), times: numberField(fields, 'times') }),
  });
  return nothing;
}

function setDns(call: RequestContext): Reply {
  const fields = fieldsOf(call.body);
  const hostname = textField(fields, 'hostname');
  if (hostname !== undefined) {
    answerAllDns(call.world, appIn(call, textField(fields, 'app') ?? ''), hostname);
    return nothing;
  }
  const name = textField(fields, 'name');
  const { values } = fields;
  if (name === undefined || !Array.isArray(values)) throw refusal(400, 'expected {name, values} or {app, hostname}');
  answerDns(
    call.world,
    name,
    values.filter((value) => typeof value === 'string'),
  );
  return nothing;
}

function strikeHost(call: RequestContext): Reply {
  const { world, params } = call;
  const host = params['host'] ?? '';
  switch (params['event']) {
    case 'down':
      hostDown(world, host);
      return nothing;
    case 'up':
      hostUp(world, host, booleanField(fieldsOf(call.body), 'resurrects') ?? false);
      return nothing;
    case 'full':
      world.hostsFull.add(host);
      return nothing;
    case 'roomy':
      world.hostsFull.delete(host);
      return nothing;
    default:
      throw refusal(404, `a host can go down, up, full or roomy, not ${params['event'] ?? ''}`);
  }
}

function expireToken(call: RequestContext): Reply {
  const token = call.params['token'] ?? '';
  if (!call.world.tokens.has(token)) throw refusal(404, 'the simulator knows no such token');
  call.world.expireToken(token, numberField(fieldsOf(call.body), 'at'));
  return nothing;
}

function goIdle(call: RequestContext): Reply {
  const app = appIn(call);
  const name = textField(fieldsOf(call.body), 'machine');
  const only = name === undefined ? undefined : machineIn(app, name);
  const stopped = idle(call.world, app, (machine) => only === undefined || machine === only);
  return ok({ stopped: stopped.map(({ id }) => id) });
}

function sendRequest(call: RequestContext): Reply {
  const fields = fieldsOf(call.body);
  const to = { ...sent({ port: numberField(fields, 'port') }), ...sent({ region: textField(fields, 'region') }) };
  const { machine, woke } = request(call.world, appIn(call), to);
  return ok({ machine: machine?.id ?? null, woke });
}

const checkRules: ReadonlySet<string | undefined> = new Set(['pass', 'fail', 'flap', undefined]);
const isCheckRule = (text: string | undefined): text is CheckRule | undefined => checkRules.has(text);

function setChecks(call: RequestContext): Reply {
  const rule = textField(fieldsOf(call.body), 'rule');
  if (!isCheckRule(rule)) throw refusal(400, 'expected {rule}: pass, fail or flap');
  ruleChecks(call.world, machineIn(appIn(call), call.params['machine'] ?? ''), rule);
  return nothing;
}

function takeLease(call: RequestContext): Reply {
  const fields = fieldsOf(call.body);
  const machine = machineIn(appIn(call), call.params['machine'] ?? '');
  const ttlSeconds = numberField(fields, 'ttl_seconds');
  foreignLease(call.world, machine, {
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...sent({ owner: textField(fields, 'owner'), description: textField(fields, 'description') }),
  });
  return nothing;
}

type Play = (flyctl: FlyctlActor, app: string, fields: Fields) => unknown;

const commands: Readonly<Record<string, Play>> = {
  deploy: (flyctl, app, fields) => {
    const configs = objectField(fields, 'configs');
    const highAvailability = booleanField(fields, 'highAvailability');
    const stops = textField(fields, 'stops');
    if (stops !== undefined && stops !== 'interrupted' && stops !== 'killed') {
      throw refusal(400, 'expected {stops}: interrupted or killed');
    }
    const strategy = strategyOf(textField(fields, 'strategy'));
    return flyctl.deploy(app, {
      ...sent({
        image: textField(fields, 'image'),
        primaryRegion: textField(fields, 'primaryRegion'),
        releaseCommand: textField(fields, 'releaseCommand'),
      }),
      ...sent({ slowMs: numberField(fields, 'slowMs') }),
      ...(stops === undefined ? {} : { stops }),
      ...(strategy === undefined ? {} : { strategy }),
      ...(highAvailability === undefined ? {} : { highAvailability }),
      ...(configs === undefined ? {} : { configs: configsOf(configs) }),
    });
  },
  'scale-count': (flyctl, app, fields) =>
    flyctl.scaleCount(app, {
      count: numberField(fields, 'count') ?? 1,
      ...sent({ group: textField(fields, 'group'), region: textField(fields, 'region') }),
    }),
  'scale-memory': (flyctl, app, fields) =>
    flyctl.scaleMemory(app, {
      memoryMb: numberField(fields, 'memoryMb') ?? 0,
      ...sent({ group: textField(fields, 'group') }),
    }),
  clone: (flyctl, app, fields) =>
    flyctl.clone(app, {
      machine: textField(fields, 'machine') ?? '',
      ...sent({ region: textField(fields, 'region'), name: textField(fields, 'name') }),
    }),
  update: (flyctl, app, fields) =>
    flyctl.update(app, { machine: textField(fields, 'machine') ?? '', config: configOf(fields['config']) }),
  secrets: (flyctl, app, fields) =>
    flyctl.setSecrets(app, {
      values: Object.fromEntries(
        Object.entries(objectField(fields, 'values') ?? {}).map(([name, value]) => [
          name,
          typeof value === 'string' ? value : null,
        ]),
      ),
      stage: booleanField(fields, 'stage') ?? false,
    }),
  'release-address': (flyctl, app, fields) => flyctl.releaseAddress(app, { ip: textField(fields, 'ip') ?? '' }),
  destroy: (flyctl, app, fields) => flyctl.destroy(app, { machine: textField(fields, 'machine') ?? '' }),
};

function configsOf(configs: Fields): Record<string, MachineConfig> {
  return Object.fromEntries(Object.entries(configs).map(([group, config]) => [group, configOf(config)]));
}

function configOf(value: unknown): MachineConfig {
  const parsed = MachineConfig.safeParse(value);
  if (!parsed.success) throw refusal(400, `not a machine config: ${parsed.error.issues[0]?.message ?? ''}`);
  return parsed.data;
}

function play(flyctl: FlyctlActor, call: RequestContext): Reply {
  const name = call.params['command'] ?? '';
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw refusal(404, `a human can ${Object.keys(commands).join(', ')}, not ${name}`);
  const app = appIn(call);
  // Its outcome is among flyctl.commands.
  command(flyctl, app.name, fieldsOf(call.body));
  return { status: 202 };
}

function strategyOf(text: string | undefined): Strategy | undefined {
  const known = strategies.find((strategy) => strategy === text);
  if (text !== undefined && known === undefined) throw refusal(400, `expected {strategy}: ${strategies.join(', ')}`);
  return known;
}

/** One thing done to the world, without an answer. */
function doing(operation: string, act: (call: RequestContext, world: World) => void): Route {
  return {
    operation,
    handle(call) {
      act(call, call.world);
      return nothing;
    },
  };
}

/** Further than this a machine on a cadence of seconds would be busy for long. */
const furthestMoveMs = 31 * 24 * 3600_000;

function moveTime(call: RequestContext): Reply {
  const ms = numberField(fieldsOf(call.body), 'ms');
  if (ms === undefined || ms < 0 || ms > furthestMoveMs) {
    throw refusal(400, `expected {ms}: 0 to ${furthestMoveMs}, which is 31 days`);
  }
  call.world.clock.move(ms);
  return ok({ now: call.world.now() });
}

export function eventRoutes(flyctl: FlyctlActor): readonly Route[] {
  return [
    { operation: 'POST /time', handle: moveTime },
    { operation: 'PUT /capacity', handle: setCapacity },
    { operation: 'PUT /lag', handle: setLag },
    doing('PUT /idle-after', (call, world) => {
      world.idleAfterMs = numberField(fieldsOf(call.body), 'ms');
    }),
    { operation: 'GET /slow', handle: (call) => ok(call.world.pace.list()) },
    { operation: 'POST /slow', handle: addSlow },
    doing('DELETE /slow', (_call, world) => {
      world.pace.clear();
    }),
    { operation: 'POST /dns', handle: setDns },
    { operation: 'POST /hosts/{host}/{event}', handle: strikeHost },
    { operation: 'POST /tokens/{token}/expire', handle: expireToken },
    { operation: 'POST /apps/{app}/idle', handle: goIdle },
    { operation: 'POST /apps/{app}/request', handle: sendRequest },
    { operation: 'POST /apps/{app}/machines/{machine}/checks', handle: setChecks },
    { operation: 'POST /apps/{app}/machines/{machine}/lease', handle: takeLease },
    doing('POST /apps/{app}/machines/{machine}/migrate', (call, world) => {
      migrate(world, machineIn(appIn(call), call.params['machine'] ?? ''));
    }),
    { operation: 'GET /human', handle: () => ok(flyctl.commands) },
    { operation: 'POST /apps/{app}/human/{command}', handle: (call) => play(flyctl, call) },
  ];
}
