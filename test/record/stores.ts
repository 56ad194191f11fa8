import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import type { AppPlan, MachineUpdate } from '../../src/model/plan.ts';
import { Redactor } from '../../src/model/base/secret-value.ts';
import { openStore, openStoreReader, type StoreOptions } from '../../src/record/database.ts';
import type { RunStart, Store } from '../../src/record/store.ts';

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flycd-record-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface TestStoreOptions extends Partial<StoreOptions> {
  /** read: as whoever changes nothing has it, with the methods that its type does not have. Default: write. */
  readonly mode?: 'read' | 'write';
}

/** A store on a real file, closed with the test. */
export function testStore({ mode = 'write', ...options }: TestStoreOptions = {}): Store {
  const open = mode === 'write' ? openStore : (openStoreReader as typeof openStore);
  const store = open({
    path: join(temporaryFolder(), 'flycd.db'),
    fleet: { name: 'test' },
    clock: new IdleClock(),
    redactor: new Redactor(),
    ...options,
  });
  onTestFinished(() => store.close());
  return store;
}

export function planOf(app: string, parts: Partial<AppPlan> = {}): AppPlan {
  return {
    app,
    file: `${app}/app.yaml`,
    org: 'personal',
    status: 'synced',
    steps: [],
    holds: [],
    notes: [],
    problems: [],
    planId: '0'.repeat(32),
    ...parts,
  };
}

export function runStart(app: string, parts: Partial<RunStart> = {}): RunStart {
  return { app, trigger: 'timer', actor: 'flycd', revision: 'c0ffee', plan: planOf(app), ...parts };
}

/** `padding`: characters of its config. */
export function machineUpdate(number: number, padding: number): MachineUpdate {
  return {
    kind: 'machine.update',
    target: `web/app/arn/${number}`,
    app: 'web',
    because: 'git moved',
    risk: 'restart',
    changes: [{ path: 'image', from: 'a', to: 'b' }],
    machineId: `m${number}`,
    slot: { group: 'app', region: 'arn', number },
    group: 'app',
    config: { image: 'b', env: { PADDING: 'x '.repeat(padding / 2) } },
    sent: { config: '0', image: '0' },
    currentVersion: undefined,
    skipLaunch: false,
    reason: 'change',
  };
}
