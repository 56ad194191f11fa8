import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const seeds = 2000;
/** What is not begun by then does not run: how many did is printed. */
const budgetSeconds = 360;
/**
 * Found and not mended yet: a second volume or address after a lost answer, a worker at rest. Each
 * is a bug, and its story is told by `npm run storm -- SEED`; whoever mends one takes it off this list.
 */
const openBugs: ReadonlySet<number> = new Set([809, 1262, 1314, 1456, 1500, 1592, 1965]);
const program = join(import.meta.dirname, '../storm/main.ts');

interface Share {
  readonly code: number | null;
  readonly said: string;
}

async function runShare(share: string): Promise<Share> {
  const argv = [program, `1-${seeds}`, '--share', share, '--seconds', String(budgetSeconds)];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  const said = await text(child.stdout);
  return { code: await closed, said };
}

test(
  `${seeds} storms within ${budgetSeconds} s`,
  async () => {
    const shares = availableParallelism();
    const all = await Promise.all(Array.from({ length: shares }, (_unused, n) => runShare(`${n + 1}/${shares}`)));
    const ran = all.reduce((sum, { said }) => sum + Number(/^(\d+) storms/m.exec(said)?.[1] ?? 0), 0);
    console.log(`${ran} of ${seeds} storms ran`);
    const said = all.map((share) => share.said).join('');
    const broken = [...said.matchAll(/^seed (\d+); its story/gm)].map(([, seed]) => Number(seed));
    console.log(`known and still open: ${broken.filter((seed) => openBugs.has(seed)).join(', ')}`);
    expect(
      broken.filter((seed) => !openBugs.has(seed)),
      said,
    ).toEqual([]);
    // 1 says that some broke: which ones is judged above. Anything else is a program that fell over.
    for (const { code } of all) expect([0, 1]).toContain(code);
    expect(ran).toBeGreaterThan(0);
  },
  (budgetSeconds + 60) * 1000,
);
