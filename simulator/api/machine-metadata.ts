import { fieldsOf, objectField, textField } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { livingMachineOf, machineOf } from '../http/resources.ts';
import type { Machine } from '../world/records.ts';
import { nothing, ok, refusal, type Reply } from '../wire/replies.ts';

/** Writes of metadata make no new version, restart nothing and ask for no lease. */
function write(call: RequestContext, machine: Machine, metadata: Record<string, string>): Reply {
  machine.config.metadata = metadata;
  machine.updatedAt = call.world.now();
  call.world.lag.noteMachine(machine);
  return nothing;
}

/** Merges whichever the method; null and an empty value remove a key. */
function writing(method: 'PUT' | 'PATCH'): Route {
  return {
    operation: `${method} /apps/{app}/machines/{machine}/metadata`,
    handle(call) {
      const machine = livingMachineOf(call);
      const fields = fieldsOf(call.body);
      const version = textField(fields, 'machine_version');
      if (version !== undefined && version !== '' && version !== machine.instanceId) {
        throw refusal(412, `failed_precondition: machine version is ${machine.instanceId}, request has ${version}`);
      }
      const sent = objectField(fields, 'metadata');
      if (sent === undefined) throw refusal(400, 'invalid_argument: metadata is required');
      const metadata: Record<string, string> = { ...machine.config.metadata };
      for (const [key, value] of Object.entries(sent)) {
        if (value === null || value === '') delete metadata[key];
        else if (typeof value === 'string') metadata[key] = value;
        else throw refusal(400, `invalid JSON body: metadata.${key} is not a string`);
      }
      return write(call, machine, metadata);
    },
  };
}

function readKey(call: RequestContext): Reply {
  const value = machineOf(call).config.metadata?.[call.params['key'] ?? ''];
  if (value === undefined) throw refusal(404, 'not_found: metadata key not found');
  return ok({ value });
}

function writeKey(call: RequestContext): Reply {
  const machine = livingMachineOf(call);
  const value = textField(fieldsOf(call.body), 'value');
  if (value === undefined) throw refusal(400, 'invalid_argument: value is required');
  return write(call, machine, { ...machine.config.metadata, [call.params['key'] ?? '']: value });
}

function removeKey(call: RequestContext): Reply {
  const machine = livingMachineOf(call);
  const { [call.params['key'] ?? '']: _removed, ...rest } = machine.config.metadata ?? {};
  return write(call, machine, rest);
}

export const metadataRoutes: readonly Route[] = [
  {
    operation: 'GET /apps/{app}/machines/{machine}/metadata',
    handle: (call) => ok(machineOf(call).config.metadata ?? {}),
  },
  writing('PUT'),
  writing('PATCH'),
  { operation: 'GET /apps/{app}/machines/{machine}/metadata/{key}', handle: readKey },
  { operation: 'POST /apps/{app}/machines/{machine}/metadata/{key}', handle: writeKey },
  { operation: 'DELETE /apps/{app}/machines/{machine}/metadata/{key}', handle: removeKey },
];
