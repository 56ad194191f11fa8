/**
 * `machine:` of app.yaml: what a machine of Fly can be and no fly config can say, in the names of Fly's wire. What stands
 * here is exact; what does not is kept from the machine. Source: Fly's OpenAPI document and fly-go's MachineConfig.
 */
import { z } from 'zod';
import { durationSeconds, flag, listOf, wholeNumber } from './written.ts';

const text = z.string().min(1);
/** A number or a truth where text is meant, as in `env`. */
const scalarText = z.preprocess(
  (value) => (typeof value === 'number' || typeof value === 'boolean' ? String(value) : value),
  z.string(),
);
const words = (what: string) => listOf(z.string()).optional().describe(what);
const port = () => wholeNumber({ min: 1, max: 65_535 });
/** A day: longer is a mistake in the unit. */
const secondsMax = 86_400;
const seconds = () => wholeNumber({ min: 0, max: secondsMax });
const times = () => wholeNumber({ min: 1, max: 1000 });
const goDuration = z
  .string()
  .regex(/^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+$/, { error: 'expected a duration such as 10s or 1m30s' });
/** Fly refuses more. */
const stopSecondsMax = 300;
const stopTimeout = goDuration.refine((text) => (durationSeconds(text) ?? 0) <= stopSecondsMax, {
  error: 'expected 5m or less: Fly refuses more',
});
const environment = z.record(z.string(), scalarText).optional();

const Dns = z.strictObject({
  skip_registration: flag().optional().describe('Keep the machine out of internal DNS. Default: false.'),
  nameservers: words('Addresses of name servers. Default: Fly’s.'),
  searches: words('Domains tried for short names. Default: none.'),
  options: listOf(
    z.strictObject({
      name: text.describe('Name of a resolv.conf option: ndots.'),
      value: scalarText.optional().describe('Its value. Default: none.'),
    }),
  )
    .optional()
    .describe('Options of resolv.conf. Default: none.'),
  dns_forward_rules: listOf(
    z.strictObject({ basename: text.describe('Domain to ask elsewhere.'), addr: text.describe('Server to ask.') }),
  )
    .optional()
    .describe('Domains that other servers answer for. Default: none.'),
  hostname: text.optional().describe('Host name in the machine. Default: the machine’s id.'),
  hostname_fqdn: text.optional().describe('Its full name. Default: none.'),
});

const Rootfs = z.strictObject({
  persist: z
    .enum(['never', 'always', 'restart'])
    .optional()
    .describe('When the root file system outlives the process: never, always, restart. Default: never.'),
  size_gb: wholeNumber({ min: 1, max: 500 }).optional().describe('Size in GB. Default: Fly’s.'),
  fs_size_gb: wholeNumber({ min: 1, max: 500 }).optional().describe('Size of its file system in GB. Default: Fly’s.'),
});

const Init = z.strictObject({
  tty: flag().optional().describe('Give the process a terminal. Default: false.'),
  kernel_args: words('Arguments of the kernel. Default: none.'),
});

const EnvFrom = z.strictObject({
  env_var: text.describe('Variable to set.'),
  field_ref: z
    .enum(['id', 'version', 'app_name', 'private_ip', 'region', 'image'])
    .describe('Field of the machine it takes its value from.'),
});
const ProcessSecret = z.strictObject({
  env_var: text.describe('Variable to set.'),
  name: text.optional().describe('Secret of the app. Default: the variable’s name.'),
});

const processFields = {
  exec: words('Command instead of all the image says. Default: the image’s.'),
  entrypoint: words('Entrypoint. Default: the image’s.'),
  cmd: words('Arguments. Default: the image’s.'),
  user: text.optional().describe('User it runs as. Default: the image’s.'),
  env: environment.describe('Variables beside those of the machine. Default: none.'),
  env_from: listOf(EnvFrom).optional().describe('Variables with values of the machine. Default: none.'),
  secrets: listOf(ProcessSecret).optional().describe('Secrets it sees. Default: all of the app’s.'),
};

const Process = z.strictObject({
  ...processFields,
  ignore_app_secrets: flag().optional().describe('See only `secrets`, none of the app’s others. Default: false.'),
});

const HealthHeaders = listOf(
  z.strictObject({
    name: text.describe('Name of the header.'),
    values: listOf(z.string()).describe('Its values.'),
  }),
)
  .optional()
  .describe('Headers to send. Default: none.');
const Healthcheck = z.strictObject({
  name: text.describe('Name of the check, once a container.'),
  interval: seconds().optional().describe('Seconds between two checks. Default: Fly’s.'),
  grace_period: seconds().optional().describe('Seconds after start before checks count. Default: Fly’s.'),
  timeout: seconds().optional().describe('Seconds after which a check has failed. Default: Fly’s.'),
  success_threshold: times().optional().describe('Passes in a row that make it healthy. Default: Fly’s.'),
  failure_threshold: times().optional().describe('Failures in a row that make it unhealthy. Default: Fly’s.'),
  kind: z.enum(['readiness', 'liveness']).optional().describe('What it tells of. Default: Fly’s.'),
  unhealthy: z.enum(['stop']).optional().describe('What happens when it is unhealthy. Default: nothing.'),
  http: z
    .strictObject({
      port: port().describe('Port to ask.'),
      method: text.optional().describe('HTTP method. Default: GET.'),
      path: text.optional().describe('Path to ask for. Default: /.'),
      headers: HealthHeaders,
      scheme: z.enum(['http', 'https']).optional().describe('How to ask. Default: http.'),
      tls_skip_verify: flag().optional().describe('Take any certificate. Default: false.'),
      tls_server_name: text.optional().describe('Name the certificate must have. Default: none.'),
    })
    .optional()
    .describe('Ask by HTTP.'),
  tcp: z
    .strictObject({ port: port().describe('Port to connect to.') })
    .optional()
    .describe('Connect by TCP.'),
  exec: z
    .strictObject({ command: listOf(z.string()).describe('Command to run; 0 is healthy.') })
    .optional()
    .describe('Run a command.'),
});

const ContainerFile = z.strictObject({
  guest_path: z.string().startsWith('/').describe('Path in the container.'),
  raw_value: z.string().optional().describe('Content, in base64.'),
  secret_name: text.optional().describe('Secret whose (base64) value is the content.'),
  image_config: text.optional().describe('Image whose config is the content.'),
  mode: wholeNumber({ min: 0, max: 0o7777 }).optional().describe('Mode bits as a number. Default: Fly’s.'),
});

const Container = z.strictObject({
  name: text.describe('Name of the container, once a machine.'),
  image: text.describe('Image it runs.'),
  ...processFields,
  files: listOf(ContainerFile).optional().describe('Files to put into it. Default: none.'),
  restart: z
    .strictObject({
      policy: z.enum(['no', 'always', 'on-failure']).optional().describe('When it starts again. Default: on-failure.'),
      max_retries: wholeNumber({ min: 0, max: 1000 }).optional().describe('Times that on-failure tries. Default: 10.'),
    })
    .optional()
    .describe('What happens when it exits.'),
  stop: z
    .strictObject({
      signal: text.optional().describe('Signal that asks it to stop. Default: SIGINT.'),
      timeout: stopTimeout
        .optional()
        .describe('Time it has to stop, with its unit, at most 5m: 30s, 1m30s. Default: 5s.'),
    })
    .optional()
    .describe('How it is stopped.'),
  depends_on: listOf(
    z.strictObject({
      name: text.describe('Container it waits for.'),
      condition: z
        .enum(['started', 'healthy', 'exited_successfully'])
        .optional()
        .describe('What it waits for. Default: started.'),
    }),
  )
    .optional()
    .describe('Containers that come first. Default: none.'),
  healthchecks: listOf(Healthcheck).optional().describe('Checks of the container. Default: none.'),
  mounts: listOf(z.strictObject({ name: text.describe('One of `volumes`.'), path: text.describe('Where it is seen.') }))
    .optional()
    .describe('Volumes of the machine it sees. Default: none.'),
});

const MachineVolume = z.strictObject({
  name: text.describe('Name that `containers[].mounts` says.'),
  temp_dir: z
    .strictObject({
      storage_type: z.enum(['memory', 'disk']).describe('Where it is kept.'),
      size_mb: wholeNumber({ min: 1, max: 1_048_576 }).optional().describe('Size in MB, for disk. Default: Fly’s.'),
    })
    .optional()
    .describe('An empty folder that goes with the machine.'),
  image: text.optional().describe('Image whose files it holds.'),
});

/** What FlyCD and flyctl keep there is not for people to write. */
const metadataKey = z.string().regex(/^(?!fly_|flycd_|fly-managed-postgres$|process_group$)./, {
  error: 'expected a name of your own: flycd_, fly_, process_group and fly-managed-postgres belong to tools',
});

const machineFields = {
  schedule: z
    .enum(['hourly', 'daily', 'weekly', 'monthly', 'none'])
    .optional()
    .describe('How often Fly starts the machine; its process should end. none: never. Default: as the machine has it.'),
  auto_destroy: flag()
    .optional()
    .describe('Destroy the machine when its process ends; the next sync makes a new one. Default: false.'),
  standbys: listOf(z.string().regex(/^[0-9a-f]{6,32}$/, { error: 'expected the id of a machine' }))
    .optional()
    .describe('Machines, by id, whose place it takes when their host fails. []: none, and FlyCD makes no standby.'),
  dns: Dns.optional().describe('How the machine finds names and is found. {}: Fly’s defaults.'),
  rootfs: Rootfs.optional().describe('The root file system. {}: Fly’s defaults.'),
  init: Init.optional().describe('How the first process starts, beside processes and experimental.'),
  metadata: z
    .record(metadataKey, scalarText)
    .optional()
    .describe('Metadata of the machine; each name is exact, others are kept. Written without a restart.'),
  checks: z
    .record(
      z.string(),
      z.strictObject({
        kind: z
          .enum(['informational', 'readiness'])
          .describe('informational: only shown; readiness: the machine gets no requests while it fails.'),
      }),
    )
    .optional()
    .describe('What `checks` has no word for, by the check’s name.'),
  services: listOf(
    z.strictObject({
      internal_port: port().describe('The service, by its port in the machine.'),
      protocol: z.enum(['tcp', 'udp']).optional().describe('The service’s protocol. Default: tcp.'),
      force_instance_key: text.optional().describe('Key that requests name a single machine by. Default: none.'),
      force_instance_description: text.optional().describe('What that key is for. Default: none.'),
    }),
  )
    .optional()
    .describe('What `services` and `http_service` have no word for.'),
  files: listOf(
    z.strictObject({
      guest_path: z.string().startsWith('/').describe('Path in the machine: one of `files`, or a new one.'),
      mode: wholeNumber({ min: 0, max: 0o7777 }).optional().describe('Mode bits as a number. Default: Fly’s.'),
      image_config: text.optional().describe('Image whose config is the content of a new one.'),
    }),
  )
    .optional()
    .describe('What `files` has no word for.'),
  processes: listOf(Process).optional().describe('Several processes in one machine. []: none.'),
  containers: listOf(Container).optional().describe('Several containers in one machine. []: none.'),
  volumes: listOf(MachineVolume).optional().describe('Volumes of the containers that end with the machine. []: none.'),
  restart: z
    .strictObject({
      policy: z
        .string()
        .refine((policy) => policy === 'spot-price', {
          error: 'expected spot-price (restart says the others)',
        })
        .meta({ enum: ['spot-price'] })
        .optional()
        .describe('spot-price: it runs while its bid is taken. Default: what `restart` says.'),
      gpu_bid_price: z
        .number()
        .gt(0)
        .optional()
        .describe('Bid for the GPU of a spot machine, as an amount of money. Default: none.'),
    })
    .optional()
    .describe('What `restart` has no word for.'),
  cache_drive: z
    .strictObject({
      size_mb: wholeNumber({ min: 1, max: 1_048_576 }).optional().describe('Size in MB. Default: none.'),
    })
    .optional()
    .describe('A drive for caches. {}: none.'),
  spot: z
    .strictObject({
      max_price_fraction: z
        .number()
        .gt(0)
        .max(1)
        .optional()
        .describe('Most to pay, as a fraction of the full price: above 0, at most 1. Default: none.'),
    })
    .optional()
    .describe('Run only while capacity is cheap. {}: not.'),
};

export const MachineGroupWritten = z.strictObject(machineFields);
export type MachineGroupWritten = z.infer<typeof MachineGroupWritten>;

export const MachineWritten = z.strictObject({
  ...machineFields,
  groups: z
    .record(z.string(), MachineGroupWritten)
    .optional()
    .describe('The same for each process group, by its name; a field here beats the one outside.'),
});
export type MachineWritten = z.infer<typeof MachineWritten>;

/** What a machine can be and a fly config says: named under `machine` it would be said twice. */
export const saidElsewhere: Readonly<Record<string, string>> = {
  image: 'say it in build.image, or source',
  env: 'say it in env',
  guest: 'say it in vm, or machines',
  size: 'say it in vm',
  metrics: 'say it in metrics',
  statics: 'say it in statics',
  mounts: 'say it in mounts',
  stop_config: 'say it in kill_signal and kill_timeout',
  swap_size_mb: 'say it in swap_size_mb, beside machine',
  region: 'say it in primary_region and extra_regions',
  count: 'say it in machines.count',
};
