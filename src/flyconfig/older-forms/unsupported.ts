/** What a fly config may say and FlyCD cannot do yet: refused, since an app deployed without it would behave otherwise. */
import { orList } from '../../model/base/text.ts';
import type { JsonValue } from '../../model/base/json.ts';
import { durationOf, optionalWordOf } from '../reading/fields.ts';
import { tableOf } from '../reading/tables.ts';
import { fieldOf, isList, isTable, keyPath, type Table } from '../reading/values.ts';

const strategies = ['rolling', 'immediate'];
/** flyctl's others: refused, each with what stands in its way. */
const otherStrategies = ['canary', 'bluegreen'];

function says(value: JsonValue): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  if (isList(value)) return value.length > 0;
  return !isTable(value) || Object.keys(value).length > 0;
}

export function noteUnsupported(root: Table): void {
  const refuse = (table: Table | undefined, keys: readonly string[], hint: string): void => {
    for (const key of keys) {
      if (table === undefined || !says(fieldOf(table.values, key))) continue;
      table.notes.error(keyPath(table.path, key), `${key} is not supported yet`, hint);
    }
  };
  const machineChecks = 'remove it, or deploy this app with flyctl until FlyCD can run checks on machines of their own';
  const section = (key: string): Table | undefined => sectionOf(root, key);
  refuse(root, ['machine_checks'], machineChecks);
  refuse(section('http_service'), ['machine_checks'], machineChecks);
  for (const service of sectionsOf(root, 'services')) refuse(service, ['machine_checks'], machineChecks);
  if (isTable(fieldOf(section('build')?.values ?? {}, 'compose'))) {
    root.notes.error('build.compose', 'compose is not supported yet', 'give each service an app or a process group');
  }
  refuse(
    section('experimental'),
    ['enable_consul', 'enable_etcd'],
    'fly consul attach sets it up by hand; then remove it here',
  );
  const hasMachineConfig = [root, section('experimental')].some(
    (table) => table !== undefined && says(fieldOf(table.values, 'machine_config')),
  );
  if (says(fieldOf(root.values, 'container')) && !hasMachineConfig) {
    root.notes.warning('container', 'it has no effect without machine_config', 'remove it');
  }
  noteDeploy(root, refuse);
}

function noteDeploy(
  root: Table,
  refuse: (table: Table | undefined, keys: readonly string[], hint: string) => void,
): void {
  const deploy = tableOf(root, 'deploy');
  if (deploy === undefined) return;
  durationOf(deploy, 'wait_timeout');
  refuse(deploy, ['seed_command'], 'run it by hand with fly machine run, or deploy this app with flyctl');
  const strategy = optionalWordOf(deploy, 'strategy', [...strategies, ...otherStrategies], strategies);
  if ((strategy === 'canary' || strategy === 'bluegreen') && sectionsOf(root, 'mounts').length > 0) {
    const message = `${strategy} runs new machines beside the old ones, which hold the volumes`;
    deploy.notes.error(keyPath(deploy.path, 'strategy'), message, orList(strategies));
  } else if (strategy === 'canary' || strategy === 'bluegreen') {
    const message = `the strategy ${strategy} is not supported yet`;
    deploy.notes.error(keyPath(deploy.path, 'strategy'), message, orList(strategies));
  }
}

/** Sections read here for a second time: their wrong types are noted where they are mapped. */
function sectionOf(root: Table, key: string): Table | undefined {
  const value = fieldOf(root.values, key);
  return isTable(value) ? { path: key, values: value, notes: root.notes } : undefined;
}

function sectionsOf(root: Table, key: string): readonly Table[] {
  const value = fieldOf(root.values, key);
  if (!isList(value)) return [];
  return value.flatMap((item, index) =>
    isTable(item) ? [{ path: `${key}[${index}]`, values: item, notes: root.notes }] : [],
  );
}
