import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Workspace } from './workspace.ts';

/** Apps of one team: a project with defaults and substitutions, and a folder for each of its apps. */
const appsPerProject = 50;

export interface Fleet {
  /** A git work tree, committed. */
  readonly folder: string;
  /** The same commit in a bare repository, `origin` of the work tree. */
  readonly url: string;
  readonly apps: number;
}

/** The environment that the secrets of the fleet come from. */
export const fleetEnvironment: Readonly<Record<string, string>> = { API_KEY: 'an-invented-key-for-the-bench' };

/** Writes a config repo of so many apps as an organization would keep it, commits and pushes it. */
export async function writeFleet(workspace: Workspace, name: string, apps: number): Promise<Fleet> {
  const folder = join(workspace.folder, name);
  const bare = join(workspace.folder, `${name}.git`);
  await write(join(folder, 'flycd.yaml'), 'fleet: bench\nsync:\n  drift: heal\n');
  const projects = Math.ceil(apps / appsPerProject);
  for (let project = 0; project < projects; project += 1) {
    await write(join(folder, projectFolder(project), 'project.yaml'), projectText(project));
  }
  for (let app = 0; app < apps; app += 1) await write(join(folder, fileOf(app)), appText(app, 'info'));
  const git = (...args: readonly string[]) => workspace.run('git', args, { folder });
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'Describe the fleet');
  await git('init', '--quiet', '--bare', '--initial-branch=main', bare);
  await git('remote', 'add', 'origin', bare);
  await git('push', '--quiet', 'origin', 'main');
  return { folder, url: `file://${bare}`, apps };
}

/** In a bench child: commits what changed in a work tree, and pushes it. */
export function pushChanges(folder: string): void {
  execFileSync('git', ['commit', '--quiet', '--all', '--message', 'Log more'], { cwd: folder });
  execFileSync('git', ['push', '--quiet', 'origin', 'main'], { cwd: folder });
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

function projectFolder(project: number): string {
  return `projects/${teamOf(project)}`;
}

/** From the root of the tree. */
export function fileOf(app: number): string {
  return `apps/${teamOf(Math.floor(app / appsPerProject))}/service-${padded(app)}/app.yaml`;
}

function teamOf(project: number): string {
  return `team-${String(project).padStart(2, '0')}`;
}

/** On Fly. */
export function nameOf(app: number): string {
  return `bench-service-${padded(app)}-production`;
}

function padded(app: number): string {
  return String(app).padStart(4, '0');
}

function projectText(project: number): string {
  return `# What the services of ${teamOf(project)} have in common.
project: ${teamOf(project)}
source:
  type: local
  path: ../../apps/${teamOf(project)}
common:
  substitutions:
    ENVIRONMENT: production
    TEAM: ${teamOf(project)}
  app_defaults:
    primary_region: arn
    env:
      ENVIRONMENT_NAME: production
      OTEL_EXPORTER_OTLP_ENDPOINT: http://collector.internal:4318
    vm:
      - size: shared-cpu-1x
        memory: 512mb
sync:
  max_deletes: 2
`;
}

/**
 * Some forty lines, as a web service has them; the image is pinned, so that no registry is asked. Another log level is a
 * change that means an update.
 */
export function appText(app: number, logLevel: string): string {
  const digest = createHash('sha256').update(`image ${app}`).digest('hex');
  return `# Service ${app}: answers requests, keeps nothing on disk.
app: bench-service-${padded(app)}-ENVIRONMENT

build:
  image: ghcr.io/example/service-${padded(app)}:v1.${app % 17}.0@sha256:${digest}

env:
  LOG_LEVEL: ${logLevel}
  SERVICE_NAME: service-${padded(app)}
  OWNER: TEAM
  DATABASE_HOST: database.ENVIRONMENT.internal
  QUEUE_URL: redis://queue-${app % 7}.ENVIRONMENT.internal:6379/0

processes:
  app: node server.js --port 8080

http_service:
  internal_port: 8080
  force_https: true
  auto_stop_machines: stop
  auto_start_machines: true
  min_machines_running: 1
  processes: [app]
  concurrency:
    type: requests
    soft_limit: 200
    hard_limit: 250
  checks:
    - method: GET
      path: /healthz
      interval: 15s
      timeout: 2s
      grace_period: 5s

kill_signal: SIGTERM
kill_timeout: 30s

secrets:
  - name: API_KEY
    type: env

machines:
  count: 2
`;
}
