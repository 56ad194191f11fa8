import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'vitest';
import type { RequestRecord } from '../../simulator/world/requests.ts';
import { image, webApp } from './fleet.ts';
import { eventually, startStage, type OnEnd, type Service, type Stage } from './stage.ts';

const threeMachines = {
  'flycd.yaml': 'fleet: acme\n',
  'app.yaml': webApp('acme-web', { count: 3 }),
} as const;
const bonjour = { 'app.yaml': webApp('acme-web', { count: 3, greeting: 'bonjour' }) } as const;

function isUpdate(request: Readonly<RequestRecord>): boolean {
  return request.template === 'POST /apps/{app}/machines/{machine}';
}

/** Calls back once, when the platform has taken the first machine update. */
function onFirstUpdate(stage: Stage, act: () => void): void {
  stage.simulator.world.onRequest = ({ phase, request }) => {
    if (phase !== 'after' || !isUpdate(request)) return;
    stage.simulator.world.onRequest = undefined;
    act();
  };
}

/** A sender who never finishes: it must hold up nothing. */
async function halfARequest(service: Service, onEnd: OnEnd): Promise<void> {
  const { port } = new URL(await service.url());
  const socket = connect(Number(port), '127.0.0.1');
  onEnd(() => void socket.destroy());
  socket.on('error', () => undefined);
  const signature = `x-hub-signature-256: sha256=${'0'.repeat(64)}`;
  socket.write(`POST /webhook HTTP/1.1\r\nhost: flycd\r\n${signature}\r\ncontent-length: 100\r\n\r\n{`);
}

test.concurrent('asked to stop amid a rolling update, it finishes the machine it is at and leaves the rest to the next start', async ({
  expect,
  onTestFinished,
}) => {
  const stage = await startStage(threeMachines, onTestFinished);
  const service = stage.serve();
  await service.synced('acme-web', stage.repository.git('rev-parse', 'main'));
  await halfARequest(service, onTestFinished);
  const commit = stage.repository.commit(bonjour);
  onFirstUpdate(stage, () => service.send('SIGTERM'));
  await service.push();
  expect(await service.ended).toEqual({ code: 0, signal: null });

  const machines = stage.machines('acme-web');
  const changed = machines.filter((machine) => machine.config.env?.['GREETING'] === 'bonjour');
  expect(changed).toHaveLength(1);
  // Finished means healthy and stamped, not merely sent.
  expect(changed[0]).toMatchObject({ state: 'started', metadata: { flycd_read: expect.any(String) as unknown } });
  expect(machines.filter((machine) => machine.leased)).toEqual([]);
  expect(stage.rows('SELECT outcome, status FROM run ORDER BY id DESC LIMIT 1')).toEqual([
    { outcome: 'interrupted', status: 'pending' },
  ]);

  const again = stage.serve();
  await again.synced('acme-web', commit);
  expect(stage.env('acme-web', 'GREETING')).toEqual(['bonjour', 'bonjour', 'bonjour']);
  expect(stage.simulator.world.writes(isUpdate)).toHaveLength(3);
  expect(await again.stop()).toEqual({ code: 0, signal: null });
  expect(stage.machines('acme-web').some((machine) => machine.leased)).toBe(false);
});

test.concurrent('the second signal does not wait', async ({ expect, onTestFinished }) => {
  const stage = await startStage(threeMachines, onTestFinished);
  const service = stage.serve();
  await service.synced('acme-web', stage.repository.git('rev-parse', 'main'));
  // Twenty seconds to boot: what ends sooner did not wait for it.
  stage.repository.commit({ 'app.yaml': webApp('acme-web', { count: 3, image: image('slow-start') }) });
  onFirstUpdate(stage, () => service.send('SIGTERM'));
  await service.push();
  await eventually(() => service.lines().some((line) => line.msg.startsWith('stopping')), 'it is stopping', service);
  // Sooner, it would be taken for the same key press, passed on by npm.
  await sleep(700);
  expect(await service.stop()).toEqual({ code: 143, signal: null });
  // The machine it was at is neither healthy nor given back.
  expect(stage.machines('acme-web').map((machine) => machine.leased)).toContain(true);
});

test.concurrent.for([
  ['SIGTERM', 143, ['sync', '--once']],
  ['SIGINT', 130, ['sync', '--once']],
  ['SIGTERM', 143, ['deploy']],
] as const)(
  '%s ends with %i an unfinished flycd %j',
  async ([signal, code, [verb, ...flags]], { expect, onTestFinished }) => {
    const stage = await startStage(threeMachines, onTestFinished);
    const first = stage.run([verb, stage.url, ...flags]);
    expect(await first.ended).toEqual({ code: 0, signal: null });
    stage.repository.commit(bonjour);
    const next = stage.run([verb, stage.url, ...flags]);
    onFirstUpdate(stage, () => next.send(signal));
    expect(await next.ended).toEqual({ code, signal: null });
    expect(stage.machines('acme-web').filter(({ config }) => config.env?.['GREETING'] === 'bonjour')).toHaveLength(1);
  },
);

test.concurrent.for([
  ['SIGTERM', 143, ['sync', '--once']],
  ['SIGINT', 130, ['diff']],
] as const)(
  '%s ends with %i, at once, while git hangs: %j',
  async ([signal, code, [verb, ...flags]], { expect, onTestFinished }) => {
    const stage = await startStage(threeMachines, onTestFinished);
    stage.holdGit(true);
    const command = stage.run([verb, stage.url, ...flags]);
    await eventually(() => stage.heldGit() > 0, 'git is asked', command);
    const before = performance.now();
    command.send(signal);
    expect(await command.ended).toEqual({ code, signal: null });
    expect(performance.now() - before).toBeLessThan(10_000);
  },
);

test.concurrent('two services on one config repo and one Fly double nothing', async ({ expect, onTestFinished }) => {
  const stage = await startStage(threeMachines, onTestFinished);
  const services = ['one', 'other'].map((state) => stage.serve({ state }));
  const first = stage.repository.git('rev-parse', 'main');
  // Where both are about to make the app, one does; the other leaves it to that one and looks again in a minute.
  const passes = await Promise.allSettled(services.map((service) => service.synced('acme-web', first)));
  expect(passes.map(({ status }) => status)).toContain('fulfilled');
  const machines = stage.machines('acme-web');
  expect(machines.map((machine) => machine.name)).toEqual(['app-arn-1-g1', 'app-arn-2-g1', 'app-arn-3-g1']);
  const creates = stage.simulator.world.requests.filter(
    (request) => request.template === 'POST /apps/{app}/machines' && request.status === 200,
  );
  expect(creates).toHaveLength(3);

  stage.repository.commit(bonjour);
  await Promise.all(services.map((service) => service.push()));
  await eventually(() => stage.env('acme-web', 'GREETING').every((text) => text === 'bonjour'), 'all are changed');
  for (const service of services) expect(await service.stop()).toEqual({ code: 0, signal: null });
  expect(stage.machines('acme-web').map((machine) => machine.id)).toEqual(machines.map((machine) => machine.id));
  const updates = stage.simulator.world.requests.filter((request) => isUpdate(request) && request.status === 200);
  expect(updates).toHaveLength(3);
  expect(stage.machines('acme-web').some((machine) => machine.leased)).toBe(false);
});
