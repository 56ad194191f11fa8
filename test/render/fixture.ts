import type { AppPlan, Hold, MachineCreate, MachineUpdate, Plan, Step } from '../../src/model/plan.ts';
import type { Run } from '../../src/model/run.ts';

/** 2026-01-01 00:00:00Z */
export const start = Date.UTC(2026, 0, 1);
const sent = { config: 'c'.repeat(32), image: 'd'.repeat(32) };

function machineCreate(app: string, number: number): MachineCreate {
  return {
    kind: 'machine.create',
    app,
    target: `${app}/web/arn/${number}`,
    because: 'git wants 2 in arn',
    risk: 'safe',
    changes: [],
    slot: { group: 'web', region: 'arn', number },
    config: { image: 'nginx:1', env: { SECRET_LOOKING: 'whole configs are never printed' } },
    sent,
    mount: undefined,
    group: 'web',
    skipLaunch: false,
  };
}

function machineUpdate(app: string, changes: MachineUpdate['changes']): MachineUpdate {
  return {
    kind: 'machine.update',
    app,
    target: `${app}/web/arn/1`,
    because: 'git moved',
    risk: 'restart',
    changes,
    machineId: '148e21f0',
    slot: { group: 'web', region: 'arn', number: 1 },
    group: 'web',
    config: { image: 'nginx:1' },
    sent,
    currentVersion: '01J',
    skipLaunch: false,
    reason: 'change',
  };
}

const image = { path: 'image', from: 'nginx:1', to: 'nginx:2@sha256:77' };
const memory = { path: 'guest.memory_mb', from: 256, to: 512 };

const releaseStep: Step = {
  kind: 'release',
  app: 'web',
  target: 'web',
  because: 'image and config are new',
  risk: 'restart',
  changes: [image],
  machines: [
    machineUpdate('web', [
      image,
      memory,
      { path: 'env.OLD', from: 'x', to: undefined },
      { path: 'env.NEW', from: undefined, to: 'y' },
    ]),
    machineCreate('web', 2),
  ],
};

const releaseAddress: Step = {
  kind: 'address.release',
  app: 'web',
  target: 'web/137.66.1.2',
  because: 'git no longer lists it',
  risk: 'destructive',
  changes: [{ path: 'type', from: 'v4', to: undefined }],
  address: '137.66.1.2',
  staying: [],
};

const setSecret: Step = {
  kind: 'secret.set',
  app: 'api',
  target: 'api/TOKEN',
  because: 'git names it, Fly lacks it',
  risk: 'safe',
  changes: [],
  name: 'TOKEN',
  origin: { type: 'env', variable: 'API_TOKEN' },
};

const secretHold: Hold = {
  app: 'api',
  reason: 'secret',
  because: 'env API_TOKEN is not set',
  next: 'set API_TOKEN where flycd runs',
  steps: [setSecret],
  retryAt: undefined,
};

const createApp: Step = {
  kind: 'app.create',
  app: 'api',
  target: 'api',
  because: 'git names it, Fly lacks it',
  risk: 'safe',
  changes: [],
  org: 'personal',
  network: undefined,
};

export function appPlan(parts: Partial<AppPlan> & Pick<AppPlan, 'app' | 'status'>): AppPlan {
  return {
    file: `apps/${parts.app}/app.yaml`,
    org: undefined,
    steps: [],
    holds: [],
    notes: [],
    problems: [],
    planId: parts.app.padEnd(32, '0'),
    ...parts,
  };
}

export const apiPlan = appPlan({ app: 'api', status: 'pending', steps: [createApp], holds: [secretHold] });
export const webPlan = appPlan({
  app: 'web',
  status: 'pending',
  steps: [releaseStep, releaseAddress],
  notes: ['the platform keeps services[tcp/80].foo'],
});
const brokenPlan = appPlan({
  app: 'broken',
  status: 'invalid',
  problems: [
    {
      severity: 'error',
      file: 'apps/broken/app.yaml',
      line: 3,
      column: 5,
      path: 'machines.cuont',
      message: 'unknown field',
      hint: 'did you mean count?',
      app: 'broken',
    },
  ],
});

export const plan: Plan = {
  fleet: 'acme',
  revision: '3f2a1b9c0d213f2a1b9c0d213f2a1b9c0d213f2a',
  planId: '0123456789abcdef0123456789abcdef',
  apps: [apiPlan, brokenPlan, appPlan({ app: 'quiet', status: 'synced' }), webPlan],
  summary: { apps: 4, synced: 1, changed: 2, invalid: 1, failed: 0, held: 0 },
  problems: [],
  whole: true,
};

const result = {
  kind: 'release',
  target: 'web',
  outcome: 'updated',
  message: 'the platform keeps services[tcp/80].foo',
  next: undefined,
  startedAt: start,
  finishedAt: start + 12_300,
} as const;

export const goodRun: Run = {
  id: 12,
  fleet: 'acme',
  app: 'web',
  trigger: 'webhook',
  actor: 'alice',
  revision: plan.revision,
  startedAt: start,
  finishedAt: start + 14_000,
  outcome: 'updated',
  status: 'synced',
  plan: webPlan,
  results: [result],
  nextWakeAt: start + 200_000,
};

export const failedRun: Run = {
  ...goodRun,
  id: 13,
  app: 'api',
  trigger: 'timer',
  actor: 'flycd',
  outcome: 'failed',
  status: 'failed',
  plan: apiPlan,
  results: [
    {
      ...result,
      kind: 'app.create',
      target: 'api',
      outcome: 'failed',
      message: 'Fly refused: 422\nname is reserved',
      next: 'choose another name in apps/api/app.yaml',
    },
  ],
  nextWakeAt: undefined,
};
