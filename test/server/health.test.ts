import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { temporaryFolder, testStore } from '../record/stores.ts';
import { idle, pushPayload, serving } from './serving.ts';

const get = async (url: string): Promise<readonly [number, unknown]> => {
  const response = await fetch(url);
  return [response.status, await response.json()];
};

/** A database in a file, and another process that has it open. */
async function withFile() {
  const clock = new IdleClock();
  const path = join(temporaryFolder(), 'flycd.db');
  const store = testStore({ clock, path });
  const other = new Sqlite(path);
  return { path, other, ...(await serving({ clock, store })), clock };
}

const unstored = { status: 'failing', reasons: ['pushes cannot be stored: the log says why'] };

test('/healthz fails as long as another process holds the database, and readiness is taken back', async () => {
  const { other, url, clock, said, post } = await withFile();
  expect(await get(`${url}/healthz`)).toEqual([200, { status: 'ok' }]);
  other.exec('BEGIN IMMEDIATE');
  await clock.sleep(5_000);
  expect(await get(`${url}/healthz`)).toEqual([503, { status: 'failing', reasons: ['the database does not answer'] }]);
  await clock.sleep(5_000);
  expect(await get(`${url}/healthz`)).toEqual([503, unstored]);
  expect(await get(`${url}/readyz`)).toEqual([503, { ready: false, reasons: unstored.reasons }]);
  expect((await post(pushPayload())).status).toBe(503);
  expect(said.filter((line) => line.startsWith('pushes cannot be stored'))).toEqual([
    expect.stringContaining('it is locked: another process'),
  ]);
  other.exec('ROLLBACK');
  await clock.sleep(5_000);
  expect(await get(`${url}/healthz`)).toEqual([200, { status: 'ok' }]);
  expect((await post(pushPayload())).status).toBe(202);
  expect(said.filter((line) => line.startsWith('pushes can be stored again'))).toHaveLength(1);
});

test.each([
  ['moved away', (path: string) => renameSync(path, `${path}.away`)],
  ['removed', (path: string) => rmSync(path)],
  [
    'replaced',
    (path: string) => {
      renameSync(path, `${path}.away`);
      new Sqlite(path).exec('CREATE TABLE other (x)').close();
    },
  ],
])('/healthz fails where the file is %s', async (_, change) => {
  const { path, url, clock, said } = await withFile();
  expect((await get(`${url}/healthz`))[0]).toBe(200);
  change(path);
  await clock.sleep(5_000);
  expect(await get(`${url}/healthz`)).toEqual([503, unstored]);
  expect(said.join()).toContain('somebody moved or removed the file');
});

test('whoever asks often has the disk written to at most each five seconds', async () => {
  let checks = 0;
  const checkStorage = (): Promise<void> => Promise.resolve(void (checks += 1));
  const { url, clock } = await serving({ store: { storeDelivery: () => Promise.resolve(true), checkStorage } });
  for (let i = 0; i < 20; i += 1) await get(`${url}/healthz`);
  expect(checks).toBe(1);
  await clock.sleep(5_000);
  await Promise.all([get(`${url}/healthz`), get(`${url}/readyz`)]);
  expect(checks).toBe(2);
});

test('nothing of a check is left in the database', async () => {
  const { url, pending, other, clock } = { ...(await withFile()) };
  await get(`${url}/healthz`);
  await clock.sleep(5_000);
  await get(`${url}/healthz`);
  expect(await pending()).toEqual([]);
  expect(other.prepare('SELECT count(*) AS n FROM delivery').get()).toEqual({ n: 0 });
});

const refused = new Fault({ kind: 'stalled', scope: 'fleet', what: 'Fly refused the token' });
const unread = new Fault({ kind: 'transient', what: 'git did not answer' });

test.each([
  ['a token that dies', { refreshFault: refused }, 'Fly refuses the token: the log says why'],
  [
    'git out of reach',
    { refreshFault: unread },
    'the desired state could not be computed the last time: the log says why',
  ],
  ['git that hangs', { refreshingMs: 7 * 60_000 }, 'git has not answered for 7 minutes'],
])('%s takes readiness back, and deliveries are taken all the same', async (_, status, reason) => {
  const state = { ...idle, ...status };
  const { url } = await serving({ loop: { ready: true, wake() {}, status: () => state } });
  expect(await get(`${url}/readyz`)).toEqual([503, { ready: false, reasons: [reason] }]);
  expect((await get(`${url}/healthz`))[0]).toBe(200);
  Object.assign(state, idle);
  expect(await get(`${url}/readyz`)).toEqual([200, { ready: true, reasons: [] }]);
});

test('a look at git that goes on is no reason as long as git may answer', async () => {
  const { url } = await serving({
    loop: { ready: true, wake() {}, status: () => ({ ...idle, refreshingMs: 300_000 }) },
  });
  expect((await get(`${url}/readyz`))[0]).toBe(200);
});
