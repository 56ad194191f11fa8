/** What docs/simulator.md says of the client: the operations left out, and where its schemas and Fly differ. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Departure } from './client.ts';

const docs = readFileSync(join(import.meta.dirname, '../../docs/simulator.md'), 'utf8');

/** One of the names in code style of a table's first column; `*` stands for anything but a dot. */
export interface Entry {
  readonly name: string;
  /** In the row's last column. */
  readonly reason: string;
  readonly matches: (text: string) => boolean;
}

/** The rows of the first table below a heading. */
function entriesUnder(heading: string): readonly Entry[] {
  const [, section] = docs.split(`\n${heading}\n`);
  if (section === undefined) throw new Error(`docs/simulator.md has no heading ${heading}`);
  const [table = ''] = /(^\|.*\n)+/m.exec(section) ?? [];
  return table
    .split('\n')
    .slice(2)
    .filter((row) => row !== '')
    .flatMap((row) => {
      const cells = row.split('|').map((cell) => cell.trim());
      const reason = cells.at(-2) ?? '';
      return [...(cells[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => entry(name, reason));
    });
}

function entry(name: string, reason: string): Entry {
  const words = name.split('*').map((part) => part.replaceAll('.', '\\.'));
  const pattern = new RegExp(`(^|\\.)${words.join('[^.]*')}$`);
  return { name, reason, matches: (text) => pattern.test(text) };
}

/** Operations of the client that the simulator does not serve. */
export const leftOut = entriesUnder('### Left out');

/** Fields of answers that the client does not expect so. */
export const knownDifferences = entriesUnder('### Where its schemas and Fly differ');

export function differencesOf(departure: Departure): readonly Entry[] {
  return knownDifferences.filter(({ matches }) => matches(`${departure.operation}.${departure.path}`));
}
