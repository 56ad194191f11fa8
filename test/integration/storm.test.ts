import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const seeds = 2000;
/** What is not begun by then does not run: how many did is printed. With it all checks take less than half an hour on two cores. */
const budgetSeconds = 120;
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
    expect(broken, said).toEqual([]);
    for (const { code } of all) expect(code).toBe(0);
    expect(ran).toBeGreaterThan(0);
  },
  (budgetSeconds + 60) * 1000,
);
