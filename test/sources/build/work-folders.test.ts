import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { createWorkFolders } from '../../../src/sources/build/work-folders.ts';
import { temporaryFolder } from '../../servers/git-server.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const folders = (pid = 100, alive: readonly number[] = []) =>
  createWorkFolders({
    clock: new IdleClock(),
    directory: join(folder.path, 'builds'),
    log: silentLog,
    host: { name: 'host', space: '', pid, isAlive: (id) => alive.includes(id) },
  });

test('a folder is there for its work and gone after it, however that ends', async () => {
  const seen: string[] = [];
  const work = async (path: string): Promise<void> => {
    expect(readdirSync(path)).toEqual([]);
    writeFileSync(join(path, 'x'), '');
    seen.push(path);
  };
  await folders().within(work);
  const failing = folders().within(async (path) => {
    await work(path);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(seen.map((path) => existsSync(path))).toEqual([false, false]);
});

test('what killed processes left goes, what others work in stays', async () => {
  const directory = join(folder.path, 'builds');
  for (const name of ['100-before-us', '200-dead', '300-alive', 'notes']) {
    mkdirSync(join(directory, name, 'context'), { recursive: true });
  }
  await folders(100, [300]).sweep();
  expect(readdirSync(directory).toSorted()).toEqual(['300-alive', 'notes']);
  await createWorkFolders({
    clock: new IdleClock(),
    directory: '/nowhere',
    log: silentLog,
    host: { name: 'host', space: '', pid: 1, isAlive: () => true },
  }).sweep();
});

test('no place to write is said', async () => {
  writeFileSync(join(folder.path, 'builds'), '');
  await expect(folders().within(async () => undefined)).rejects.toMatchObject({
    next: expect.stringContaining('data directory'),
  });
});
