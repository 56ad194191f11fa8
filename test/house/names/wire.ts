/** What FlyCD and Fly say to each other, and the simulator's own routes: keys of the shapes, calls as they leave. */
import { z } from 'zod';
import * as appShapes from '../../../schemas/fly/app.ts';
import * as certificateShapes from '../../../schemas/fly/certificate.ts';
import * as machineShapes from '../../../schemas/fly/machine.ts';
import { guestPresets, reservedGroups } from '../../../schemas/fly/presets.ts';
import * as releaseShapes from '../../../schemas/fly/release.ts';
import { adminPrefix } from '../../../simulator/admin/routes.ts';
import { platform } from '../../simulator/platform.ts';
import { sourcesIn, fieldsOf } from './declarations.ts';
import { sentCalls } from './fly-calls.ts';

const shapes: ReadonlyMap<unknown, string> = new Map(
  Object.entries({ ...appShapes, ...certificateShapes, ...machineShapes, ...releaseShapes }).map(([name, shape]) => [
    shape,
    name,
  ]),
);

/** Paths of keys in a shape, as far as to a shape with a name; `*` for a key of one's own choice. */
function shapePaths(shape: unknown, at: string): readonly string[] {
  const name = shapes.get(shape);
  if (shape instanceof z.ZodObject && name !== undefined && name !== at) return [`${at} = ${name}`];
  if (shape instanceof z.ZodOptional || shape instanceof z.ZodNullable) return shapePaths(shape.unwrap(), at);
  if (shape instanceof z.ZodArray) return shapePaths(shape.element, `${at}[]`);
  if (shape instanceof z.ZodRecord) return shapePaths(shape.valueType, `${at}.*`);
  if (shape instanceof z.ZodUnion) return shape.options.flatMap((form) => shapePaths(form, at));
  if (!(shape instanceof z.ZodObject)) return [];
  return Object.entries(shape.shape).flatMap(([key, inner]) => [`${at}.${key}`, ...shapePaths(inner, `${at}.${key}`)]);
}

/** Types of bodies that nothing decodes, so that there is no shape of them. */
const requests = ['VolumeRequest', 'IpAssignmentRequest', 'MachineRequest', 'GuestPreset'];

/** The simulator says itself what it can do where it is asked for what it cannot; its routes stand in a switch. */
async function adminRoutes(): Promise<Readonly<Record<string, readonly string[]>>> {
  const it = await platform();
  const asked = async (path: string, body: object): Promise<readonly string[]> => {
    const { body: answer } = await it.call('POST', `${adminPrefix}${path}`, body);
    return /(?:one of|can) (.*?)(?:, \{|, not )/.exec(JSON.stringify(answer))?.[1]?.split(', ') ?? [];
  };
  const text = sourcesIn('simulator/admin').join('\n');
  const cases = [...text.matchAll(/(?:case |operation: |doing\()'([A-Z]+ \/[^']*)'/g)].flatMap(
    ([, route]) => route ?? [],
  );
  const fields = [...text.matchAll(/\b(?:boolean|number|object|text)Field\(\s*\w+(?:\([^()]*\))?,\s*'(\w+)'/g)].flatMap(
    ([, field]) => field ?? [],
  );
  return {
    'simulator: fields of bodies': fields,
    'simulator: routes': cases.map((route) => route.replace(' ', ` ${adminPrefix}`)),
    'simulator: commands of a human': await asked('/apps/shop/human/nothing', {}),
    'simulator: faults': await asked('/faults', { fault: 'nothing' }),
  };
}

export async function wireNames(): Promise<Readonly<Record<string, readonly string[]>>> {
  const { calls, headers } = await sentCalls();
  return {
    calls,
    'headers of calls': headers,
    'shapes that are read': [...shapes].flatMap(([shape, name]) => shapePaths(shape, name)),
    ...Object.fromEntries(requests.map((type) => [`sent: ${type}`, fieldsOf([type])])),
    'states of a volume that is gone': appShapes.goneVolumeStates,
    'groups of flyctl': reservedGroups,
    'sizes of machines': Object.keys(guestPresets),
    ...(await adminRoutes()),
  };
}
