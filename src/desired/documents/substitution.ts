/** `common.substitutions`: regular expressions in Go's RE2 syntax, replaced in the raw text of an app's file. */
import { RE2JS } from 're2js';

/** A text may not grow beyond this by replacement: as large as a file may be. */
const charactersMax = 1_048_576;
/**
 * Instructions of one compiled pattern: `\$\{(\w+)\}` has ten. A library of expressions is a program, and a search for
 * one costs as many steps at each character.
 */
const instructionsMax = 500;
/** Replacements in one file. Each costs a hundredth of a millisecond, and a large app.yaml has 200 lines. */
const replacementsMax = 2000;
/**
 * Steps of all searches in one file: characters by instructions, at the worst, for a search may read on to the end before
 * it knows. Patterns of plain text are found at once and cost none. A pattern of ten instructions with 100 matches in
 * 8 KiB is 4 million; this many take well under 100 ms.
 */
const stepsMax = 12_000_000;
/** Characters by instructions up to which the library remembers where it was; beyond it, each step takes twelve times as long. */
const rememberedMax = 262_144;
const forgetfulCost = 12;
/** Characters of a pattern as written: one of many more is not even compiled. */
const patternCharactersMax = 1000;
/** `x{101}`: each time is a copy of the piece, and a hundred such patterns would take longer to compile than a file may take. */
const repetitionMax = 100;
const tooLong = { why: `it has more than ${instructionsMax} instructions: it is too long, or repeats too much` };

export interface Substitution {
  readonly pattern: RE2JS;
  readonly replacement: string;
  /** project.yaml:12, for people. */
  readonly origin: string;
}

/** One replaced piece: where it stands in the text after, and where it stood before. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly startBefore: number;
  readonly endBefore: number;
  readonly origin: string;
}

export interface Substituted {
  readonly text: string;
  /** In the order they were applied. */
  readonly passes: readonly (readonly Edit[])[];
  /** Which cap it went over, for people; the text was left at the pass before. undefined: none. */
  readonly over: string | undefined;
}

/** `why`: not RE2 syntax, or too large. */
export function compileSubstitution(pattern: string): { readonly pattern: RE2JS } | { readonly why: string } {
  try {
    if (pattern.length > patternCharactersMax || repetitionOf(pattern) > repetitionMax) return tooLong;
    const compiled = RE2JS.compile(pattern);
    return compiled.programSize() > instructionsMax ? tooLong : { pattern: compiled };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return { why: words.replace(/^error parsing regexp: /, '') };
  }
}

/** The highest count of a counted repetition, as far as a look at the text tells. */
function repetitionOf(pattern: string): number {
  const counts = [...pattern.matchAll(/(?<!\\)\{(\d{1,9})(?:,(\d{0,9}))?\}/g)];
  return Math.max(0, ...counts.flatMap(([, least, most]) => [Number(least), Number(most ?? 0)]));
}

export function substitute(text: string, substitutions: readonly Substitution[]): Substituted {
  const passes: (readonly Edit[])[] = [];
  const work: Work = { replacements: 0, steps: 0 };
  let current = text;
  for (const substitution of substitutions) {
    const { after, edits, over } = replaceAll(current, substitution, work);
    if (over !== undefined) return { text: current, passes, over };
    if (edits.length > 0) passes.push(edits);
    current = after;
  }
  return { text: current, passes, over: undefined };
}

/** What one file has cost so far. */
interface Work {
  replacements: number;
  steps: number;
}

interface Replaced {
  readonly after: string;
  readonly edits: readonly Edit[];
  readonly over: string | undefined;
}

/** As Go's ReplaceAll: an empty match right behind a match does not count. */
function replaceAll(text: string, substitution: Substitution, work: Work): Replaced {
  const { pattern, replacement, origin } = substitution;
  const matcher = pattern.matcher(text);
  const edits: Edit[] = [];
  const over = (why: string): Replaced => ({ after: text, edits, over: why });
  let after = '';
  let copied = 0;
  for (;;) {
    const steps = stepsOf(pattern, text, copied);
    if (steps === undefined) break;
    work.steps += steps;
    if (work.steps > stepsMax) return over('substitutions of this file would take too long');
    if (!matcher.find()) break;
    const startBefore = matcher.start();
    const endBefore = matcher.end();
    if (startBefore === endBefore && edits.length > 0 && startBefore === copied) continue;
    work.replacements += 1;
    if (work.replacements > replacementsMax)
      return over(`substitutions replace more than ${replacementsMax} places here`);
    after += text.slice(copied, startBefore);
    const start = after.length;
    after += expand(replacement, (name) => groupOf(matcher, name));
    if (after.length > charactersMax) return over('substitutions make this file larger than 1 MiB');
    edits.push({ start, end: after.length, startBefore, endBefore, origin });
    copied = endBefore;
  }
  if (edits.length === 0) return { after: text, edits, over: undefined };
  after += text.slice(copied);
  return after.length > charactersMax
    ? over('substitutions make this file larger than 1 MiB')
    : { after, edits, over: undefined };
}

/** What a search for the next match may cost; undefined: there is none, as a quicker look told. */
function stepsOf(pattern: RE2JS, text: string, from: number): number | undefined {
  if (isPlainText(pattern)) return 0;
  const steps = pattern.programSize() * (text.length - from);
  if (pattern.programSize() * text.length <= rememberedMax) return steps;
  // One character more, for what a pattern says of the one before a match.
  return pattern.test(text.slice(Math.max(0, from - 1))) ? steps * forgetfulCost : undefined;
}

/** Letters and the like, or such behind a backslash: nothing that means more than itself. */
function isPlainText(pattern: RE2JS): boolean {
  return /^(?:[\w\s/:@=,;<>%&!~#'"-]|\\[^\w\s])+$/.test(pattern.pattern());
}

function groupOf(matcher: ReturnType<RE2JS['matcher']>, name: string): string {
  try {
    return matcher.group(/^[0-9]+$/.test(name) ? Number(name) : name) ?? '';
  } catch {
    return ''; // as in Go: a group that is not there is empty
  }
}

/** Go's Expand: $1, ${1}, $name, ${name}, $$ for a dollar sign; $1x is the group called 1x. */
function expand(template: string, group: (name: string) => string): string {
  return template.replace(/\$(?:(\$)|(\w+)|\{(\w+)\})/g, (_match, dollar?: string, bare?: string, braced?: string) =>
    dollar !== undefined ? '$' : group(bare ?? braced ?? ''),
  );
}

/** Where an offset of the text after stood before; inside a replacement, where the match began and who put it there. */
export function originalOffset(
  substituted: Substituted,
  offset: number,
): { readonly offset: number; readonly by: string | undefined } {
  let by: string | undefined;
  let current = offset;
  for (const edits of substituted.passes.toReversed()) {
    const edit = edits.findLast(({ start }) => start <= current);
    if (edit === undefined) continue;
    if (current < edit.end) {
      by = edit.origin;
      current = edit.startBefore;
    } else current = edit.endBefore + (current - edit.end);
  }
  return { offset: current, by };
}
