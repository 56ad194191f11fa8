/**
 * Fly's own config as people write it in fly.toml, fly.yaml and app.yaml: for editors only.
 * Loose: what stands here is what flyctl documents (August 2026), old forms included; the mapper repairs and checks it.
 */
import { z } from 'zod';
import { guestPresets } from './fly/presets.ts';
import { Check, HttpService, MachineCheck, processes, Service, texts, time } from './fly-services.ts';
import { regionCode } from './written.ts';

const text = z.string();
const number = z.number();
const switchable = z.boolean();
const words = z.union([texts, text]);

const vmFields = {
  size: z.enum(Object.keys(guestPresets)).optional().describe('Preset of CPUs and memory. Default: shared-cpu-1x.'),
  memory: z
    .union([text, number])
    .optional()
    .describe('Memory: 512mb, 1gb; a bare number is MB. Default: the preset’s.'),
  memory_mb: number.optional().describe('Memory in MB; beats memory. Default: the preset’s.'),
  cpus: number.optional().describe('CPUs: 1, 2, 4, 6, 8; performance up to 128. Default: the preset’s.'),
  cpu_kind: z.enum(['shared', 'performance']).optional().describe('Kind of CPU. Default: the preset’s.'),
  max_memory_mb: number.optional().describe('Memory in MB that it may grow to. Default: none.'),
  gpus: number.optional().describe('GPUs; Fly is retiring them. Default: none.'),
  gpu_kind: text.optional().describe('a10, l40s, a100-pcie-40gb, a100-sxm4-80gb. Default: none.'),
  host_dedication_id: text.optional().describe('Dedicated host to run on. Default: none.'),
  kernel_args: texts.optional().describe('Words for the kernel’s command line. Default: none.'),
  persist_rootfs: z
    .enum(['never', 'restart', 'always'])
    .optional()
    .describe('When the root file system is kept. Default: never.'),
};
const Vm = z.looseObject({
  ...vmFields,
  processes: texts.optional().describe('Process groups this is for. Default: all.'),
});

const Mount = z.looseObject({
  source: text.optional().describe('Name of the volume; needed.'),
  destination: text.optional().describe('Where the machine sees it: /data; needed.'),
  initial_size: z
    .union([text, number])
    .optional()
    .describe('Size of the volume where volumes names none: 10gb; a bare number is GB. Default: 1gb.'),
  snapshot_retention: number.optional().describe('Days that snapshots are kept, 1 to 60. Default: 5.'),
  scheduled_snapshots: switchable.optional().describe('Daily snapshots. Default: true.'),
  auto_extend_size_threshold: number
    .optional()
    .describe('Per cent in use at which it grows by itself, 50 to 99. Default: never.'),
  auto_extend_size_increment: text.optional().describe('By how much it grows, 1gb to 100gb. Default: none.'),
  auto_extend_size_limit: text.optional().describe('Where growing ends, 1gb to 500gb. Default: nowhere.'),
  processes,
});

const File = z.looseObject({
  guest_path: text.optional().describe('Path in the machine; needed.'),
  local_path: text.optional().describe('File of this folder, or of the source, whose content it gets.'),
  raw_value: text.optional().describe('The file’s text.'),
  secret_name: text.optional().describe('Secret whose (base64) value is the file.'),
  processes: texts.optional().describe('Without effect: every process group gets each file, as with flyctl.'),
});

const Restart = z.looseObject({
  policy: z.enum(['always', 'never', 'on-failure']).optional().describe('When it starts again. Default: on-failure.'),
  retries: number.optional().describe('Times that on-failure tries. Default: 10.'),
  processes,
});

const Metric = z.looseObject({
  port: number.optional().describe('Port of the Prometheus page.'),
  path: text.optional().describe('Path of the Prometheus page.'),
  https: switchable.optional().describe('Ask by https. Default: false.'),
  processes,
});

const Static = z.looseObject({
  guest_path: text.optional().describe('Folder in the image, or in the bucket; needed.'),
  url_prefix: text.optional().describe('Path of requests that are answered from it; needed.'),
  tigris_bucket: text.optional().describe('Bucket that holds the files. Default: none, the image does.'),
  index_document: text.optional().describe('File that stands for its folder. Default: none.'),
});

const Build = z.looseObject({
  image: text.optional().describe('Image to run; nothing is built then.'),
  dockerfile: text.optional().describe('Dockerfile, by its path from the source. Default: Dockerfile.'),
  'build-target': text.optional().describe('Stage of the Dockerfile to stop at. Default: the last.'),
  args: z.record(text, text).optional().describe('Build arguments. Not for secrets. Default: none.'),
  ignorefile: text.optional().describe('File that says what is not sent to the build. Default: .dockerignore.'),
  builder: text.optional().describe('Builder image of buildpacks. Default: none.'),
  buildpacks: texts.optional().describe('Buildpacks to use. Default: the builder’s.'),
  builtin: text.optional().describe('One of flyctl’s own ways to build. Default: none.'),
  settings: z.looseObject({}).optional().describe('Settings of that way. Default: none.'),
  compression: z.enum(['gzip', 'zstd']).optional().describe('How layers are compressed. Default: the builder’s.'),
  compression_level: number.optional().describe('Level of compression, 0 to 9. Default: the builder’s.'),
  compose: z
    .looseObject({ file: text.optional().describe('Compose file. Default: the usual names.') })
    .optional()
    .describe('Containers from a compose file. Not supported yet.'),
});

const Deploy = z.looseObject({
  strategy: z
    .enum(['rolling', 'immediate', 'canary', 'bluegreen'])
    .optional()
    .describe('How machines are changed. canary and bluegreen are not supported yet. Default: rolling.'),
  max_unavailable: number
    .optional()
    .describe('Machines down at once while rolling: under 1 a fraction, else a count. Default: 0.33.'),
  wait_timeout: time
    .optional()
    .describe(
      'Time without progress before a machine that runs counts as failed, with its unit: 90s, 5m. Default: 5m.',
    ),
  release_command: text
    .optional()
    .describe(
      'Command to run once before machines change, on one of its own; if it fails, none changes. Default: none.',
    ),
  release_command_timeout: time.optional().describe('Time that command has, with its unit: 90s, 5m. Default: 5m.'),
  release_command_vm: z.looseObject(vmFields).optional().describe('Size of its machine. Default: the app’s largest.'),
  seed_command: text.optional().describe('Command to run once after the first release. Not supported yet.'),
});

const Experimental = z.looseObject({
  cmd: words.optional().describe('Command where processes name none. Default: the image’s.'),
  entrypoint: words.optional().describe('Entrypoint in place of the image’s. Default: the image’s.'),
  exec: words.optional().describe('Runs in place of entrypoint and command. Default: none.'),
  machine_config: text.optional().describe('The older place of machine_config.'),
  enable_consul: switchable.optional().describe('Not supported yet. Default: false.'),
  enable_etcd: switchable.optional().describe('Not supported yet. Default: false.'),
});

/** One item may stand without its list in TOML ([mounts] for [[mounts]]). */
const oneOrMany = <Item extends z.ZodType>(item: Item) => z.union([z.array(item), item]).optional();

export const FlyConfig = z.looseObject({
  app: text.optional().describe('Name of the app on Fly.'),
  primary_region: regionCode().optional().describe('First region of the app.'),
  kill_signal: z
    .enum(['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGHUP', 'SIGKILL'])
    .optional()
    .describe('Signal that asks the app to stop. Default: SIGINT.'),
  kill_timeout: time
    .optional()
    .describe('Time the app has to stop, at most 5m; a bare number is seconds. Default: 5s.'),
  swap_size_mb: number.optional().describe('Swap in MB. Default: none.'),
  console_command: text.optional().describe('What fly console runs; nothing to the machines. Default: none.'),
  host_dedication_id: text.optional().describe('Dedicated host to run on. Default: none.'),
  machine_config: text
    .optional()
    .describe('JSON of a machine’s config, or the path of a .json file: for what has no field here. Default: none.'),
  container: text.optional().describe('Container of machine_config that runs the app. Default: app, else the first.'),
  env: z
    .union([z.record(text, z.union([text, number, switchable])), z.array(z.looseObject({}))])
    .optional()
    .describe('Variables the app sees. Not for secrets. Default: none.'),
  processes: z
    .union([z.record(text, text), z.array(z.unknown())])
    .optional()
    .describe('Command of each process group. Default: one group, app, with the image’s command.'),
  http_service: HttpService.optional().describe('Web service on ports 80 and 443.'),
  services: oneOrMany(Service).describe('Services on other ports.'),
  checks: z
    .union([z.record(text, Check), z.array(Check)])
    .optional()
    .describe('Checks that no service owns, by name.'),
  machine_checks: z
    .array(MachineCheck)
    .optional()
    .describe('Checks in machines of their own while deploying. Not supported yet.'),
  vm: oneOrMany(Vm).describe('Size of the machines. Default: as they are; new ones shared-cpu-1x.'),
  mounts: oneOrMany(Mount).describe('Volumes, one a process group.'),
  restart: z.array(Restart).optional().describe('What happens when the app exits.'),
  files: z.array(File).optional().describe('Files to put into the machines.'),
  metrics: oneOrMany(Metric).describe('Where Fly finds Prometheus metrics.'),
  statics: z.array(Static).optional().describe('Folders Fly serves itself, at most 10.'),
  experimental: Experimental.optional().describe('How the image’s process starts.'),
  build: Build.optional().describe('How the image is made, or which one to run.'),
  deploy: Deploy.optional().describe('How machines change.'),
});
export type FlyConfig = z.infer<typeof FlyConfig>;
