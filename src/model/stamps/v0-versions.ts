/** What FlyCD 0.x wrote into the env of an app's machines. */
export interface V0Versions {
  /** Of its source: a bare commit, or Go's hash of a folder. */
  readonly app: string;
  /** Go's hash of its config folder. */
  readonly config: string;
}

const commit = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** FlyCD's own versions name their scheme. */
export function isV0Version(text: string | undefined): boolean {
  return text !== undefined && (text.startsWith('h1:') || commit.test(text));
}

/** undefined: FlyCD 0.x has not deployed this. */
export function v0VersionsOf(env: Readonly<Record<string, string>> | null | undefined): V0Versions | undefined {
  const app = env?.['FLYCD_APP_VERSION'];
  const config = env?.['FLYCD_CONFIG_VERSION'];
  if (app === undefined || config === undefined || !isV0Version(app) || !isV0Version(config)) return undefined;
  return { app, config };
}
