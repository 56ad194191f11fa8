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

function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_unused, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const swap = (above[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(swap, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    // It only grows from here on, and most names differ from the start.
    if (Math.min(...current) > editsMax) return editsMax + 1;
    above = current;
  }
  return above[to.length] ?? 0;
}
