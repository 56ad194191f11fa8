import { hash } from 'node:crypto';

/** Pinned, so that no registry is asked; the simulator reads a machine's behaviour off the name. */
export function image(name: string): string {
  return `registry.test/${name}:1@sha256:${hash('sha256', name)}`;
}

interface AppParts {
  readonly greeting?: string;
  readonly count?: number;
  readonly image?: string;
  /** More of the app.yaml, as text. */
  readonly more?: string;
}

/** An app whose machines are healthy some two seconds after they are told to start. */
export function webApp(name: string, parts: AppParts = {}): string {
  return `app: ${name}
primary_region: arn
source: { type: image, image: "${parts.image ?? image('web')}" }
machines: { count: ${parts.count ?? 1} }
env: { GREETING: ${parts.greeting ?? 'hello'} }
checks:
  alive: { type: tcp, port: 8080, interval: 15s, timeout: 2s }
${parts.more ?? ''}`;
}

/** Two apps of the fleet `acme`: one of its machines is in nobody's way. */
export const twoApps = {
  'flycd.yaml': 'fleet: acme\n',
  'apps/web/app.yaml': webApp('acme-web'),
  'apps/jobs/app.yaml': webApp('acme-jobs'),
} as const;
