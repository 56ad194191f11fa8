/**
 * Names that others read never change: scripts, configs, databases and machines of users hold them, and an older FlyCD
 * reads what a newer one wrote. Each list in names/ has one name a line under the headings of its area; what the product
 * says by itself (imported, opened, asked, walked) has to be the same.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configNames } from './names/config.ts';
import { databaseNames } from './names/database.ts';
import { unique } from './names/declarations.ts';
import { environmentNames } from './names/environment.ts';
import { outputNames } from './names/output.ts';
import { stampNames } from './names/stamps.ts';
import { wireNames } from './names/wire.ts';

type Names = Readonly<Record<string, readonly string[]>>;

const areas: ReadonlyArray<readonly [string, () => Names | Promise<Names>]> = [
  ['stamps', stampNames],
  ['database', databaseNames],
  ['output', outputNames],
  ['environment', environmentNames],
  ['config', configNames],
  ['wire', wireNames],
];

/** `# heading`, then its names. */
function listed(area: string): ReadonlyMap<string, readonly string[]> {
  const sections = readFileSync(join(import.meta.dirname, 'names', `${area}.txt`), 'utf8')
    .trimEnd()
    .split(/^# /m);
  return new Map(
    sections
      .filter((section) => section !== '')
      .map((section) => {
        const [heading = '', ...names] = section.trimEnd().split('\n');
        return [heading, names] as const;
      }),
  );
}

const advice = (area: string): string =>
  `Names that others read never change: bring back each name after "gone:". ` +
  `If you ADD a name, add its line to test/house/names/${area}.txt, in order. ` +
  `If only the code that holds a name was moved or renamed, mend test/house/names/${area}.ts and leave the list as it is.`;

test.each(areas)('%s: every name is the one that was published', async (area, collect) => {
  const list = listed(area);
  const product = new Map(Object.entries(await collect()).map(([heading, names]) => [heading, unique(names)] as const));
  const differences = unique([...list.keys(), ...product.keys()]).flatMap((heading) => {
    const was = list.get(heading) ?? [];
    const is = product.get(heading) ?? [];
    return [
      ...was.filter((name) => !is.includes(name)).map((name) => `gone: ${name}   (${heading})`),
      ...is.filter((name) => !was.includes(name)).map((name) => `new:  ${name}   (${heading})`),
    ];
  });
  expect(differences, advice(area)).toEqual([]);
});

test.each(areas)('%s: the list is in order, with nothing twice and no heading without names', (area) => {
  for (const [heading, names] of listed(area)) {
    expect(names.length, heading).toBeGreaterThan(0);
    expect(names, heading).toEqual(unique(names));
  }
});
