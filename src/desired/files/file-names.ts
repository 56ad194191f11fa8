/** What config files are called. */

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
