import { describe, expect, test } from 'vitest';
import { load } from '../loading.ts';
import type { MemoryFiles } from '../memory-tree.ts';

async function explained(files: MemoryFiles, app = 'web'): Promise<readonly string[]> {
  const fleet = await load(files);
  return fleet.explain(app).map(({ path, value, file, line, column, part, substitutedBy }) => {
    const by = [part, substitutedBy].filter((word) => word !== undefined).join('; ');
    return `${path} = ${JSON.stringify(value)} ${file}:${line}:${column}${by === '' ? '' : ` (${by})`}`;
  });
}

describe('where the fields of a fly config come from', () => {
  test('the file itself, defaults and overrides of the projects round it, substitutions', async () => {
    const project = `project: outer
source:
  type: local
  path: apps
common:
  substitutions:
    __COLOR__: blue
  app_defaults:
    env:
      LEVEL: info
      COLOR: red
  app_overrides:
    kill_timeout: 30
`;
    const app = `app: web
primary_region: arn
build:
  image: nginx:1.27
env:
  COLOR: __COLOR__
`;
    expect(await explained({ 'project.yaml': project, 'apps/app.yaml': app })).toEqual([
      'app = "web" apps/app.yaml:1:6',
      'env.LEVEL = "info" project.yaml:10:14 (app_defaults of project outer)',
      'env.COLOR = "blue" apps/app.yaml:6:10 (project.yaml:7)',
      'primary_region = "arn" apps/app.yaml:2:17',
      'build.image = "nginx:1.27" apps/app.yaml:4:10',
      'kill_timeout = "30s" project.yaml:13:19 (app_overrides of project outer)',
    ]);
  });

  test('lists of tables that are one table today', async () => {
    const app = `app = "web"
primary_region = "arn"
build.image = "nginx:1.27"

[[env]]
PORT = 80
[[env]]
LEVEL = "info"

[[checks]]
name = "other"
type = "tcp"
port = 1
[[checks]]
name = "alive"
type = "tcp"
port = 2

[[processes]]
name = "app"
command = "serve"
`;
    expect((await explained({ 'app.toml': app })).filter((line) => !/^(?:app|primary|build)/.test(line))).toEqual([
      'env.PORT = "80" app.toml:6:8',
      'env.LEVEL = "info" app.toml:8:9',
      'checks.other.type = "tcp" app.toml:12:8',
      'checks.other.port = 1 app.toml:13:8',
      'checks.alive.type = "tcp" app.toml:16:8',
      'checks.alive.port = 2 app.toml:17:8',
      'processes.app = "serve" app.toml:19:1',
    ]);
  });

  test('a table that only its inner tables open', async () => {
    const app = 'app = "web"\nprimary_region = "arn"\nbuild.image = "nginx:1.27"\n[[services.ports]]\nport = 80\n';
    const { problems } = await load({ 'app.toml': app });
    expect(problems.map(({ line, message }) => `${line} ${message}`)).toEqual(['4 internal_port is required']);
  });

  test('older forms: other names, single tables, several lists in one', async () => {
    const app = `app: web
primary_region: arn
build:
  image: nginx:1.27
compute:
  memory: 512
vm:
  - size: shared-cpu-2x
mount:
  source: data
  destination: /data
`;
    expect((await explained({ 'app.yaml': app })).slice(3)).toEqual([
      'vm[0].memory = "512" app.yaml:6:11',
      'vm[1].size = "shared-cpu-2x" app.yaml:8:11',
      'mounts[0].source = "data" app.yaml:10:11',
      'mounts[0].destination = "/data" app.yaml:11:16',
    ]);
  });

  test('nothing is said of an app that is not there or invalid', async () => {
    expect(await explained({ 'app.yaml': 'app: web\nmachines: 3\n' })).toEqual([]);
    expect(await explained({ 'app.yaml': 'app: web\n' }, 'other')).toEqual([]);
  });
});
