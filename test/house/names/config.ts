/** What people write: keys and words of app.yaml, project.yaml and flycd.yaml, names of files, the command line. */
import type { Command } from 'commander';
import { ownedKeys } from '../../../schemas/app.ts';
import { generateJsonSchemas } from '../../../schemas/generate.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { appFileNames, projectFileNames, settingsFileNames } from '../../../src/desired/files/file-names.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { Redactor } from '../../../src/model/base/secret-value.ts';

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const nodesIn = (value: unknown): readonly Node[] => (Array.isArray(value) ? value.filter(isNode) : []);

/**
 * Paths of all properties with the words that each may hold: `[]` for an item, `*` for a key of one's own choice. A part
 * of another schema (`$ref`) is listed there.
 */
function propertyPaths(node: Node, at = ''): readonly string[] {
  const { properties, additionalProperties, items, anyOf, oneOf, allOf } = node;
  const inner = isNode(properties) ? Object.entries(properties) : [];
  const below = (key: string): string => (at === '' ? key : `${at}.${key}`);
  return [
    ...inner.flatMap(([key, value]) =>
      isNode(value) ? [`${below(key)}${wordsOf(value)}`, ...propertyPaths(value, below(key))] : [],
    ),
    ...(isNode(additionalProperties) ? propertyPaths(additionalProperties, below('*')) : []),
    ...(isNode(items) ? propertyPaths(items, `${at}[]`) : []),
    ...[anyOf, oneOf, allOf].flatMap(nodesIn).flatMap((form) => propertyPaths(form, at)),
  ];
}

/** Also of a list's items, and of one form among several. */
function wordsOf(node: Node): string {
  const forms = [node, ...nodesIn(node['anyOf']), ...(isNode(node['items']) ? [node['items']] : [])];
  const words = forms.flatMap(({ enum: given }) => (Array.isArray(given) ? given.map(String) : []));
  return words.length === 0 ? '' : `: ${words.toSorted().join(' ')}`;
}

/** What each says of itself is held by test/stories/golden/help.txt. */
function commandLine(): readonly string[] {
  const output = { write: () => undefined, isTTY: false };
  const io = {
    env: {},
    cwd: '/',
    stdout: output,
    stderr: output,
    clock: new IdleClock(),
    fetch,
    signal: new AbortController().signal,
    random: () => 0,
    host: { name: 'host', space: '', pid: 1, isAlive: () => true },
  };
  const invocation = { io, redactor: new Redactor(), log: silentLog };
  return wordsOfCommand(
    createProgram(invocation, '0', { onExit: () => undefined, run: () => Promise.resolve(0) }),
    'flycd',
  );
}

function wordsOfCommand(command: Command, name: string): readonly string[] {
  const words = command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`));
  return [
    [name, ...words].join(' '),
    ...command.aliases().map((alias) => `${name} = ${alias}`),
    ...command.options.map(
      ({ flags, argChoices = [] }) => `${name} ${flags}${argChoices.length === 0 ? '' : `: ${argChoices.join(' ')}`}`,
    ),
    ...command.commands.flatMap((inner) => wordsOfCommand(inner, `${name} ${inner.name()}`)),
  ];
}

export function configNames(): Readonly<Record<string, readonly string[]>> {
  const { 'app.schema.json': app = {}, 'project.schema.json': project = {}, ...settings } = generateJsonSchemas();
  return {
    "app.yaml: FlyCD's own keys": ownedKeys,
    'app.yaml: every key': propertyPaths(app),
    'project.yaml: every key': propertyPaths(project),
    'flycd.yaml: every key': Object.values(settings).flatMap((schema) => propertyPaths(schema)),
    'files of a config repo': [...appFileNames, ...projectFileNames, ...settingsFileNames],
    'command line': commandLine(),
  };
}
