/**
 * Reads a config repo as commands do: once in a process that has read none before, then again after each change of one
 * file. Arguments: config (a folder or git address), data directory, work tree, number of
 * apps, number of changes, `push` to push each change.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostGuard } from '../../src/cli/composition/allowed-hosts.ts';
import { createLoading } from '../../src/cli/composition/loading.ts';
import { appText, fileOf, pushChanges } from '../fleet.ts';
import { argumentsOf, benchInvocation, report } from './invocation.ts';

const { config, dataDirectory, workTree, apps, changes, push } = argumentsOf(
  'config',
  'dataDirectory',
  'workTree',
  'apps',
  'changes',
  'push',
);

const invocation = benchInvocation(workTree);
const settings = { file: undefined, isNamed: false, written: {} };
const hosts = () => hostGuard(invocation.io, settings);
const loading = createLoading({ invocation, config, options: {}, settings, hosts, dataDirectory: () => dataDirectory });

async function load() {
  const start = performance.now();
  const { fleet } = await loading.load({ offline: true });
  const ms = performance.now() - start;
  const errors = fleet.problems.filter(({ severity }) => severity === 'error');
  if (fleet.apps.length !== Number(apps) || errors.length > 0) {
    throw new Error(`${fleet.apps.length} apps of ${apps} read: ${JSON.stringify(errors.slice(0, 3))}`);
  }
  return { ms, inputs: new Map(fleet.apps.map((app) => [app.name, app.inputs])) };
}

const cold = await load();
const changed: number[] = [];
let before = cold;
for (let change = 0; change < Number(changes); change += 1) {
  await writeFile(join(workTree, fileOf(0)), appText(0, `level-${process.pid}-${change}`));
  if (push !== '') pushChanges(workTree);
  const after = await load();
  const moved = [...after.inputs].filter(([name, inputs]) => before.inputs.get(name) !== inputs);
  if (moved.length !== 1) throw new Error(`one file was changed and ${moved.length} apps moved`);
  changed.push(after.ms);
  before = after;
}
loading.close();
report({ cold: cold.ms, changed });
