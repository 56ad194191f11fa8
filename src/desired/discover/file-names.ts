/** What config files may be called. */

const forms = ['yaml', 'yml', 'toml'] as const;
const named = (stem: string): readonly string[] => forms.map((form) => `${stem}.${form}`);

export const appFileNames = named('app');
export const projectFileNames = named('project');
/** Of the fleet, not of an app. */
export const settingsFileNames = named('flycd');

export const isAppOrProject = (name: string): boolean => appFileNames.includes(name) || projectFileNames.includes(name);

export type ConfigKind = 'app' | 'project' | 'flycd';

export const fileNames: Readonly<Record<ConfigKind, readonly string[]>> = {
  app: appFileNames,
  project: projectFileNames,
  flycd: settingsFileNames,
};

export interface NearMiss {
  readonly kind: ConfigKind;
  readonly meant: string;
  /** true: other tools have files of this name, so that only what is in it tells. */
  readonly isCommon: boolean;
}

/**
 * `App.yaml`, `apps.yml`, `app.yaml.txt`: what a file was meant to be called. `app.yaml~` is one, since an editor that is
 * saving gives the file that name for a moment; `app.yaml.bak` is what somebody put away. `app.json` is one where it says
 * what FlyCD reads. undefined: it has its name, or is something else.
 */
export function nearMissOf(name: string): NearMiss | undefined {
  const [, stem, form] = /^(app|project|flycd)s?\.(ya?ml|toml|json)(?:~|\.txt)?$/i.exec(name) ?? [];
  const kind = stem?.toLowerCase() as ConfigKind | undefined;
  if (kind === undefined || form === undefined || fileNames[kind].includes(name)) return undefined;
  const isCommon = form.toLowerCase() === 'json';
  return { kind, meant: `${kind}.${isCommon ? 'yaml' : form.toLowerCase()}`, isCommon };
}
