import { hash } from 'node:crypto';

/** An app that serves, whose releases go back where they fail. */
export const app = (image: string, more: string): Readonly<Record<string, string>> => ({
  'flycd.yaml': 'fleet: failures\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "docker.io/library/${image}@sha256:${hash('sha256', image)}" }
deploy: { wait_timeout: 60s }
http_service: { internal_port: 8080, checks: [{ path: /health, interval: 5s, timeout: 2s }] }
${more}
sync: { on_failure: rollback }
`,
});
