/** `common.substitutions`: regular expressions in Go's RE2 syntax, replaced in the raw text of an app's file. */
import { RE2JS } from 're2js';

/** A text may not grow beyond this by replacement: as large as a file may be. */
const charactersMax = 1_048_576;

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
  /** true: the text grew over the cap and was left at the pass before. */
  readonly over: boolean;
}

/** Linear in the text whatever the pattern. undefined: not RE2 syntax, with the reason. */
export function compileSubstitution(pattern: string): { readonly pattern: RE2JS } | { readonly why: string } {
  try {
    return { pattern: RE2JS.compile(pattern) };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return { why: words.replace(/^error parsing regexp: /, '') };
  }
}

export function substitute(text: string, substitutions: readonly Substitution[]): Substituted {
  const passes: (readonly Edit[])[] = [];
  let current = text;
  for (const substitution of substitutions) {
    const { after, edits } = replaceAll(current, substitution);
    if (after === undefined) return { text: current, passes, over: true };
    if (edits.length > 0) passes.push(edits);
    current = after;
  }
  return { text: current, passes, over: false };
}

/** As Go's ReplaceAll: an empty match right behind a match does not count. `after` undefined: it grew over the cap. */
function replaceAll(
  text: string,
  substitution: Substitution,
): { readonly after: string | undefined; readonly edits: readonly Edit[] } {
  const matcher = substitution.pattern.matcher(text);
  const edits: Edit[] = [];
  let after = '';
  let copied = 0;
  while (matcher.find()) {
    const startBefore = matcher.start();
    const endBefore = matcher.end();
    if (startBefore === endBefore && edits.length > 0 && startBefore === copied) continue;
    after += text.slice(copied, startBefore);
    const start = after.length;
    after += expand(substitution.replacement, (name) => groupOf(matcher, name));
    if (after.length > charactersMax) return { after: undefined, edits };
    edits.push({ start, end: after.length, startBefore, endBefore, origin: substitution.origin });
    copied = endBefore;
  }
  if (edits.length === 0) return { after: text, edits };
  after += text.slice(copied);
  return { after: after.length > charactersMax ? undefined : after, edits };
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
