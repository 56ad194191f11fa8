/** `machine` of app.yaml laid over what the fly config makes of a process group. */
import type { MachineGroupWritten, MachineWritten } from '../../../schemas/machine.ts';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { MappedGroup } from '../../flyconfig/machine.ts';
import type { DocumentPath } from '../documents/path.ts';
import type { FindingList } from '../documents/finding.ts';

export interface MachineOver {
  readonly group: MappedGroup;
  /** What stands outside `machine.groups` is for the default group, as everywhere where no group is named. */
  readonly isDefault: boolean;
  readonly written: MachineWritten | undefined;
  readonly findings: FindingList;
}

/** The group's machine config with the fields that git names beyond its fly config. */
export function machineOver({ group, isDefault, written, findings }: MachineOver): MachineConfig {
  const { groups = {}, ...own } = written ?? {};
  const named = Object.hasOwn(groups, group.name) ? groups[group.name] : undefined;
  const fields: MachineGroupWritten = isDefault ? { ...own, ...named } : (named ?? {});
  const pathOf = (field: keyof MachineGroupWritten): DocumentPath =>
    named?.[field] === undefined ? ['machine', field] : ['machine', 'groups', group.name, field];
  const refuse: Refuse = (field, message, hint) => findings.error(pathOf(field), message, hint);
  checkMeaning(fields, group, refuse);
  if (fields.auto_destroy === true) {
    const message = `each time a machine of ${group.name} ends it is gone, and the next sync makes a new one`;
    findings.warning(pathOf('auto_destroy'), message, 'a machine with a schedule starts again by itself');
  }
  const { schedule, init, metadata, checks, services, files, restart, ...rest } = fields;
  return {
    ...group.config,
    ...completed(group, { checks, services, files }, refuse),
    ...present(rest),
    // The wire has no word for none: its absence says it.
    ...(schedule === undefined ? {} : { schedule: schedule === 'none' ? '' : schedule }),
    ...(init === undefined ? {} : { init: { ...group.config.init, ...init } }),
    ...(restart === undefined ? {} : { restart: { ...group.config.restart, ...restart } }),
    ...(metadata === undefined ? {} : { metadata: { ...group.config.metadata, ...metadata } }),
  };
}

type Refuse = (field: keyof MachineGroupWritten, message: string, hint?: string) => void;

/** What the fly config says of checks, services and files, with what it has no word for. */
function completed(
  { name, config }: MappedGroup,
  { checks = {}, services = [], files = [] }: Pick<MachineGroupWritten, 'checks' | 'services' | 'files'>,
  refuse: Refuse,
): MachineConfig {
  const known = { ...config.checks };
  for (const [check, fields] of Object.entries(checks)) {
    const own = Object.hasOwn(known, check) ? known[check] : undefined;
    if (own === undefined) refuse('checks', `${name} has no check called ${check}`, 'its fields stand in checks');
    else known[check] = { ...own, ...fields };
  }
  const served = [...(config.services ?? [])];
  for (const { internal_port: port, protocol = 'tcp', ...fields } of services) {
    const at = served.findIndex((one) => one.internal_port === port && (one.protocol ?? 'tcp') === protocol);
    if (at === -1) refuse('services', `${name} has no service on ${protocol} port ${port}`, 'it stands in services');
    else served[at] = { ...served[at], ...fields };
  }
  const written = [...(config.files ?? [])];
  for (const file of files) {
    const at = written.findIndex((one) => one['guest_path'] === file.guest_path);
    const isNew = file.image_config !== undefined;
    if (isNew === (at !== -1)) {
      const message = isNew ? `files has ${file.guest_path} already` : `files has no ${file.guest_path}`;
      refuse('files', message, 'its content stands in files, or is that of image_config');
    } else if (isNew) written.push({ ...file });
    else written[at] = { ...written[at], ...file };
  }
  return {
    ...(Object.keys(checks).length === 0 ? {} : { checks: known }),
    ...(services.length === 0 ? {} : { services: served }),
    ...(files.length === 0 ? {} : { files: written }),
  };
}

/** What each field by itself cannot tell. */
function checkMeaning(fields: MachineGroupWritten, group: MappedGroup, refuse: Refuse): void {
  if ((fields.standbys ?? []).length > 0 && group.hasServices) {
    refuse('standbys', `${group.name} has services, and a standby serves nobody`, 'name a group without services');
  }
  const policy = group.config.restart?.policy;
  if (policy !== undefined && fields.restart?.policy !== undefined) {
    refuse('restart', `restart says ${policy} of ${group.name}`, 'keep one of the two');
  }
  const containers = fields.containers ?? [];
  const names = containers.map(({ name }) => name);
  const volumes = (fields.volumes ?? []).map(({ name }) => name);
  noTwins('containers', names, refuse);
  noTwins('volumes', volumes, refuse);
  for (const container of containers) {
    for (const { name } of container.depends_on ?? []) {
      if (!names.includes(name)) refuse('containers', `${container.name} depends on ${name}, which is none of them`);
    }
    for (const { name } of container.mounts ?? []) {
      if (!volumes.includes(name)) refuse('containers', `${container.name} mounts ${name}, which is none of volumes`);
    }
  }
}

function noTwins(field: 'containers' | 'volumes', names: readonly string[], refuse: Refuse): void {
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) refuse(field, `two of them are called ${twin}`, 'give one of them another name');
}

function present(fields: MachineGroupWritten): MachineConfig {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
