import { readDocument } from '../../src/desired/documents/document.ts';
import { mapGroups } from '../../src/flyconfig/machine.ts';
import { repairFlyConfig } from '../../src/flyconfig/older-forms/repair.ts';
import { median, timed, type Figure } from '../figures.ts';

/** Runs before the first that counts: the compiler of V8 has then seen all there is to see. */
const warmUps = 2;

/** Half a second for a thousand: a fleet's configs must never be what a pass waits for. */
const boundMsEach = 0.5;

/** Parses, repairs and maps so many fly.toml files, each another text; the median of several such runs. */
export async function flyConfigs(count: number, runs: number): Promise<readonly Figure[]> {
  const texts = Array.from({ length: count }, (_unused, index) => Buffer.from(flyToml(index)));
  const times: number[] = [];
  for (let run = -warmUps; run < runs; run += 1) {
    const ms = await timed(() => {
      for (const bytes of texts) mapped(bytes);
    });
    if (run >= 0) times.push(ms);
  }
  const what = `parse, repair and map ${count} fly.toml files, warm`;
  return [{ what, value: median(times), unit: 'ms', bound: count * boundMsEach }];
}

function mapped(bytes: Uint8Array): void {
  const { fields, problems } = readDocument({ file: 'fly.toml', format: 'toml', bytes, substitutions: [] });
  if (fields === undefined || problems.length > 0) throw new Error('a fly.toml of the bench could not be read');
  const { config, notes } = repairFlyConfig(fields);
  const { groups, notes: more } = mapGroups({ app: 'bench', primaryRegion: 'arn', config, readFile: () => undefined });
  const error = [...notes, ...more].find((note) => note.severity === 'error');
  if (groups.length !== 2 || error !== undefined)
    throw new Error(`a fly.toml of the bench was refused: ${error?.message}`);
}

/** As `fly launch` writes it and a team goes on from there: two process groups, a service, a volume, older forms too. */
function flyToml(index: number): string {
  return `# fly.toml of service ${index}
app = "service-${index}"
primary_region = "arn"
kill_signal = "SIGINT"
kill_timeout = 30

[build]
  image = "ghcr.io/example/service:v1.${index}.0"

[deploy]
  strategy = "rolling"
  max_unavailable = 0.5

[env]
  LOG_LEVEL = "info"
  PORT = 8080
  SERVICE_NAME = "service-${index}"

[processes]
  web = "node server.js --port 8080"
  worker = "node worker.js --queue default"

[[mounts]]
  source = "data"
  destination = "/data"
  initial_size = "3gb"
  processes = ["worker"]

[http_service]
  internal_port = 8080
  force_https = true
  auto_stop_machines = true
  auto_start_machines = true
  min_machines_running = 1
  processes = ["web"]

  [http_service.concurrency]
    type = "requests"
    soft_limit = 200
    hard_limit = 250

  [[http_service.checks]]
    method = "GET"
    path = "/healthz"
    interval = "15s"
    timeout = "2s"
    grace_period = "5s"

[checks]
  [checks.alive]
    type = "tcp"
    port = 9000
    interval = 15000
    timeout = 2000
    processes = ["worker"]

[[vm]]
  size = "shared-cpu-1x"
  memory = "512mb"
`;
}
