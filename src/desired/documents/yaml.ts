/**
 * Strict YAML: one document, no key twice, no unknown tags, no number that loses digits, aliases and depth capped.
 * Values become plain objects here rather than in the library, so that every refusal has a place in the text.
 */
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Composer,
  Lexer,
  LineCounter,
  Parser,
  YAMLParseError,
  type CST,
  type Document,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import type { JsonValue } from '../../model/base/json.ts';
import type { DocumentPath } from './path.ts';
import {
  depthMax,
  problemsMax,
  valuesMax,
  type InexactNumber,
  type ParsedText,
  type Places,
  type TextPlace,
  type TextProblem,
} from './text-problem.ts';

/** v0's examples use a handful of anchors. */
const aliasesMax = 500;
/**
 * What the lexer finds in a file: names, values, marks, indents, ends of lines, comments. A field is six of them, so this
 * is a file of 2,500 fields, where a large app.yaml has 200; a text of many lines is one. More would cost more than the
 * 100 ms that a file may take.
 */
const piecesMax = 15_000;
/** A config needs none; each one that YAML does not know costs as much as ten values. */
const tagsMax = 500;
/** The parser's own levels below the first value, and room for a value inside the last: the exact limit is kept below. */
const stackBelowRoot = 4;

type Mutable = { [key: string]: JsonValue };

interface Reading {
  readonly problems: TextProblem[];
  readonly inexact: InexactNumber[];
  readonly anchors: Map<string, { readonly value: JsonValue; readonly nodes: number }>;
  nodes: number;
  aliases: number;
  /** A cap was hit: the rest is not read. */
  over: boolean;
}

export function parseYaml(text: string): ParsedText {
  const document = documentOf(text);
  if (!('contents' in document)) return { value: undefined, problems: [document], inexact: [] };
  const reading: Reading = { problems: [], inexact: [], anchors: new Map(), nodes: 0, aliases: 0, over: false };
  for (const error of [...document.errors, ...document.warnings].slice(0, problemsMax)) {
    reading.problems.push({ offset: error.pos[0], path: [], message: sentence(error.code, error.message) });
  }
  const value = document.contents === null ? null : valueOf(document.contents, [], reading);
  return { value: reading.over ? undefined : value, problems: reading.problems, inexact: reading.inexact };
}

/** Never throws: what the library throws at is a problem like any other. */
function documentOf(text: string): Document.Parsed | TextProblem {
  const parser = new Parser();
  try {
    return documentWithin(text, parser);
  } catch {
    return { offset: parser.offset, path: [], message: 'cannot be read: it is not YAML' };
  }
}

/**
 * As the library's parseDocument, with an eye on the work: the lexer is cheap, and past a cap what it finds is neither
 * parsed nor composed.
 */
function documentWithin(text: string, parser: Parser): Document.Parsed | TextProblem {
  const refused = (message: string): TextProblem => ({ offset: parser.offset, path: [], message });
  const tokens: CST.Token[] = [];
  let pieces = 0;
  let tags = 0;
  let mistakes = 0;
  for (const piece of new Lexer().lex(text)) {
    pieces += 1;
    if (piece.startsWith('!')) tags += 1;
    if (pieces > piecesMax) return refused(`expected at most ${piecesMax} names, values and marks, found more`);
    if (tags > tagsMax) return refused(`expected at most ${tagsMax} tags, found more`);
    for (const token of parser.next(piece)) {
      if (token.type === 'error') mistakes += 1;
      tokens.push(token);
    }
    if (parser.stack.length > depthMax + stackBelowRoot) return refused(`nested more than ${depthMax} deep`);
    if (mistakes >= problemsMax) break;
  }
  tokens.push(...parser.end());
  // Keys are compared below: the library's own check takes quadratic time.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, strict: true, logLevel: 'error' });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (document === undefined) return refused('cannot be read: it is not YAML');
  if (second !== undefined) {
    const { range } = second;
    document.errors.push(new YAMLParseError([range[0], range[1]], 'MULTIPLE_DOCS', 'several documents'));
  }
  return document;
}

/** The library's words, without the piece of text it may quote: that could be a secret. */
function sentence(code: string, message: string): string {
  if (code === 'MULTIPLE_DOCS') return 'expected one document, found several: a line with --- starts a new one';
  const [first = ''] = message.split('\n');
  const words = first.replace(/: ?["'].*$/, '').replace(/ at line \d+, column \d+:?.*$/, '');
  return `not valid YAML: ${words}`;
}

function valueOf(node: ParsedNode, path: DocumentPath, reading: Reading): JsonValue {
  if (reading.over) return undefined;
  reading.nodes += 1;
  if (reading.nodes > valuesMax) return stop(reading, node, path, `expected at most ${valuesMax} values, found more`);
  if (path.length > depthMax) return stop(reading, node, path, `nested more than ${depthMax} deep`);
  if (isAlias(node)) return aliased(node.source, node, path, reading);
  const before = reading.nodes;
  const value = isMap(node)
    ? mapOf(node, path, reading)
    : isSeq(node)
      ? listOf(node, path, reading)
      : scalarOf(node, path, reading);
  // Known only from here on: an alias inside its own anchor would never end.
  if (node.anchor !== undefined) reading.anchors.set(node.anchor, { value, nodes: reading.nodes - before + 1 });
  return value;
}

function stop(reading: Reading, node: ParsedNode, path: DocumentPath, message: string): undefined {
  reading.over = true;
  refuse(reading, node, path, message);
}

function refuse(reading: Reading, node: ParsedNode, path: DocumentPath, message: string, hint?: string): undefined {
  if (reading.problems.length >= problemsMax) return;
  reading.problems.push({ offset: node.range[0], path, message, ...(hint === undefined ? {} : { hint }) });
}

function aliased(name: string, node: ParsedNode, path: DocumentPath, reading: Reading): JsonValue {
  const anchor = reading.anchors.get(name);
  if (anchor === undefined) {
    return refuse(reading, node, path, `there is no anchor &${name} before this`, 'anchors stand above their aliases');
  }
  reading.aliases += 1;
  reading.nodes += anchor.nodes;
  if (reading.aliases > aliasesMax)
    return stop(reading, node, path, `expected at most ${aliasesMax} aliases, found more`);
  if (reading.nodes > valuesMax) return stop(reading, node, path, `expected at most ${valuesMax} values, found more`);
  return anchor.value;
}

function listOf(node: { readonly items: readonly unknown[] }, path: DocumentPath, reading: Reading): JsonValue {
  return node.items.map((item, index) => valueOf(item as ParsedNode, [...path, index], reading));
}

function mapOf(node: YAMLMap.Parsed, path: DocumentPath, reading: Reading): JsonValue {
  const result: Mutable = {};
  const merged: JsonValue[] = [];
  for (const { key, value } of node.items) {
    if (isMergeKey(key)) {
      if (value !== null) merged.push(valueOf(value, [...path, '<<'], reading));
      continue;
    }
    const name = keyOf(key, path, reading);
    if (name === undefined) continue;
    if (Object.hasOwn(result, name)) {
      refuse(reading, key, [...path, name], `${JSON.stringify(name)} is written twice`, 'keep one of the two');
      continue;
    }
    result[name] = value === null ? null : valueOf(value, [...path, name], reading);
  }
  for (const source of merged)
    if (!mergeInto(result, source)) refuse(reading, node, [...path, '<<'], 'expected fields to merge');
  return result;
}

/** `<<: *base`, as v0 read it: what stands in the map itself wins, then the first of several. */
function mergeInto(result: Mutable, source: JsonValue): boolean {
  const sources = Array.isArray(source) ? (source as readonly JsonValue[]) : [source];
  for (const item of sources) {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return false;
    for (const [key, value] of Object.entries(item)) if (!Object.hasOwn(result, key)) result[key] = value;
  }
  return true;
}

function isMergeKey(key: ParsedNode): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

/** Field names are text; numbers and booleans count as they are written. */
function keyOf(key: ParsedNode, path: DocumentPath, reading: Reading): string | undefined {
  const plain = isAlias(key)
    ? reading.anchors.get(key.source)?.value
    : isScalar(key)
      ? (key.source ?? key.value)
      : undefined;
  const name = isScalar(key) && typeof key.value === 'string' ? key.value : plain;
  if (typeof name !== 'string' && typeof name !== 'number') return refuse(reading, key, path, 'expected a field name');
  if (String(name) === '__proto__') return refuse(reading, key, path, '__proto__ cannot be a field name');
  return String(name);
}

function scalarOf(node: Scalar, path: DocumentPath, reading: Reading): JsonValue {
  const { value } = node;
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  const parsed = node as Scalar.Parsed;
  if (typeof value !== 'number') return refuse(reading, parsed, path, 'expected text, a number, true or false');
  if (!Number.isFinite(value)) return refuse(reading, parsed, path, 'expected a finite number', 'put it in quotes');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return refuse(reading, parsed, path, 'this number is too long to be read exactly', 'put it in quotes');
  }
  const written = parsed.source;
  if (written !== String(value)) reading.inexact.push({ path, written, read: value });
  return value;
}

/** Where a path stands in the text; the nearest thing that is there where the path itself is not. */
export function placesInYaml(text: string): Places {
  const document = documentOf(text);
  return (path, part) => placeInDocument(document, path, part);
}

function placeInDocument(
  document: Document.Parsed | TextProblem,
  path: DocumentPath,
  part: 'key' | 'value',
): TextPlace {
  if (!('contents' in document) || document.contents === null) return { offset: 0 };
  let offset = document.contents.range[0];
  let node: ParsedNode | null = document.contents;
  for (const [depth, step] of path.entries()) {
    if (node === null) break;
    if (isAlias(node)) node = (node.resolve(document) as ParsedNode | undefined) ?? null;
    if (isMap(node)) {
      const pair: YAMLMap.Parsed['items'][number] | undefined = node.items.find(
        ({ key }) => isScalar(key) && (key.value === step || key.source === String(step)),
      );
      if (!isPair(pair)) return { offset: depth === 0 ? document.contents.range[0] : offset };
      const last = depth === path.length - 1;
      node = pair.value;
      offset = (part === 'key' && last) || node === null ? pair.key.range[0] : node.range[0];
      // A map or list begins on the next line: its name says more to a reader.
      if (!isScalar(node) && !isAlias(node)) offset = pair.key.range[0];
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step] ?? null;
      if (node !== null) offset = node.range[0];
    } else break;
  }
  return { offset };
}

/** Fields of a map in the order written: objects would put names like "8080" first. */
export function keysInYaml(
  text: string,
  path: DocumentPath,
): readonly { readonly name: string; readonly offset: number }[] {
  const document = documentOf(text);
  if (!('contents' in document)) return [];
  let node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  if (isAlias(node)) node = node.resolve(document);
  if (!isMap(node)) return [];
  return (node as YAMLMap.Parsed).items.flatMap(({ key }) =>
    isScalar(key)
      ? [{ name: typeof key.value === 'string' ? key.value : (key.source ?? ''), offset: key.range[0] }]
      : [],
  );
}

/** 1-based line and column of an offset. */
export function lineAndColumn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const counter = new LineCounter();
  counter.addNewLine(0);
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1))
    counter.addNewLine(at + 1);
  const { line, col } = counter.linePos(Math.max(0, offset));
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
