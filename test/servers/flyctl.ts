/**
 * A flyctl that builds nothing: what it pushes is made of the context's content, the Dockerfile and the build's settings, so
 * that the same source gives the same image. It asks for what flyctl asks for, and ends as its Dockerfile says: `RUN fail`,
 * `RUN hang`, `RUN stall` (hangs once), `RUN lost` (the network's fault, once), `RUN leak` (prints its token), `RUN forget` (pushes nothing).
 */
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'smol-toml';
import { pushImage } from './images.ts';

const { FLYCTL_RECORD: record = '', FLY_REGISTRY_HOST: host = '', FLY_API_TOKEN: token = '' } = process.env;
const argv = process.argv.slice(2);

function valueOf(name: string): string | undefined {
  const at = argv.indexOf(name);
  return at === -1 ? undefined : argv[at + 1];
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function contentOf(folder: string): readonly (readonly [string, string])[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((path) => [path.slice(folder.length + 1), readFileSync(path, 'base64')] as const);
}

const config = parse(readFileSync(valueOf('--config') ?? '', 'utf8'));
const dockerfile = readFileSync(valueOf('--dockerfile') ?? 'Dockerfile', 'utf8');
const files = contentOf(process.cwd());
const call = {
  pid: process.pid,
  argv,
  environment: Object.keys(process.env).toSorted(),
  config,
  dockerfile,
  files: files.map(([path]) => path),
};
appendFileSync(record, `${JSON.stringify(call)}\n`);

for (const flag of ['deploy', '--build-only', '--push', '--remote-only']) {
  if (!argv.includes(flag)) throw new Error(`flyctl was not told ${flag}`);
}
const app = valueOf('--app') ?? '';
const label = valueOf('--image-label') ?? '';
say(`\u001b[32m==>\u001b[0m Building image with Depot for ${app}`);
if (dockerfile.includes('RUN leak')) say(`token is ${token}`);
function isFirst(word: string): boolean {
  if (!dockerfile.includes(word) || existsSync(`${record}.once`)) return false;
  writeFileSync(`${record}.once`, '');
  return true;
}

if (dockerfile.includes('RUN hang') || isFirst('RUN stall')) await sleep(600_000);
if (isFirst('RUN lost')) {
  say('Error: failed to fetch an image or build from source: read tcp 10.0.0.1: connection reset by peer');
  process.exit(1);
}
if (dockerfile.includes('RUN fail')) {
  say('#7 [2/2] RUN fail');
  say('#7 0.1 sh: fail: not found');
  say(
    'Error: failed to fetch an image or build from source: process "/bin/sh -c fail" did not complete: exit code: 127',
  );
  process.exit(1);
}
if (!dockerfile.includes('RUN forget')) {
  const layer = Buffer.from(JSON.stringify({ files, dockerfile, build: config['build'] ?? {} }));
  await pushImage({ url: `http://${host}`, token, repository: app }, label, [layer]);
}
say(`image: ${host}/${app}:${label}`);
