/** What config files may be called. */

const forms = ['yaml', 'yml', 'toml'] as const;
const named = (stem: string): readonly string[] => forms.map((form) => `${stem}.${form}`);

export const appFileNames = named('app');
export const projectFileNames = named('project');
/** Of the fleet, not of an app. */
export const settingsFileNames = named('flycd');

const all: ReadonlySet<string> = new Set([...appFileNames, ...projectFileNames, ...settingsFileNames]);

/** `App.yaml`, `apps.yml`: what a file was meant to be called. undefined: it has its name, or is something else. */
export function meantName(name: string): string | undefined {
  const [, stem, form] = /^(app|project|flycd)s?\.(ya?ml|toml)$/i.exec(name) ?? [];
  return stem === undefined || all.has(name) ? undefined : `${stem}.${form}`.toLowerCase();
}
