import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { median, type Figure } from '../figures.ts';
import type { Workspace } from '../workspace.ts';

const bound = 2;
/** Not counted: they fill the file system's cache and Node's compile cache, as the first `flycd` of the day does. */
const warmUps = 2;

/** What is published: the JavaScript of `npm run build`, in a folder of its own. Answers with the entry's address. */
export async function build(repository: string, folder: string, workspace: Workspace): Promise<URL> {
  const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  await workspace.run(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', folder], {
    folder: repository,
  });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}\n');
  return pathToFileURL(join(folder, 'src', 'main.js'));
}

/** `flycd --help` beside a script that does nothing, one after the other, so that both meet the same noise. */
export async function startUp(entry: URL, workspace: Workspace, samples: number): Promise<readonly Figure[]> {
  const nothing = join(workspace.folder, 'nothing.js');
  await writeFile(nothing, '');
  const run = (args: readonly string[]): number => {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, [...args], { env: workspace.environment, stdio: 'ignore' });
    if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${String(status)}`);
    return performance.now() - start;
  };
  const empty: number[] = [];
  const help: number[] = [];
  for (let sample = -warmUps; sample < samples; sample += 1) {
    const times = [run([nothing]), run([entry.pathname, '--help'])] as const;
    if (sample < 0) continue;
    empty.push(times[0]);
    help.push(times[1]);
  }
  return [
    { what: 'start: an empty Node script', value: median(empty), unit: 'ms' },
    { what: 'start: flycd --help', value: median(help), unit: 'ms' },
    { what: 'start: the one to the other', value: median(help) / median(empty), unit: 'times', bound },
  ];
}
