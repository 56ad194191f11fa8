import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ImageBuilds } from '../../../controllers/images/builds.ts';
import type { ImageRequest } from '../../../controllers/pass/services.ts';
import type { FlyctlBuild } from '../../../src/fly/builder/flyctl.ts';
import { buildLabel } from '../../../src/flyconfig/sections/image.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import type { DesiredApp } from '../../../src/model/desired.ts';
import { Fault } from '../../../src/model/base/fault.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { desiredApp } from '../../plan/builders.ts';
import { testStore } from '../../record/stores.ts';
import { fleetOf } from '../reconcilers.ts';

const keyOf = (digit: string): string => digit.repeat(32);

function appOf(name: string, key: string, org = 'acme'): DesiredApp {
  const source = { type: 'local', path: 'code' } as const;
  return desiredApp({ name, org, source, image: { kind: 'build', source, build: { key, settings: {} } } });
}

/** A registry and a builder whose builds end when the test says so. */
function yard(apps: readonly DesiredApp[]) {
  const clock = new IdleClock();
  const store = testStore({ clock });
  const registry = new Map<string, string>();
  const running = new Map<string, { build: FlyctlBuild; end: (fault?: Error) => void }>();
  const done: string[] = [];
  let most = 0;
  const builds = new ImageBuilds({
    clock,
    log: silentLog,
    images: {
      host: 'registry.test',
      find: async (repository, tag) => registry.get(`${repository}:${tag}`),
      copy: async ({ from, to }) => {
        done.push(`${from.repository} -> ${to.repository}`);
        registry.set(`${to.repository}:${to.tag}`, from.digest);
      },
    },
    flyctl: {
      missing: () => undefined,
      build: async (build) => {
        const ended = Promise.withResolvers<void>();
        const end = (fault?: Error): void => {
          running.delete(build.app);
          if (fault !== undefined) return ended.reject(fault);
          registry.set(`${build.app}:${build.label}`, `sha256:${build.label}`);
          ended.resolve();
        };
        build.signal.addEventListener('abort', () => end(build.signal.reason as Error), { once: true });
        running.set(build.app, { build, end });
        done.push(`build ${build.app}`);
        most = Math.max(most, running.size);
        return ended.promise;
      },
    },
    folders: { within: (work) => work('/nowhere'), sweep: async () => undefined },
  });
  const stop = new AbortController();
  const fleet = fleetOf({
    apps,
    writeBuild: async () => ({ context: '/nowhere', dockerfile: undefined, ignorefile: undefined }),
  });
  const provide = (app: DesiredApp, newer?: AbortSignal) => {
    const key = app.image.kind === 'build' ? (app.image.build?.key ?? '') : '';
    const request: ImageRequest = { fleet, app, key, store, onLine: () => undefined, signal: stop.signal, newer };
    return builds.provide(request);
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  };
  return { builds, registry, running, done, store, stop, provide, settle, most: () => most };
}

test('at most two builds run at once', async () => {
  const apps = ['1', '2', '3', '4', '5'].map((digit) => appOf(`app-${digit}`, keyOf(digit)));
  const { provide, running, settle, most } = yard(apps);
  const all = apps.map((app) => provide(app));
  for (let left = apps.length; left > 0; left -= 1) {
    await settle();
    [...running.values()][0]?.end();
  }
  expect((await Promise.all(all)).map(({ how }) => how)).toEqual(Array.from({ length: 5 }, () => 'built'));
  expect(most()).toBe(2);
});

test('who asks for the same at the same time waits for one build, and copies; another organization builds its own', async () => {
  const apps = [appOf('dev', keyOf('1')), appOf('prod', keyOf('1')), appOf('other', keyOf('1'), 'else')];
  const { provide, running, settle, done, registry } = yard(apps);
  const all = Promise.all(apps.map((app) => provide(app)));
  await settle();
  expect([...running.keys()]).toEqual(['dev', 'other']);
  for (const { end } of running.values()) end();
  const digest = `sha256:${buildLabel(keyOf('1'))}`;
  expect(await all).toEqual([
    { digest, how: 'built' },
    { digest, how: 'copied', from: 'dev' },
    { digest, how: 'built' },
  ]);
  expect(done).toEqual(['build dev', 'build other', 'dev -> prod']);
  expect(registry.get(`prod:${buildLabel(keyOf('1'))}`)).toBe(digest);
});

test('an image that the record or the fleet knows of is taken over, and what is there is left', async () => {
  const apps = [appOf('dev', keyOf('1')), appOf('prod', keyOf('1'))];
  const { provide, registry, done, store } = yard(apps);
  const label = buildLabel(keyOf('1'));
  registry.set(`gone-app:${label}`, 'sha256:old');
  await store.addBuild({
    key: keyOf('1'),
    app: 'gone-app',
    org: 'acme',
    outcome: 'built',
    digest: 'sha256:old',
    output: '',
    startedAt: 0,
  });
  const [dev, prod] = apps;
  if (dev === undefined || prod === undefined) throw new Error('no apps');
  expect(await provide(dev)).toEqual({ digest: 'sha256:old', how: 'copied', from: 'gone-app' });
  expect(await provide(dev)).toEqual({ digest: 'sha256:old', how: 'there' });
  registry.delete(`gone-app:${label}`);
  expect(await provide(prod)).toEqual({ digest: 'sha256:old', how: 'copied', from: 'dev' });
  expect(done.filter((line) => line.startsWith('build'))).toEqual([]);
});

test('only a build’s own fault is remembered', async () => {
  const app = appOf('shop', keyOf('1'));
  const { provide, running, settle, store } = yard([app]);
  const failed = async (kind: 'transient' | 'stalled') => {
    const ended = provide(app).catch((error: unknown) => error);
    await settle();
    running.get('shop')?.end(new Fault({ kind, what: 'it failed', why: 'the last line' }));
    expect(await ended).toMatchObject({ kind });
    return (await store.builds(keyOf('1'))).map(({ outcome, output }) => [outcome, output]);
  };
  expect(await failed('transient')).toEqual([]);
  expect(await failed('stalled')).toEqual([['failed', 'the last line']]);
});

test('a newer revision stops what nobody wants any more, also what still waits for its turn', async () => {
  const apps = ['1', '2', '3'].map((digit) => appOf(`app-${digit}`, keyOf(digit)));
  const { builds, provide, running, settle, done } = yard(apps);
  let left = 0;
  const all = apps.map((app) =>
    provide(app)
      .catch((error: unknown) => error)
      .finally(() => (left += 1)),
  );
  await settle();
  builds.keepOnly(new Set([keyOf('1')]));
  await settle();
  expect(left).toBe(2);
  running.get('app-1')?.end();
  const [first, ...others] = await Promise.all(all);
  expect(first).toMatchObject({ how: 'built' });
  for (const other of others)
    expect(other).toMatchObject({ kind: 'waiting', why: 'a newer revision builds something else' });
  expect(done).toEqual(['build app-1', 'build app-2']);
});

test('an app of which git says something newer leaves, and the build goes on for the others', async () => {
  const [dev, prod] = [appOf('dev', keyOf('1')), appOf('prod', keyOf('1'))];
  const { provide, running, settle } = yard([dev, prod]);
  const newer = new AbortController();
  const left = provide(dev, newer.signal).catch((error: unknown) => error);
  const waits = provide(prod);
  await settle();
  newer.abort(new Error('git has moved on'));
  expect(await left).toMatchObject({ kind: 'waiting', why: 'git says something newer of it' });
  const joins = provide(dev);
  running.get('dev')?.end();
  expect(await waits).toMatchObject({ how: 'copied', from: 'dev' });
  expect(await joins).toMatchObject({ how: 'built' });
});

test('a build that fails when everybody has left disturbs nobody', async () => {
  const app = appOf('shop', keyOf('1'));
  const { provide, running, settle } = yard([app]);
  const newer = new AbortController();
  const left = provide(app, newer.signal).catch((error: unknown) => error);
  await settle();
  newer.abort(new Error('git has moved on'));
  expect(await left).toMatchObject({ kind: 'waiting' });
  running.get('shop')?.end(new Fault({ kind: 'transient', what: 'it failed' }));
  await settle();
});

test('a stop of FlyCD stops its builds', async () => {
  const app = appOf('shop', keyOf('1'));
  const { provide, settle, stop, running } = yard([app]);
  const ended = provide(app).catch((error: unknown) => error);
  await settle();
  stop.abort(new Error('stopped by SIGTERM'));
  expect(await ended).toMatchObject({ kind: 'waiting', what: 'FlyCD was asked to stop' });
  expect(running.size).toBe(0);
});
