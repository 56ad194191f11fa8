import { z } from 'zod';
import { Machine, MachineVersions } from '../../../schemas/fly/machine.ts';
import { asOfApp, isUnprovenCopy } from '../../model/stamps/foreign.ts';
import { isStatus, orUndefined, unlessGone } from '../http/absence.ts';
import type { BeforeSent, FlyReader, FlyWriter } from '../api.ts';
import { getMachineLimit } from '../http/rate-limit.ts';
import type { Call } from '../http/call.ts';
import type { Transport } from '../http/transport.ts';

/** The list has no paging. A machine with events, checks and files is up to some 60 kB: enough for a thousand of them. */
const machineListBytesMax = 64 * 1024 * 1024;
/** Fly's proxy cuts a wait at 60 s. */
const waitSecondsMax = 60;
/** Fly mirrors each check under such a name for its own bluegreen deploys; its SDK hides them as well. */
const mirroredCheckPrefix = 'bg_deployments_compat-';

const Machines = z.array(Machine);

export function machineReads(
  transport: Transport,
): Pick<FlyReader, 'machines' | 'machine' | 'machineVersions' | 'wait'> {
  /** A copy that does not say of which app does not tell by itself whether its stamps are another's. */
  const amongOthers = async (app: string, machine: Machine): Promise<readonly Machine[]> =>
    isUnprovenCopy(machine, []) ? listed(transport, app) : [machine];
  return {
    async machines(app, query = {}) {
      const includeDeleted = query.includeDeleted === true;
      const all = await listed(transport, app, includeDeleted);
      const machines = asOfApp(app, all).map(withoutMirroredChecks);
      // The list shows a machine for a moment after its end.
      return includeDeleted ? machines : machines.filter((machine) => machine.state !== 'destroyed');
    },
    async machine(app, id) {
      const call: Call = {
        method: 'GET',
        route: '/apps/{app}/machines/{machine}',
        path: { app, machine: id },
        query: [['include_leases', 'true']],
        purpose: 'read the machine',
        effect: 'read',
        limit: { rate: getMachineLimit, shared: false },
      };
      const machine = await orUndefined(transport.ask(call, Machine));
      return machine === undefined ? undefined : asOf(app, machine, await amongOthers(app, machine));
    },
    async machineVersions(app, id) {
      const call: Call = {
        method: 'GET',
        route: '/apps/{app}/machines/{machine}/versions',
        path: { app, machine: id },
        purpose: "read the machine's versions",
        effect: 'read',
        bytesMax: machineListBytesMax,
      };
      const versions = await orUndefined(transport.ask(call, MachineVersions));
      const sent = (versions ?? []).flatMap(({ user_config: config }) => (config == null ? [] : [{ id, config }]));
      const copy = sent.find((version) => isUnprovenCopy(version, []));
      const among = copy === undefined ? [] : await listed(transport, app);
      return asOfApp(app, sent, among).map(({ config }) => config);
    },
    wait: waitOn(transport),
  };
}

/** As Fly shows them. */
function listed(transport: Transport, app: string, includeDeleted = false): Promise<readonly Machine[]> {
  const call: Call = {
    method: 'GET',
    route: '/apps/{app}/machines',
    path: { app },
    query: [['include_leases', 'true'], ...(includeDeleted ? [['include_deleted', 'true'] as const] : [])],
    purpose: 'list the machines',
    effect: 'read',
    bytesMax: machineListBytesMax,
  };
  return transport.ask(call, Machines);
}

function waitOn(transport: Transport): FlyReader['wait'] {
  return async (app, id, request) => {
    const seconds = Math.min(Math.max(Math.ceil(request.timeoutSeconds), 1), waitSecondsMax);
    const call: Call = {
      method: 'GET',
      route: '/apps/{app}/machines/{machine}/wait',
      path: { app, machine: id },
      query: [
        ...request.states.map((state) => ['state', state] as const),
        ['timeout', String(seconds)],
        ...(request.version === undefined ? [] : [['version', request.version] as const]),
      ],
      purpose: 'wait for the machine',
      effect: 'read',
      holdsMs: seconds * 1000,
      signal: request.signal,
    };
    try {
      await transport.tell(call);
      return 'reached';
    } catch (error) {
      if (isStatus(error, 408)) return 'deadline';
      if (isStatus(error, 404, 410)) return 'gone';
      throw error;
    }
  };
}

export type MachineWrites = Pick<
  FlyWriter,
  | 'createMachine'
  | 'updateMachine'
  | 'startMachine'
  | 'stopMachine'
  | 'restartMachine'
  | 'destroyMachine'
  | 'cordonMachine'
  | 'uncordonMachine'
  | 'patchMetadata'
>;

export function machineWrites(transport: Transport): MachineWrites {
  const act = (action: string, effect: 'repeatable' | 'once') => actionOn(transport, action, effect);
  return {
    async createMachine(app, request, beforeSent) {
      const call: Call = {
        method: 'POST',
        route: '/apps/{app}/machines',
        path: { app },
        body: request,
        purpose: request.name === undefined ? 'create a machine' : `create the machine ${request.name}`,
        effect: 'once',
        beforeSent,
      };
      return asOf(app, await transport.ask(call, Machine));
    },
    async updateMachine(app, id, request, nonce, beforeSent) {
      const call: Call = {
        method: 'POST',
        route: '/apps/{app}/machines/{machine}',
        path: { app, machine: id },
        body: request,
        purpose: 'update the machine',
        effect: 'once',
        nonce,
        beforeSent,
      };
      return asOf(app, await transport.ask(call, Machine));
    },
    startMachine: act('start', 'repeatable'),
    stopMachine: act('stop', 'repeatable'),
    // Twice would be two outages.
    restartMachine: act('restart', 'once'),
    cordonMachine: act('cordon', 'repeatable'),
    uncordonMachine: act('uncordon', 'repeatable'),
    async destroyMachine(app, id, nonce, beforeSent) {
      const call: Call = {
        method: 'DELETE',
        route: '/apps/{app}/machines/{machine}',
        path: { app, machine: id },
        // Fly's documentation says force, its SDK sends kill.
        query: [
          ['force', 'true'],
          ['kill', 'true'],
        ],
        purpose: 'destroy the machine',
        effect: 'repeatable',
        nonce,
        beforeSent,
      };
      return unlessGone(transport.tell(call));
    },
    async patchMetadata(app, id, metadata) {
      await transport.tell({
        method: 'PATCH',
        route: '/apps/{app}/machines/{machine}/metadata',
        path: { app, machine: id },
        body: { metadata },
        purpose: 'label the machine',
        effect: 'repeatable',
        brief: true,
      });
    },
  };
}

function actionOn(transport: Transport, action: string, effect: 'repeatable' | 'once') {
  return (app: string, id: string, nonce?: string, beforeSent?: BeforeSent): Promise<void> =>
    transport.tell({
      method: 'POST',
      route: `/apps/{app}/machines/{machine}/${action}`,
      path: { app, machine: id },
      purpose: `${action} the machine`,
      effect,
      nonce,
      beforeSent,
    });
}

/** As it is of this app: without what Fly mirrors, and without stamps that came with it from another app. */
function asOf(app: string, machine: Machine, among: readonly Machine[] = [machine]): Machine {
  const [own = machine] = asOfApp(app, [machine], among);
  return withoutMirroredChecks(own);
}

function withoutMirroredChecks(machine: Machine): Machine {
  if (!machine.checks?.some(isMirrored)) return machine;
  return { ...machine, checks: machine.checks.filter((check) => !isMirrored(check)) };
}

function isMirrored(check: { readonly name?: string | undefined }): boolean {
  return check.name?.startsWith(mirroredCheckPrefix) ?? false;
}
