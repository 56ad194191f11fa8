/** Whether a file is another one, moved and edited: as git tells a rename from a deletion. */
import { looseText } from './written-fields.ts';

/** Letters of what two files have in common, blanks aside: with less, two or three lines such as a region and an image are it. */
const commonMin = 64;

/**
 * true: the two have at least half of their text in common, of the larger one, and not just a line or two. Lines count by
 * their length, whatever their order, indentation and line ends; a line that was made a comment counts as the line.
 */
export function isMostlyTheSame(one: Uint8Array, other: Uint8Array): boolean {
  const [lines, others] = [linesOf(one), linesOf(other)];
  const larger = Math.max(lengthOf(lines), lengthOf(others));
  const left = Map.groupBy(others, (line) => line);
  const common = lengthOf(lines.filter((line) => left.get(line)?.pop() !== undefined));
  return common >= commonMin && common * 2 >= larger;
}

function linesOf(bytes: Uint8Array): readonly string[] {
  const lines = looseText(bytes)
    .split('\n')
    .map((line) => line.trim().replace(/^(?:#+|\/\/)\s*/, ''));
  return lines.filter((line) => line !== '');
}

function lengthOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}
