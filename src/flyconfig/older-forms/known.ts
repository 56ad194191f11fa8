/** The keys that flyctl knows, table by table; everything else it drops without a word. Source: flyctl's appconfig, 2026. */
import type { JsonObject, JsonValue } from '../../model/base/json.ts';
import { fieldOf, isList, isTable, itemPath, keyPath } from '../reading/values.ts';
import type { NoteList } from '../reading/notes.ts';
import { nearest } from '../reading/spelling.ts';

export interface Shape {
  readonly keys: readonly string[];
  /** Shapes of tables inside. A list has the shape of its items. */
  readonly inside: Readonly<Record<string, Shape>>;
  /** Keys of older Fly platforms: accepted and without effect. */
  readonly dead: readonly string[];
  /** The keys are names that people choose, each with this shape. */
  readonly named: Shape | undefined;
  /** Keys that belong elsewhere, with the place they belong to. */
  readonly elsewhere: Readonly<Record<string, string>>;
}

interface ShapeParts {
  readonly inside?: Readonly<Record<string, Shape>>;
  readonly dead?: string;
  readonly named?: Shape;
  readonly elsewhere?: Readonly<Record<string, string>>;
}

function shape(keys: string, parts: ShapeParts = {}): Shape {
  const words = (text: string | undefined): readonly string[] => (text ?? '').split(' ').filter((word) => word !== '');
  const { inside = {}, named, elsewhere = {} } = parts;
  return { keys: [...words(keys), ...Object.keys(inside)], inside, dead: words(parts.dead), named, elsewhere };
}

const tcpCheck = shape('interval timeout grace_period', { dead: 'restart_limit' });
const httpCheck = shape('interval timeout grace_period method path protocol tls_skip_verify tls_server_name headers', {
  dead: 'restart_limit',
});
const namedCheck = shape(`name type port processes ${httpCheck.keys.join(' ')}`, { dead: 'restart_limit' });
const machineCheck = shape('command image entrypoint kill_signal kill_timeout');
const concurrency = shape('type soft_limit hard_limit');
const tlsOptions = shape('alpn versions default_self_signed');
const httpOptions = shape('compress h2_backend idle_timeout headers_read_timeout', {
  inside: {
    response: shape('headers pristine'),
    replay_cache: shape('path_prefix ttl_seconds type name allow_bypass'),
  },
});
const port = shape('port start_port end_port handlers force_https', {
  inside: { tls_options: tlsOptions, http_options: httpOptions, proxy_proto_options: shape('version') },
  dead: 'protocol',
});
const scaling = 'internal_port auto_stop_machines auto_start_machines min_machines_running processes';
const service = shape(`protocol ${scaling}`, {
  inside: { ports: port, concurrency, tcp_checks: tcpCheck, http_checks: httpCheck, machine_checks: machineCheck },
  dead: 'script_checks max_machines_running restart_limit',
});
const httpService = shape(`force_https ${scaling}`, {
  inside: {
    concurrency,
    tls_options: tlsOptions,
    http_options: httpOptions,
    checks: httpCheck,
    machine_checks: machineCheck,
  },
  dead: 'max_machines_running',
  elsewhere: {
    http_checks: 'http_service has them under checks',
    tcp_checks: 'http_service has none: use [[services]], or [checks] beside it',
    ports: 'http_service is always on 80 and 443: use [[services]]',
    protocol: 'http_service is always tcp: use [[services]]',
    handlers: 'http_service has its own: use [[services]]',
  },
});
const vm = shape(
  'size memory cpu_kind cpus memory_mb max_memory_mb gpus gpu_kind host_dedication_id kernel_args persist_rootfs processes',
);
const mount = shape(
  'source destination initial_size snapshot_retention scheduled_snapshots auto_extend_size_threshold ' +
    'auto_extend_size_increment auto_extend_size_limit processes',
);
const metrics = shape('port path https processes');

/** All of it. */
export const flyConfigShape = shape(
  'app primary_region kill_signal kill_timeout swap_size_mb console_command host_dedication_id machine_config container ' +
    'env processes',
  {
    inside: {
      experimental: shape(
        'cmd entrypoint exec enable_consul enable_etcd machine_config kill_timeout metrics_port metrics_path',
        { dead: 'auto_rollback lazy_load_images attached allowed_public_ports private_network' },
      ),
      build: shape(
        'builder args buildpacks image settings builtin dockerfile ignorefile build-target build_target compression ' +
          'compression_level',
        { inside: { compose: shape('file') } },
      ),
      deploy: shape('release_command release_command_timeout seed_command strategy max_unavailable wait_timeout', {
        inside: { release_command_vm: vm },
      }),
      http_service: httpService,
      services: service,
      checks: shape('', { named: namedCheck }),
      machine_checks: machineCheck,
      mounts: mount,
      mount,
      vm,
      compute: vm,
      computes: vm,
      files: shape('guest_path local_path raw_value secret_name processes'),
      restart: shape('policy retries processes'),
      metrics,
      metric: metrics,
      statics: shape('guest_path url_prefix tigris_bucket index_document'),
    },
    dead: 'allowed_public_ports',
  },
);

/** Top-level keys of Fly's own config, older names included. */
export const flyConfigKeys: readonly string[] = flyConfigShape.keys;

/** Unknown keys that get a did-you-mean; a document with more of them is not a fly config. */
const suggestionsMax = 50;

/**
 * Notes every key that flyctl would drop. Top-level keys that are FlyCD's own must be gone already. Paths are those of
 * the document as written.
 */
export function noteUnknownKeys(config: JsonObject, notes: NoteList): void {
  let suggestions = 0;
  const visit = (value: JsonValue, path: string, shape: Shape): void => {
    if (isList(value)) {
      for (const [index, item] of value.entries()) {
        if (isTable(item)) visitTable(item, itemPath(path, index), shape.named ?? shape);
      }
    } else if (isTable(value)) visitTable(value, path, shape);
  };
  const visitTable = (table: JsonObject, path: string, shape: Shape): void => {
    for (const key of Object.keys(table)) {
      const value = fieldOf(table, key);
      const inner = keyPath(path, key);
      if (shape.named !== undefined) visit(value, inner, shape.named);
      else if (Object.hasOwn(shape.inside, key)) visit(value, inner, shape.inside[key] ?? shape);
      else if (!shape.keys.includes(key) && !isEmpty(value)) noteKey(key, inner, shape);
    }
  };
  const noteKey = (key: string, path: string, shape: Shape): void => {
    if (shape.dead.includes(key)) {
      notes.warning(path, 'Fly no longer reads this; it has no effect', 'remove it');
      return;
    }
    const lower = key.toLowerCase();
    if (lower !== key && shape.keys.includes(lower)) {
      notes.error(path, `flyctl reads this as ${lower}, FlyCD does not`, `write ${lower}`);
      return;
    }
    if (Object.hasOwn(shape.elsewhere, key)) {
      notes.warning(path, 'Fly knows no such field here; it is kept and has no effect', shape.elsewhere[key]);
      return;
    }
    const meant = suggestions < suggestionsMax ? nearest(key, shape.keys) : undefined;
    suggestions += 1;
    const hint = meant === undefined ? undefined : `did you mean ${meant}?`;
    notes.warning(path, 'Fly knows no such field here; it is kept and has no effect', hint);
  };
  visitTable(config, '', flyConfigShape);
}

/** `script_checks = []` and the like say nothing, so nothing is lost. */
function isEmpty(value: JsonValue): boolean {
  if (value === undefined || value === null) return true;
  if (isList(value)) return value.length === 0;
  return isTable(value) && Object.keys(value).length === 0;
}
