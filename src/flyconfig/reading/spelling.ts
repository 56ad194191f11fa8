/** Names further apart than this are not taken for each other. */
const editsMax = 2;

/** The candidate that a misspelt name most likely means. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = editsMax + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) > editsMax || candidate.length <= editsMax) continue;
    const edits = editDistance(name, candidate);
    if (edits < fewest) {
      best = candidate;
      fewest = edits;
    }
  }
  return best;
}

/** Letters that are missing, too many, wrong or swapped with their neighbour; 3 for anything more than two of them. */
export function editDistance(from: string, to: string): number {
  let before: readonly number[] = [];
  let above: readonly number[] = Array.from({ length: to.length + 1 }, (_unused, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const change = (above[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swap = isSwapped ? (before[column - 2] ?? 0) + 1 : change;
      current.push(Math.min(change, swap, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    // It only grows from here on, and most names differ from the start.
    if (Math.min(...above, ...current) > editsMax) return editsMax + 1;
    before = above;
    above = current;
  }
  return Math.min(above[to.length] ?? 0, editsMax + 1);
}
