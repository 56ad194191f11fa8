/** What a change of one field makes a planner do: an app is brought to what git says, then git moves. */
import { parse } from 'yaml';
import type { Change } from '../../schemas/field-changes.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { isObject, type JsonValue } from '../../src/model/base/json.ts';
import { emptyMemory } from '../../src/model/standing/memory.ts';
import type { AppPlan, Step } from '../../src/model/plan.ts';
import { planApp } from '../../src/plan/app.ts';
import { load } from '../desired/loading.ts';
import { memoryMirrors, memoryTree } from '../desired/memory-tree.ts';
import { input, now, owner } from '../plan/builders.ts';
import { applyAll, observe, type State } from '../plan/world.ts';

const dots = /[^.[\]]+|\[\]/g;

/** The document with a value at a path; `[]` is the first item of a list and `*` the name `up`, made where missing. */
export function withValue(document: JsonValue, path: string, value: JsonValue): JsonValue {
  return placed(document, path.match(dots) ?? [], value);
}

function placed(node: JsonValue, steps: readonly string[], value: JsonValue): JsonValue {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (step === '[]') {
    const items: readonly JsonValue[] = Array.isArray(node) ? (node as readonly JsonValue[]) : [];
    return [placed(items[0], rest, value), ...items.slice(1)];
  }
  const name = step === '*' ? groupOrName(node) : step;
  const fields = isObject(node) ? node : {};
  return { ...fields, [name]: placed(fields[name], rest, value) };
}

/** What people name: what is there, else `up`. */
function groupOrName(node: JsonValue): string {
  return (isObject(node) ? Object.keys(node)[0] : undefined) ?? 'up';
}

async function loaded(document: JsonValue, files: Readonly<Record<string, string>>): Promise<DesiredFleet> {
  const local = { 'shop/Dockerfile': 'FROM scratch', ...files };
  const name = 'https://github.com/acme/shop';
  const mirrors = memoryMirrors({ [name]: memoryTree({ 'services/api/main.ts': '', 'libraries/a.ts': '' }, { name }) });
  return load({ ...local, 'shop/app.yaml': JSON.stringify(document) }, { path: 'shop', mirrors });
}

function memoryOf(app: DesiredApp, found: DesiredFleet): State['memory'] {
  // What a value is kept as: its name stands for what the environment holds.
  const marks = app.secrets.map(({ name, origin }) => [
    name,
    origin.type === 'env' ? `from ${origin.variable}` : (found.secretValue(app.name, name)?.reveal() ?? ''),
  ]);
  return { ...emptyMemory, keyId: 'key', currentMarks: Object.fromEntries(marks) as Record<string, string> };
}

function planned(app: DesiredApp, state: State): AppPlan {
  return planApp({ ...input(app, observe(state)), memory: state.memory, fleet: owner, now: state.clock });
}

/** A world in which nothing is left to do for the app. */
function settled(app: DesiredApp, memory: State['memory']): State {
  let state: State = {
    present: false,
    released: false,
    machines: [],
    volumes: [],
    secrets: {},
    addresses: [],
    memory,
    clock: now,
  };
  for (let round = 0; round < 5; round += 1) {
    const { steps } = planned(app, state);
    if (steps.length === 0) return state;
    state = applyAll(state, steps);
  }
  throw new Error(`the plan does not settle: ${JSON.stringify(planned(app, state).steps)}`);
}

function flat(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => (step.kind === 'release' ? flat(step.machines) : [step]));
}

interface Move {
  readonly from: DesiredApp;
  readonly to: DesiredApp;
  readonly plan: AppPlan;
}

/** The plan when git moves from one document to another. undefined: the second is refused as not built yet. */
export async function planBetween(
  before: JsonValue,
  after: JsonValue,
  files: Readonly<Record<string, string>> = {},
): Promise<Move | undefined> {
  const [old, next] = [await loaded(before, files), await loaded(after, files)];
  const [from] = old.apps;
  const [to] = next.apps;
  const said = [...old.problems, ...next.problems].filter(({ severity }) => severity === 'error');
  if (from === undefined)
    throw new Error(`the app before is refused: ${said.map(({ message }) => message).join(', ')}`);
  if (to === undefined) {
    if (said.every(({ message }) => /not supported yet|not built yet/.test(message))) return undefined;
    throw new Error(`the example is refused: ${said.map(({ path, message }) => `${path}: ${message}`).join(', ')}`);
  }
  const state = settled(from, memoryOf(from, old));
  const memory = { ...state.memory, currentMarks: memoryOf(to, next).currentMarks };
  return { from, to, plan: planned(to, { ...state, memory }) };
}

/** What the planner makes of it when git moves from one document to another. */
export async function changeBetween(
  before: JsonValue,
  after: JsonValue,
  files: Readonly<Record<string, string>> = {},
): Promise<Change> {
  const move = await planBetween(before, after, files);
  if (move === undefined) return 'refused';
  const { from, to, plan } = move;
  const { steps, holds } = plan;
  if (holds.some(({ reason }) => reason === 'build')) return 'build';
  if (holds.length > 0) return 'held';
  const kinds = new Set(flat(steps).map(({ kind }) => kind));
  const moves = kinds.has('machine.create') || kinds.has('machine.destroy');
  if (kinds.has('machine.create') && kinds.has('machine.destroy')) return 'replace';
  if (kinds.has('machine.update') || kinds.has('machine.restart')) return 'restart';
  if (moves) return 'count';
  return (await isForNewOnes(from, to)) || kinds.has('volume.create') ? 'new' : 'nothing';
}

/** An app that is made only now gets other machines or volumes. */
async function isForNewOnes(from: DesiredApp, to: DesiredApp): Promise<boolean> {
  const made = (app: DesiredApp): string => {
    const memory = { ...emptyMemory, keyId: 'key' };
    // A window that is closed now says nothing about what is made when it opens.
    const state = settled({ ...app, secrets: [], policy: { ...app.policy, windows: [] } }, memory);
    const machines = state.machines.map(({ region, config }) => {
      // Ids differ from one world to the next.
      const mounts = config?.mounts?.map((mount) => ({ ...mount, volume: undefined }));
      return [region, { ...config, metadata: undefined, mounts, standbys: config?.standbys?.length }];
    });
    const volumes = state.volumes.map(({ name, region, size_gb: size }) => [name, region, size]);
    return JSON.stringify([machines.map((machine) => JSON.stringify(machine)).toSorted(), volumes]);
  };
  return made(from) !== made(to);
}

export function exampleValue(text: string): JsonValue {
  return parse(text) as JsonValue;
}
