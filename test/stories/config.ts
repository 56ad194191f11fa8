/** A small fleet for stories: one good app and, for some, a broken one. */
export const goodConfig = {
  'config/project.yaml': `project: acme
fleet: acme
source: { type: local, path: apps }
common:
  app_defaults:
    primary_region: arn
`,
  'config/apps/web/app.yaml': `app: acme-web
source: { type: image, image: "nginx:1.27" }
machines: { count: 2 }
env: { GREETING: hello }
http_service:
  internal_port: 80
  force_https: true
`,
  'config/apps/jobs/app.yaml': `app: acme-jobs
source: { type: image, image: "busybox:1.36" }
machines: { count: 1 }
processes: { worker: "sleep inf" }
secrets:
  - { name: TOKEN, type: env, env: JOBS_TOKEN }
`,
} as const;

export const brokenConfig = {
  ...goodConfig,
  'config/apps/bad/app.yaml': `app: acme-bad
source: { type: image, image: "nginx:1.27" }
machines:
  cuont: 2
`,
} as const;
