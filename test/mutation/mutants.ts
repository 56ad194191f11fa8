import { parseSync } from 'oxc-parser';

/** One small change of a source file that a test should notice. */
export interface Mutant {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The named functions around it, the innermost first. */
  readonly within: readonly string[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const otherOperator: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
};

const otherMethod: Readonly<Record<string, string>> = { some: 'every', every: 'some', min: 'max', max: 'min' };

/** Types have no effect at run time. */
const isType = (node: Node): boolean => node.type.startsWith('TS') || node.type.startsWith('Import');

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

function* childrenOf(node: Node): Generator<Node> {
  for (const value of Object.values(node)) {
    if (isNode(value)) yield value;
    else if (Array.isArray(value)) for (const each of value) if (isNode(each)) yield each;
  }
}

function nameOf(node: Node, parent: Node | undefined): string | undefined {
  if (!/Function/.test(node.type) || parent === undefined) return undefined;
  const named = [node['id'], parent['id'], parent['key']].find(isNode);
  return named === undefined ? undefined : String(named['name']);
}

/** What may stand in this node's place: [start, end, text]. */
function* changesOf(node: Node, source: string): Generator<readonly [number, number, string]> {
  const text = (part: unknown): string => (isNode(part) ? source.slice(part.start, part.end) : '');
  const { left, right, operator, argument, test } = node;
  const other = otherOperator[String(operator)];
  const isPair = node.type === 'BinaryExpression' || node.type === 'LogicalExpression';
  if (isPair && other !== undefined && isNode(left) && isNode(right)) {
    const between = source.slice(left.end, right.start);
    yield [left.end, right.start, between.replace(String(operator), other)];
  }
  if (node.type === 'LogicalExpression' && operator === '??') yield [node.start, node.end, text(left)];
  if (node.type === 'UnaryExpression' && operator === '!') yield [node.start, node.end, `(${text(argument)})`];
  if (node.type === 'Literal' && typeof node['value'] === 'boolean')
    yield [node.start, node.end, String(!node['value'])];
  if (node.type === 'Literal' && typeof node['value'] === 'number')
    yield [node.start, node.end, String(node['value'] + 1)];
  if ((node.type === 'IfStatement' || node.type === 'ConditionalExpression') && isNode(test))
    for (const always of ['true', 'false']) yield [test.start, test.end, always];
  if (node.type === 'ExpressionStatement' && source.slice(node.start, node.start + 5) !== 'super')
    yield [node.start, node.end, ';'];
  if (node.type === 'ContinueStatement') yield [node.start, node.end, ';'];
  if (node.type !== 'CallExpression' || !isNode(node['callee'])) return;
  const { property, object } = node['callee'];
  if (!isNode(property) || !isNode(object)) return;
  const method = otherMethod[String(property['name'])];
  if (method !== undefined) yield [property.start, property.end, method];
  if (property['name'] === 'filter') yield [node.start, node.end, text(object)];
}

/** Every mutant of a file, in the order they stand there. */
export function mutantsOf(file: string, source: string): Mutant[] {
  const found: Mutant[] = [];
  const walk = (node: Node, parent: Node | undefined, within: readonly string[]): void => {
    if (isType(node) && node.type !== 'TSAsExpression' && node.type !== 'TSNonNullExpression') return;
    const name = nameOf(node, parent);
    const inside = name === undefined ? within : [name, ...within];
    for (const [start, end, text] of changesOf(node, source)) found.push({ file, start, end, text, within: inside });
    for (const child of childrenOf(node)) walk(child, node, inside);
  };
  const program: unknown = parseSync(file, source).program;
  if (isNode(program)) walk(program, undefined, []);
  return found;
}
