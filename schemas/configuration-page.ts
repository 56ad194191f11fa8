/** docs/configuration.md: every field of the files that people write, from the schemas they are checked with. */
import { changeMeanings, changeOf, changeWords, tableChanges, type Change } from './field-changes.ts';
import { fieldExamples } from './field-examples.ts';
import { fieldsOf, type Field, type JsonSchema } from './fields.ts';

export interface Chapter {
  readonly title: string;
  readonly says: string;
  /** Fields, and tables with a heading of their own; a deeper one takes its fields out of the one above. */
  readonly roots: readonly string[];
}

export const appChapters: readonly Chapter[] = [
  {
    title: 'Which app, and where',
    says: 'Every app has a name and a first region, here or in the `app_defaults` of a project.',
    roots: ['app', 'primary_region', 'extra_regions', 'org', 'fly_config'],
  },
  {
    title: 'What runs',
    says: 'An image by its name (`build.image`, or a source of type image), or a source that an image is built from.',
    roots: ['source', 'build', 'merge_cfg'],
  },
  {
    title: 'How it starts and stops',
    says: 'Without `processes` there is one process group, `app`. A section without `processes` of its own is for the default group: `app`, else the first by name.',
    roots: [
      'env',
      'processes',
      'kill_signal',
      'kill_timeout',
      'swap_size_mb',
      'console_command',
      'experimental',
      'restart',
    ],
  },
  {
    title: 'Services',
    says: '`http_service` is the short form for the web; `services` says everything.',
    roots: [
      'http_service',
      'http_service.concurrency',
      'http_service.tls_options',
      'http_service.http_options',
      'http_service.checks',
      'services',
    ],
  },
  {
    title: 'Checks',
    says: 'Beside those of a service, which decide whether a machine gets traffic; a rollout waits for both.',
    roots: ['checks', 'machine_checks'],
  },
  {
    title: 'Size and number',
    says: 'Where git names no size, machines keep the one they have; where it names no number, FlyCD makes what `fly deploy` would and then leaves the number alone.',
    roots: ['vm', 'machines', 'host_dedication_id'],
  },
  {
    title: 'Volumes',
    says: 'A mount makes its volumes, one a machine. FlyCD never deletes a volume.',
    roots: ['mounts', 'volumes'],
  },
  {
    title: 'Secrets and files',
    says: 'Values of secrets never stand in a plan or a log.',
    roots: ['secrets', 'files'],
  },
  {
    title: 'Addresses',
    says: 'Addresses that are not listed stay, unless `auto_prune_ips` or `sync.prune` says otherwise. Without `ips` a new app with services gets flyctl’s first addresses, once. If the database is lost when it has one of them, the others are not made, for nothing tells such an app from one that is meant to have no more: list what it should have.',
    roots: ['network'],
  },
  { title: 'Metrics and statics', says: 'Read by Fly’s own services.', roots: ['metrics', 'statics'] },
  {
    title: 'How machines change',
    says: 'Nothing here is sent to a machine: it says how a rollout goes.',
    roots: ['deploy', 'depends_on', 'deploy_params', 'launch_params'],
  },
  {
    title: 'What no fly config can say',
    says: '`machine` names it in Fly’s own words, for the default group, and in `machine.groups` for each. What is named is exact, what is no longer named goes, what never was named stays as the machine has it.',
    roots: ['machine', 'machine.processes', 'machine.containers', 'machine_config', 'container'],
  },
  {
    title: 'Policy',
    says: '`sync` may stand in flycd.yaml, in project.yaml and here; each key is inherited by itself.',
    roots: ['sync'],
  },
];

/** Tables that have the fields of another: told once. */
export const sameFields: Readonly<Record<string, string>> = {
  'services[].concurrency': 'http_service.concurrency',
  'services[].ports[].tls_options': 'http_service.tls_options',
  'services[].ports[].http_options': 'http_service.http_options',
  'services[].tcp_checks[]': 'checks.*',
  'services[].http_checks[]': 'checks.*',
  'http_service.machine_checks[]': 'machine_checks[]',
  'services[].machine_checks[]': 'machine_checks[]',
  'deploy.release_command_vm': 'vm[]',
  'machine.groups.*': 'machine',
};

type File = keyof typeof fieldExamples;

/** undefined: it is a table, or told elsewhere. */
export function exampleOf(file: File, path: string): string | undefined {
  const examples: Readonly<Record<string, string>> = fieldExamples[file];
  return examples[path];
}

/** The table whose fields a field has, where they are told there. */
export function toldAt(path: string): string | undefined {
  const alias = Object.keys(sameFields).find((same) => path.startsWith(`${same}.`));
  return alias === undefined ? undefined : `${sameFields[alias]}${path.slice(alias.length)}`;
}

export function configurationPage(schemas: Readonly<Record<string, JsonSchema>>): string {
  const fields = (name: string): readonly Field[] => fieldsOf(schemas[`${name}.schema.json`] ?? {});
  const isPolicy = ({ path }: Field): boolean => path === 'sync' || path.startsWith('sync.');
  return `${[
    opening,
    '## app.yaml',
    'Fly’s own config, in YAML or TOML, with what FlyCD adds. Fields of Fly’s that FlyCD does not know are kept, with a warning; a slip in one of FlyCD’s is an error.',
    ...appChapters.flatMap((chapter) => chapterText(chapter, fields('app'))),
    '## project.yaml',
    'A set of apps, and what they have in common. What it gives an app counts as if it stood in app.yaml: changing it does what changing it there does. `sync` is the one above.',
    tableOf(
      'project',
      fields('project').filter((field) => !isPolicy(field)),
      '',
    ),
    '## flycd.yaml',
    'For whoever runs FlyCD. From the config repo’s own flycd.yaml only `fleet`, `sync` and `allow_secrets` are read. No machine has anything to do with it.',
    tableOf(
      'settings',
      fields('flycd').filter((field) => !isPolicy(field)),
      '',
    ),
  ].join('\n\n')}\n`;
}

const opening = `# Configuration

Made from the schemas that FlyCD checks your files with: \`npm run schemas\` writes this page and [schemas/json](../schemas/json), which give the same help in an editor. \`flycd render --explain\` says of an app which file and line each field comes from.

The last column says what changing a field does to machines that run:

| word | what happens |
|---|---|
${Object.entries(changeMeanings)
  .map(([change, meaning]) => `| ${changeWords[change as Change]} | ${meaning} |`)
  .join('\n')}

\`flycd diff\` shows it for your change, and so does this table for what is added or removed as a whole:

| what | machines that run |
|---|---|
${Object.entries(tableChanges)
  .map(([what, change]) => `| ${what} | ${changeWords[change]} |`)
  .join('\n')}

A name in capitals (\`NAME\`) is yours to choose.`;

function chapterText(chapter: Chapter, all: readonly Field[]): readonly string[] {
  const simple = chapter.roots.filter((root) => !hasInner(root, all));
  const tables = chapter.roots.filter((root) => !simple.includes(root));
  const single = simple.flatMap((root) => all.filter(({ path }) => path === root));
  return [
    `### ${chapter.title}`,
    chapter.says,
    ...(single.length === 0 ? [] : [tableOf('app', single, '')]),
    ...tables.flatMap((root) => {
      const field = all.find(({ path }) => path === root);
      const inner = all.filter(({ path }) => belongsTo(path, root, chapter.roots));
      const fallback = field?.fallback === undefined ? '' : ` Not given: ${field.fallback}.`;
      return [`#### \`${shown(root)}\``, `${field?.help ?? ''}${fallback}`, tableOf('app', inner, root)];
    }),
  ];
}

function hasInner(root: string, all: readonly Field[]): boolean {
  return all.some(({ path }) => isWithin(path, root));
}

function isWithin(path: string, root: string): boolean {
  return path.startsWith(root) && /^[.[]/.test(path.slice(root.length));
}

/** In the table of its nearest root. */
function belongsTo(path: string, root: string, roots: readonly string[]): boolean {
  if (!isWithin(path, root) || toldAt(path) !== undefined) return false;
  return roots.every((other) => other.length <= root.length || (path !== other && !isWithin(path, other)));
}

function tableOf(file: File, fields: readonly Field[], root: string): string {
  const rows = fields.map((field) => {
    const { path, help, fallback } = field;
    const alias = Object.keys(sameFields).find((same) => same === path || same === `${path}[]`);
    const same = file === 'app' && alias !== undefined ? ` Fields as in \`${shown(sameFields[alias] ?? '')}\`.` : '';
    const example = exampleOf(file, path);
    const change = file === 'app' ? changeOf(path) : undefined;
    const cells = [
      `\`${shown(path.slice(root.length).replace(/^[.*[\]]+/, ''))}\``,
      `${help}${same}`,
      fallback ?? '',
      example === undefined ? '' : `\`${example}\``,
      ...(file === 'app' ? [change === undefined || example === undefined ? '' : changeWords[change]] : []),
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const last = file === 'app' ? ['changing it'] : [];
  const columns = ['field', 'what it is', 'default', 'example', ...last];
  return [`| ${columns.join(' | ')} |`, `|${'---|'.repeat(columns.length)}`, ...rows].join('\n');
}

function shown(path: string): string {
  return path.replaceAll('*', 'NAME');
}
