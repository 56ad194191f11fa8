import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { twoApps, webApp } from '../fleet.ts';
import { eventually, startStage, type Service, type Stage } from '../stage.ts';

/** What the service says of itself at one moment: status codes of its two pages, and the reasons of the second. */
async function saidBy(service: Service): Promise<{ healthz: number; readyz: number; reasons: string }> {
  const url = await service.url();
  const [health, ready] = await Promise.all([fetch(`${url}/healthz`), fetch(`${url}/readyz`)]);
  const { reasons } = (await ready.json()) as { readonly reasons: readonly string[] };
  return { healthz: health.status, readyz: ready.status, reasons: reasons.join('; ') };
}

/** Once it says so: its check of the disk is five seconds old at most. */
async function comesToSay(service: Service, wanted: { readonly healthz: number; readonly readyz: number }) {
  let said = await saidBy(service);
  await expect
    .poll(async () => (said = await saidBy(service)), { timeout: 30_000, interval: 200, message: service.told() })
    .toMatchObject(wanted);
  return said;
}

const well = { healthz: 200, readyz: 200, reasons: '' };

/** `status` by a process of its own, from the database alone. */
async function statusOf(stage: Stage): Promise<string> {
  const status = stage.run(['status', '--fleet', 'acme']);
  await status.ended;
  return status.stdout();
}

/** A commit that gives one app another greeting; its push as the service answers it. */
async function pushed(stage: Stage, service: Service, greeting: string): Promise<number> {
  stage.repository.commit({ 'apps/web/app.yaml': webApp('acme-web', { greeting }) });
  return (await service.push()).status;
}

const reaches = (stage: Stage, service: Service, greeting: string): Promise<unknown> =>
  eventually(() => stage.env('acme-web', 'GREETING')[0] === greeting, `${greeting} is on Fly`, service);

test('through a day of faults the service says what is so, and git is on Fly at the end of each', async () => {
  const stage = await startStage(twoApps, onTestFinished);
  stage.settings('interval: 24h\n');
  const argv = ['--settings', 'settings.yaml'];
  const service = stage.serve({ argv });
  await service.synced('acme-web', stage.repository.git('rev-parse', 'main'));
  await service.synced('acme-jobs', stage.repository.git('rev-parse', 'main'));
  await comesToSay(service, well);
  const database = join(stage.folder, 'state', 'flycd', 'flycd.db');

  // Another process holds the database.
  const holder = new Sqlite(database);
  onTestFinished(() => void holder.close());
  holder.exec('BEGIN IMMEDIATE');
  const locked = await comesToSay(service, { healthz: 503, readyz: 503 });
  expect(locked.reasons).toMatch(/pushes cannot be stored|the database does not answer/);
  expect(await pushed(stage, service, 'locked')).toBe(503);
  expect(service.told()).toMatch(/it is locked: another process/);
  expect(await statusOf(stage)).toMatch(/acme-web +synced/);
  holder.exec('COMMIT');
  await comesToSay(service, well);
  await reaches(stage, service, 'locked');

  // git takes requests and does not answer: a push is stored all the same, and nothing is known to be wrong yet.
  stage.holdGit(true);
  expect(await pushed(stage, service, 'held')).toBe(202);
  await eventually(() => stage.heldGit() > 0, 'git is asked', service);
  expect(await saidBy(service)).toEqual(well);
  expect(stage.env('acme-web', 'GREETING')).toEqual(['locked']);
  stage.holdGit(false);
  await reaches(stage, service, 'held');
  await comesToSay(service, well);

  // Fly takes eight seconds for each answer: that is no fault of FlyCD's, and pushes are taken.
  stage.simulator.world.faults.add({ probability: 1, fault: { latencyMs: 8_000 } });
  expect(await pushed(stage, service, 'slow')).toBe(202);
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  expect(await saidBy(service)).toEqual(well);
  expect(stage.env('acme-web', 'GREETING')).toEqual(['held']);
  stage.simulator.world.faults.clear();
  await reaches(stage, service, 'slow');

  // Somebody moves the database away: what is stored there from now on is lost.
  await eventually(
    () => stage.rows('SELECT id FROM run WHERE finished_at IS NULL').length === 0,
    'passes end',
    service,
  );
  renameSync(database, `${database}.away`);
  const moved = await comesToSay(service, { healthz: 503, readyz: 503 });
  expect(moved.reasons).toContain('pushes cannot be stored');
  expect(await pushed(stage, service, 'moved')).toBe(503);
  expect(service.told()).toMatch(/is not there any more/);
  expect(service.told()).toMatch(/start FlyCD anew/);
  expect(await service.stop()).toMatchObject({ code: 0 });

  // Started anew it begins a new file, takes its apps for its own by what they carry, and brings git to Fly.
  for (const suffix of ['-wal', '-shm'])
    if (existsSync(`${database}${suffix}`)) renameSync(`${database}${suffix}`, `${database}.away${suffix}`);
  // A damaged file in its place is not overwritten, and ends the start with what to do.
  writeFileSync(
    database,
    Buffer.concat([readFileSync(`${database}.away`).subarray(0, 100), Buffer.alloc(20_000, 'x')]),
  );
  const refused = stage.serve({ argv });
  expect(await refused.ended).toMatchObject({ code: 1 });
  expect(refused.told()).toMatch(/it is damaged/);
  expect(readFileSync(database)).toHaveLength(20_100);
  rmSync(database);
  const next = stage.serve({ argv });
  await reaches(stage, next, 'moved');
  await comesToSay(next, well);
  await eventually(
    () => next.lines().some(({ app, status }) => app === 'acme-web' && status === 'synced'),
    'it says so',
    next,
  );
  expect(await statusOf(stage)).toMatch(/acme-web +synced/);
  expect(stage.machines('acme-web')).toHaveLength(1);
  expect(stage.machines('acme-jobs')).toHaveLength(1);
  expect(await next.stop()).toMatchObject({ code: 0 });
}, 170_000);

/** A disk of its own, which needs root: a mirror leaves 64 MB of it free. */
function mountDisk(folder: string): boolean {
  mkdirSync(folder, { recursive: true });
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128m', 'flycd-test', folder]).status === 0;
}

const isMountable = ((): boolean => {
  const folder = mkdtempSync(join(tmpdir(), 'flycd-mount-'));
  const isMounted = mountDisk(folder);
  if (isMounted) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return isMounted;
})();

/** Until nothing more goes onto it. */
function fill(file: string): void {
  for (const bytes of [1024 * 1024, 4096, 1]) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}

test.skipIf(!isMountable)(
  'a full disk is said to be that, and what was pushed meanwhile is on Fly once there is room',
  async () => {
    const stage = await startStage(twoApps, onTestFinished);
    const state = join(stage.folder, 'state');
    if (!mountDisk(state)) throw new Error('the disk cannot be mounted any more');
    onTestFinished(() => void spawnSync('umount', ['-l', state]));
    stage.settings('interval: 24h\n');
    const service = stage.serve({ argv: ['--settings', 'settings.yaml'] });
    await service.synced('acme-web', stage.repository.git('rev-parse', 'main'));
    await comesToSay(service, well);
    const filler = join(state, 'filler');
    fill(filler);
    const full = await comesToSay(service, { healthz: 503, readyz: 503 });
    expect(full.reasons).toContain('pushes cannot be stored');
    expect(service.told()).toContain('its disk is full');
    expect(await pushed(stage, service, 'full')).toBe(503);
    expect(await statusOf(stage)).toMatch(/acme-web +synced/);
    truncateSync(filler);
    await comesToSay(service, { healthz: 200, readyz: 200 });
    await reaches(stage, service, 'full');
    await comesToSay(service, well);
    expect(await service.stop()).toMatchObject({ code: 0 });
  },
  120_000,
);
