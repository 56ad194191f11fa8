/** Services and checks of a fly config, as people write them: for editors only. */
import { z } from 'zod';

const text = z.string();
const number = z.number();
const switchable = z.boolean();
/** "10s", or a bare number whose unit depends on the field: say the unit. */
export const time = z.union([text, number]);
export const texts = z.array(text);
export const processes = texts.optional().describe('Process groups this is for. Default: the default group.');

const Concurrency = z.looseObject({
  type: z.enum(['connections', 'requests']).optional().describe('What is counted. Default: connections.'),
  soft_limit: number
    .optional()
    .describe('Connections or requests at once, by `type`, at which Fly prefers other machines. Default: 20.'),
  hard_limit: number
    .optional()
    .describe('Connections or requests at once, by `type`, at which Fly sends no more. Default: none.'),
});
const tlsOptions = z
  .looseObject({
    alpn: texts.optional().describe('Protocols offered: h2, http/1.1. Default: Fly’s.'),
    versions: texts.optional().describe('TLS versions taken: TLSv1.2, TLSv1.3. Default: Fly’s.'),
    default_self_signed: switchable
      .optional()
      .describe('Answer with a self-signed certificate where there is no other. Default: false.'),
  })
  .optional()
  .describe('How Fly’s proxy speaks TLS.');
const ReplayCache = z.looseObject({
  path_prefix: text.optional().describe('Requests whose path begins so.'),
  ttl_seconds: number.optional().describe('Seconds that an answer to replay is remembered.'),
  type: z.enum(['cookie', 'header']).optional().describe('Where the key is.'),
  name: text.optional().describe('Name of that cookie or header.'),
  allow_bypass: switchable.optional().describe('Let a request ask to be left out. Default: false.'),
});
const httpOptions = z
  .looseObject({
    compress: switchable.optional().describe('Compress answers. Default: false.'),
    h2_backend: switchable.optional().describe('Speak HTTP/2 without TLS to the app. Default: false.'),
    idle_timeout: number.optional().describe('Seconds without traffic before a connection is closed. Default: Fly’s.'),
    headers_read_timeout: number.optional().describe('Seconds to wait for a request’s headers. Default: Fly’s.'),
    response: z
      .looseObject({
        headers: z
          .record(text, z.union([text, texts, switchable]))
          .optional()
          .describe('Headers set on each answer; false takes one away. Default: none.'),
        pristine: switchable.optional().describe('Leave out the headers that Fly adds. Default: false.'),
      })
      .optional()
      .describe('What Fly’s proxy does to answers.'),
    replay_cache: z.array(ReplayCache).optional().describe('Requests whose fly-replay is remembered. Default: none.'),
  })
  .optional()
  .describe('How Fly’s proxy speaks HTTP.');

const checkTimes = {
  interval: time.optional().describe('Time between two checks; a bare number is milliseconds. Default: Fly’s.'),
  timeout: time.optional().describe('When a check has failed; a bare number is milliseconds. Default: Fly’s.'),
  grace_period: time
    .optional()
    .describe('Time after start before checks count; a bare number is milliseconds. Default: Fly’s.'),
};
const httpCheckFields = {
  ...checkTimes,
  method: text.optional().describe('HTTP method. Default: GET.'),
  path: text.optional().describe('Path to ask for. Default: /.'),
  protocol: z.enum(['http', 'https']).optional().describe('How to ask. Default: http.'),
  tls_skip_verify: switchable.optional().describe('Take any certificate, for https. Default: false.'),
  tls_server_name: text.optional().describe('Name the certificate must have, for https. Default: none.'),
  headers: z
    .union([z.record(text, text), z.array(z.looseObject({}))])
    .optional()
    .describe('Headers to send. Default: none.'),
};
const HttpCheck = z.looseObject(httpCheckFields);
/** flyctl repairs bare numbers elsewhere, and not here. */
const OwnCheck = z.looseObject({
  ...httpCheckFields,
  interval: time.optional().describe('Time between two checks: 15s; a bare number is nanoseconds. Default: Fly’s.'),
  timeout: time.optional().describe('When a check has failed: 2s; a bare number is nanoseconds. Default: Fly’s.'),
  grace_period: time
    .optional()
    .describe('Time after start before checks count: 5s; a bare number is nanoseconds. Default: Fly’s.'),
});
const TcpCheck = z.looseObject(checkTimes);
export const MachineCheck = z.looseObject({
  command: z.union([texts, text]).optional().describe('Command to run; 0 is healthy.'),
  image: text.optional().describe('Image it runs in. Default: the app’s.'),
  entrypoint: z.union([texts, text]).optional().describe('Entrypoint in place of the image’s. Default: the image’s.'),
  kill_signal: text.optional().describe('Signal that asks it to stop. Default: SIGINT.'),
  kill_timeout: time.optional().describe('Time it has to stop; a bare number is seconds. Default: 5s.'),
});
const machineChecks = z
  .array(MachineCheck)
  .optional()
  .describe('Checks in machines of their own while deploying. Not supported yet.');

export const Check = z.looseObject({
  type: z.enum(['http', 'tcp']).optional().describe('Kind of check; needed.'),
  port: number.optional().describe('Port to ask. Default: internal_port of http_service.'),
  ...httpCheckFields,
  processes,
});

const serviceFields = {
  auto_stop_machines: z
    .union([z.enum(['off', 'stop', 'suspend']), switchable])
    .optional()
    .describe('What Fly does with machines nobody asks: off, stop, suspend. Default: off.'),
  auto_start_machines: switchable.optional().describe('Start machines when somebody asks. Default: true.'),
  min_machines_running: number
    .optional()
    .describe(
      'Machines Fly keeps running in the primary region. Where no count is given, a new group and a region that is named newly get as many machines; a group that runs gets none for it. Default: 0.',
    ),
  concurrency: z.union([Concurrency, text]).optional().describe('How much one machine takes.'),
  processes,
};

const Port = z.looseObject({
  port: z.union([number, text]).optional().describe('Public port.'),
  start_port: number.optional().describe('First port of a range, instead of port.'),
  end_port: number.optional().describe('Last port of a range.'),
  handlers: texts.optional().describe('What Fly’s proxy does: http, tls, pg_tls, proxy_proto. Default: none.'),
  force_https: switchable.optional().describe('Send http to https. Default: false.'),
  tls_options: tlsOptions,
  http_options: httpOptions,
  proxy_proto_options: z
    .looseObject({
      version: z.enum(['v1', 'v2']).optional().describe('Version of the PROXY protocol. Default: Fly’s.'),
    })
    .optional()
    .describe('How Fly’s proxy tells the client’s address, for the handler proxy_proto.'),
});

export const HttpService = z.looseObject({
  internal_port: number.optional().describe('Port the app listens on; needed.'),
  ...serviceFields,
  force_https: switchable.optional().describe('Send http to https. Default: false.'),
  tls_options: tlsOptions,
  http_options: httpOptions,
  checks: z.array(OwnCheck).optional().describe('HTTP checks. Default: none.'),
  machine_checks: machineChecks,
});

export const Service = z.looseObject({
  protocol: z.enum(['tcp', 'udp']).optional().describe('What it speaks. Default: tcp.'),
  internal_port: z.union([number, text]).optional().describe('Port the app listens on; needed.'),
  ...serviceFields,
  ports: z.array(Port).optional().describe('Public ports; without any nothing reaches it from outside.'),
  tcp_checks: z.array(TcpCheck).optional().describe('TCP checks. Default: none.'),
  http_checks: z.array(HttpCheck).optional().describe('HTTP checks. Default: none.'),
  machine_checks: machineChecks,
});
