import { tableOf } from '../reading/tables.ts';
import { fieldOf, keyPath, kindOf, type Table } from '../reading/values.ts';

/** What FlyCD writes into each machine's env to say which version runs. */
const versionName = /^FLYCD_(?:CONFIG_VERSION|APP_VERSION|APP_SOURCE_\w+)$/;

/**
 * The machines' env without FLY_PROCESS_GROUP, which differs by group. PRIMARY_REGION is Fly's to set. Source: flyctl's
 * updateMachineConfig.
 */
export function environmentOf(root: Table, primaryRegion: string): Readonly<Record<string, string>> {
  const section = tableOf(root, 'env');
  const entries: [string, string][] = [];
  for (const name of Object.keys(section?.values ?? {})) {
    const value = fieldOf(section?.values ?? {}, name);
    const path = keyPath(section?.path ?? 'env', name);
    if (typeof value === 'string') {
      checkName(root, { name, value, path, primaryRegion });
      entries.push([name, value]);
    } else {
      const hint = value === undefined ? `${name}: "" sets it to nothing` : 'put it in quotes';
      root.notes.error(path, `expected text, found ${kindOf(value)}`, hint);
    }
  }
  if (primaryRegion !== '') entries.push(['PRIMARY_REGION', primaryRegion]);
  return Object.fromEntries(entries);
}

interface Variable {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly primaryRegion: string;
}

function checkName(root: Table, { name, value, path, primaryRegion }: Variable): void {
  if (name === '' || /[=\0]/.test(name)) root.notes.error(path, 'an env name holds no = and is not empty');
  else if (name.startsWith('FLY_')) {
    root.notes.error(path, 'names that begin with FLY_ are kept for Fly itself', 'choose another name');
  } else if (versionName.test(name)) {
    root.notes.error(path, 'FlyCD writes this name itself', 'remove it');
  } else if (name === 'PRIMARY_REGION' && primaryRegion !== '' && value !== primaryRegion) {
    root.notes.warning(path, `primary_region beats it: the machines get ${primaryRegion}`, 'remove it');
  }
}
