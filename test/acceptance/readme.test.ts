import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../cli/terminal.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

function blocks(language: string): readonly string[] {
  return [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, kind, text = '']) =>
    kind === language ? [text] : [],
  );
}

test('what the README shows of a config is valid, without a warning', async () => {
  const [app = '', project = ''] = blocks('yaml');
  expect(app).toContain('app: ');
  expect(project).toContain('project: ');
  const folder = mkdtempSync(join(tmpdir(), 'flycd-readme-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'projects', 'production'), { recursive: true });
  mkdirSync(join(folder, 'apps', 'shop'), { recursive: true });
  writeFileSync(join(folder, 'projects', 'production', 'project.yaml'), project);
  writeFileSync(join(folder, 'apps', 'shop', 'app.yaml'), app);
  const { code, stdout, stderr } = await run(['validate', folder], { env: { XDG_STATE_HOME: folder } });
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '1 app valid.\n', stderr: '' });
});

test('every command the README names is there', async () => {
  const { stdout } = await run(['--help']);
  const commands = new Set([...readme.matchAll(/`flycd ([a-z]+)/g)].map(([, command = '']) => command));
  expect(commands.size).toBeGreaterThan(8);
  for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command}[ |]`, 'm'));
});
