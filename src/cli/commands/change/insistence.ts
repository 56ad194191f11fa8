/** What `--now` goes over: asked on a terminal, said elsewhere. */
import type { SyncContext } from '../../../../controllers/app/types.ts';
import { plain } from '../../../model/base/plain.ts';
import type { Invocation } from '../../shell/invocation.ts';

/** For each pass a new one: what was said yes to is not asked twice. */
export function confirming({ io, redactor }: Pick<Invocation, 'io' | 'redactor'>): NonNullable<SyncContext['confirm']> {
  const agreed = new Set<string>();
  return async (lifted) => {
    const lines = lifted.map(({ app, because }) => `  ${plain(app)}: ${plain(because)}`);
    const news = lines.filter((line) => !agreed.has(line));
    if (news.length === 0) return 'go';
    io.stderr.write(redactor.redact(`--now goes over:\n${news.join('\n')}\n`));
    for (const line of news) agreed.add(line);
    if (io.stdin?.isTTY !== true || !io.stderr.isTTY) return 'go';
    io.stderr.write('Go on? [y/N] ');
    const said = (await io.stdin.line())?.trim().toLowerCase();
    if (said === 'y' || said === 'yes') return 'again';
    io.stderr.write('Nothing was done.\n');
    return 'stop';
  };
}
