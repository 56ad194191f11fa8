/** What changing a field does to machines that run. Tests hold it against the planner. */

export const changeWords = {
  nothing: 'nothing',
  restart: 'restart',
  count: 'more or fewer',
  replace: 'replace',
  new: 'new ones only',
  held: 'held',
  app: 'another app',
  build: 'build',
  refused: 'not yet',
} as const;
export type Change = keyof typeof changeWords;

/** For the reader of docs/configuration.md. */
export const changeMeanings: Readonly<Record<Change, string>> = {
  nothing:
    'machines run on as they are; FlyCD sets what is beside them (addresses, settings of volumes, its own policy)',
  restart: 'each machine is updated in place and starts again, one first, then a few at a time, as its checks allow',
  count: 'machines are made or destroyed; those that stay run on',
  replace: 'other machines take the place of those there are, which go once the new ones are healthy',
  new: 'machines and volumes that are made from now on; those there are stay as they are',
  held: 'FlyCD shows it and waits for a person: `flycd sync --once --accept-only APP`, or another way that the plan names',
  app: 'another app is made; the one before runs on as an orphan, until `sync.prune` names `app` or somebody destroys it',
  build:
    'where it changes what is built, an image is built first, once for all apps that build the same; then machines are updated as for `restart`',
  refused: '`flycd validate` refuses it, because an app deployed without it would behave otherwise',
};

/** What adding and removing whole tables does, in words of the page. */
export const tableChanges: Readonly<Record<string, Change>> = {
  'a process group, a region or a number of machines added or removed': 'count',
  'a process group with services removed, the last to have them': 'held',
  'a mount added to a group that has machines': 'replace',
  'a mount removed from a group that has machines, or of another volume': 'held',
  'a region removed in which machines have volumes': 'held',
  'a service, a check or a field of machine added or removed': 'restart',
  'a secret removed': 'nothing',
  'an address removed': 'nothing',
  'vm or machines.count removed': 'new',
  'a volume made smaller': 'new',
};

/** By the field or the nearest table above it. */
const changes: Readonly<Record<string, Change>> = {
  app: 'app',
  org: 'held',
  primary_region: 'replace',
  extra_regions: 'count',
  fly_config: 'restart',
  source: 'build',
  'source.image': 'restart',
  merge_cfg: 'build',
  build: 'build',
  'build.image': 'restart',
  'build.compose': 'refused',
  console_command: 'nothing',
  env: 'restart',
  processes: 'restart',
  experimental: 'restart',
  'experimental.enable_consul': 'refused',
  'experimental.enable_etcd': 'refused',
  kill_signal: 'restart',
  kill_timeout: 'restart',
  swap_size_mb: 'restart',
  machine_config: 'restart',
  container: 'restart',
  http_service: 'restart',
  'http_service.machine_checks': 'refused',
  services: 'restart',
  'services[].machine_checks': 'refused',
  checks: 'restart',
  machine_checks: 'refused',
  vm: 'restart',
  host_dedication_id: 'held',
  'vm[].host_dedication_id': 'held',
  machines: 'restart',
  'machines.count': 'count',
  'machines.count_per_region': 'count',
  'machines.groups.*.count': 'count',
  'machines.groups.*.count_per_region': 'count',
  'machines.autoscaled': 'new',
  mounts: 'restart',
  'mounts[].source': 'held',
  'mounts[].processes': 'held',
  'mounts[].snapshot_retention': 'nothing',
  'mounts[].scheduled_snapshots': 'nothing',
  volumes: 'restart',
  'volumes[].name': 'new',
  'volumes[].count': 'new',
  secrets: 'restart',
  files: 'restart',
  'files[].processes': 'nothing',
  network: 'nothing',
  restart: 'restart',
  metrics: 'restart',
  statics: 'restart',
  deploy: 'nothing',
  depends_on: 'nothing',
  'deploy.seed_command': 'refused',
  deploy_params: 'new',
  launch_params: 'new',
  machine: 'restart',
  'machine.metadata': 'nothing',
  sync: 'nothing',
};

/** undefined: no machine has anything to do with it. */
export function changeOf(path: string): Change | undefined {
  for (let name = path; name !== ''; name = name.replace(/(?:^|\.)[^.]*$/, '')) {
    const bare = name.replace(/\[\]$/, '');
    const change = changes[name] ?? changes[bare];
    if (change !== undefined) return change;
  }
  return undefined;
}
