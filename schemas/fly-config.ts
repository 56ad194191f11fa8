/**
 * Fly's own config as people write it in fly.toml, fly.yaml and app.yaml: for editors only.
 * Loose: what stands here is what flyctl documents (August 2026), old forms included; the mapper repairs and checks it.
 */
import { z } from 'zod';
import { regionCode } from './written.ts';

const text = z.string();
const number = z.number();
const switchable = z.boolean();
/** "10s", or a bare number whose unit depends on the field: say the unit. */
const time = z.union([text, number]);
const processes = z.array(text).optional().describe('Process groups this is for. Default: the default group.');

const autoStop = z.union([z.enum(['off', 'stop', 'suspend']), switchable]).optional();
const concurrency = z
  .union([
    z.looseObject({
      type: z.enum(['connections', 'requests']).optional().describe('What is counted. Default: connections.'),
      soft_limit: number.optional().describe('Load at which Fly prefers other machines. Default: 20.'),
      hard_limit: number.optional().describe('Load at which Fly sends no more.'),
    }),
    text,
  ])
  .optional()
  .describe('How much one machine takes.');
const tlsOptions = z
  .looseObject({
    alpn: z.array(text).optional(),
    versions: z.array(text).optional(),
    default_self_signed: switchable.optional(),
  })
  .optional();
const httpOptions = z
  .looseObject({
    compress: switchable.optional(),
    h2_backend: switchable.optional(),
    idle_timeout: number.optional().describe('Seconds.'),
    headers_read_timeout: number.optional().describe('Seconds.'),
    response: z.looseObject({}).optional(),
  })
  .optional();

const checkTimes = {
  interval: time.optional().describe('Time between two checks; a bare number is milliseconds.'),
  timeout: time.optional().describe('When a check counts as failed; a bare number is milliseconds.'),
  grace_period: time.optional().describe('Time after start before checks count; a bare number is milliseconds.'),
};
const httpCheckFields = {
  ...checkTimes,
  method: text.optional().describe('HTTP method. Default: GET.'),
  path: text.optional().describe('Path to ask for.'),
  protocol: z.enum(['http', 'https']).optional(),
  tls_skip_verify: switchable.optional(),
  tls_server_name: text.optional(),
  headers: z.union([z.record(text, text), z.array(z.looseObject({}))]).optional(),
};
const HttpCheck = z.looseObject(httpCheckFields);
const TcpCheck = z.looseObject(checkTimes);
const MachineCheck = z.looseObject({
  command: z.union([z.array(text), text]).optional(),
  image: text.optional(),
  entrypoint: z.union([z.array(text), text]).optional(),
  kill_signal: text.optional(),
  kill_timeout: time.optional(),
});

const Check = z.looseObject({
  type: z.enum(['http', 'tcp']).optional().describe('Kind of check.'),
  port: number.optional().describe('Port to ask. Default: internal_port of http_service.'),
  ...httpCheckFields,
  processes,
});

const serviceFields = {
  internal_port: z.union([number, text]).optional().describe('Port the app listens on.'),
  auto_stop_machines: autoStop.describe('What Fly does with machines nobody asks: off, stop, suspend. Default: off.'),
  auto_start_machines: switchable.optional().describe('Start machines when somebody asks. Default: true.'),
  min_machines_running: number.optional().describe('Machines Fly keeps running in the primary region. Default: 0.'),
  concurrency,
  processes,
};

const Port = z.looseObject({
  port: z.union([number, text]).optional().describe('Public port.'),
  start_port: number.optional().describe('First port of a range.'),
  end_port: number.optional().describe('Last port of a range.'),
  handlers: z.array(text).optional().describe('What Fly’s proxy does: http, tls, pg_tls, proxy_proto.'),
  force_https: switchable.optional().describe('Send http to https.'),
  tls_options: tlsOptions,
  http_options: httpOptions,
  proxy_proto_options: z.looseObject({ version: text.optional() }).optional(),
});

const HttpService = z.looseObject({
  ...serviceFields,
  internal_port: number.optional().describe('Port the app listens on.'),
  force_https: switchable.optional().describe('Send http to https. Default: false.'),
  tls_options: tlsOptions,
  http_options: httpOptions,
  checks: z.array(HttpCheck).optional().describe('HTTP checks.'),
  machine_checks: z.array(MachineCheck).optional(),
});

const Service = z.looseObject({
  ...serviceFields,
  protocol: z.enum(['tcp', 'udp']).optional().describe('Default: tcp.'),
  ports: z.array(Port).optional().describe('Public ports.'),
  tcp_checks: z.array(TcpCheck).optional(),
  http_checks: z.array(HttpCheck).optional(),
  machine_checks: z.array(MachineCheck).optional(),
});

const Vm = z.looseObject({
  size: text.optional().describe('Preset: shared-cpu-1x, performance-2x.'),
  memory: z.union([text, number]).optional().describe('Memory: 512mb, 1gb; a bare number is MB.'),
  memory_mb: number.optional().describe('Memory in MB.'),
  cpus: number.optional().describe('CPUs: 1, 2, 4, 6, 8; performance up to 128.'),
  cpu_kind: z.enum(['shared', 'performance']).optional().describe('Default: shared.'),
  max_memory_mb: number.optional().describe('Memory in MB that it may grow to.'),
  gpus: number.optional().describe('GPUs; Fly is retiring them.'),
  gpu_kind: text.optional().describe('a10, l40s, a100-pcie-40gb, a100-sxm4-80gb.'),
  host_dedication_id: text.optional().describe('Dedicated host to run on.'),
  kernel_args: z.array(text).optional().describe('Words for the kernel’s command line.'),
  persist_rootfs: z
    .enum(['never', 'restart', 'always'])
    .optional()
    .describe('When the root file system is kept. Default: never.'),
  processes: z.array(text).optional().describe('Process groups this is for. Default: all.'),
});

const Mount = z.looseObject({
  source: text.optional().describe('Name of the volume.'),
  destination: text.optional().describe('Where the machine sees it.'),
  initial_size: z.union([text, number]).optional().describe('Size of a new volume: 10gb; a bare number is GB.'),
  snapshot_retention: number.optional().describe('Days, 1 to 60. Default: 5.'),
  scheduled_snapshots: switchable.optional().describe('Daily snapshots. Default: true.'),
  auto_extend_size_threshold: number.optional().describe('Per cent in use at which it grows, 50 to 99.'),
  auto_extend_size_increment: text.optional().describe('By how much it grows: 1gb.'),
  auto_extend_size_limit: text.optional().describe('Where growing ends: 50gb.'),
  processes,
});

const File = z.looseObject({
  guest_path: text.optional().describe('Path in the machine.'),
  local_path: text.optional().describe('File of this folder, or of the source.'),
  raw_value: text.optional().describe('The file’s text.'),
  secret_name: text.optional().describe('Secret whose (base64) value is the file.'),
  processes: z.array(text).optional().describe('Without effect: every process group gets each file, as with flyctl.'),
});

const Restart = z.looseObject({
  policy: z.enum(['always', 'never', 'on-failure']).optional().describe('Default: on-failure.'),
  retries: number.optional().describe('How often on-failure tries.'),
  processes,
});

const Metric = z.looseObject({
  port: number.optional(),
  path: text.optional().describe('Path of the Prometheus page.'),
  https: switchable.optional(),
  processes,
});

const Static = z.looseObject({
  guest_path: text.optional(),
  url_prefix: text.optional(),
  tigris_bucket: text.optional(),
  index_document: text.optional(),
});

const Build = z.looseObject({
  image: text.optional().describe('Image to run; nothing is built then.'),
  dockerfile: text.optional(),
  builder: text.optional(),
  buildpacks: z.array(text).optional(),
  builtin: text.optional(),
  settings: z.looseObject({}).optional(),
  args: z.record(text, z.union([text, number, switchable])).optional(),
  'build-target': text.optional(),
  ignorefile: text.optional(),
  compose: z.looseObject({}).optional(),
  compression: text.optional(),
  compression_level: number.optional(),
});

const Deploy = z.looseObject({
  strategy: z.enum(['rolling', 'immediate', 'canary', 'bluegreen']).optional().describe('Default: rolling.'),
  max_unavailable: number
    .optional()
    .describe('Machines down at once while rolling: under 1 a fraction, else a count. Default: 0.33.'),
  wait_timeout: time.optional().describe('Time without progress before a machine counts as failed. Default: 5m.'),
  release_command: text.optional().describe('Command to run once before machines change.'),
  release_command_timeout: time.optional(),
  release_command_vm: z.looseObject({}).optional(),
  seed_command: text.optional(),
});

/** One item may stand without its list in TOML ([mounts] for [[mounts]]). */
const oneOrMany = <Item extends z.ZodType>(item: Item) => z.union([z.array(item), item]).optional();

export const FlyConfig = z.looseObject({
  app: text.optional().describe('Name of the app on Fly.'),
  primary_region: regionCode().optional().describe('First region of the app.'),
  kill_signal: text.optional().describe('Signal that asks the app to stop. Default: SIGINT.'),
  kill_timeout: time
    .optional()
    .describe('Time the app has to stop, at most 5m; a bare number is seconds. Default: 5s.'),
  swap_size_mb: number.optional().describe('Swap in MB. Default: none.'),
  console_command: text.optional().describe('What fly console runs; nothing to the machines.'),
  host_dedication_id: text.optional().describe('Dedicated host to run on; needs a vm section.'),
  machine_config: text
    .optional()
    .describe('JSON of a machine’s config, or the path of a .json file: for what has no field here, such as schedule.'),
  container: text.optional().describe('Container of machine_config that runs the app. Default: app, else the first.'),
  env: z
    .union([z.record(text, z.union([text, number, switchable])), z.array(z.looseObject({}))])
    .optional()
    .describe('Variables the app sees. Not for secrets.'),
  processes: z
    .union([z.record(text, text), z.array(z.unknown())])
    .optional()
    .describe('Command of each process group.'),
  http_service: HttpService.optional().describe('Web service on ports 80 and 443.'),
  services: oneOrMany(Service).describe('Services on other ports.'),
  checks: z
    .union([z.record(text, Check), z.array(Check)])
    .optional()
    .describe('Checks that no service owns, by name.'),
  vm: oneOrMany(Vm).describe('Size of the machines.'),
  mounts: oneOrMany(Mount).describe('Volumes, one a process group.'),
  restart: z.array(Restart).optional().describe('What happens when the app exits.'),
  files: z.array(File).optional().describe('Files to put into the machines.'),
  metrics: oneOrMany(Metric).describe('Where Fly finds Prometheus metrics.'),
  statics: z.array(Static).optional().describe('Folders Fly serves itself.'),
  experimental: z
    .looseObject({
      cmd: z
        .union([z.array(text), text])
        .optional()
        .describe('Command where processes name none.'),
      entrypoint: z
        .union([z.array(text), text])
        .optional()
        .describe('Entrypoint in place of the image’s.'),
      exec: z
        .union([z.array(text), text])
        .optional()
        .describe('Runs in place of entrypoint and command.'),
    })
    .optional(),
  build: Build.optional().describe('How the image is made, or which one to run.'),
  deploy: Deploy.optional().describe('How machines change.'),
});
export type FlyConfig = z.infer<typeof FlyConfig>;
