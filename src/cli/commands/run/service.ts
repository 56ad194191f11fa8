import { durationSeconds } from '../../../../schemas/written.ts';
import { intervalSecondsRange } from '../../../../schemas/policy.ts';
import type { Settings } from '../../../../schemas/settings.ts';
import { createCommitReporter, type CommitReporter } from '../../../../controllers/fleet/commit-report.ts';
import { FleetReconciler } from '../../../../controllers/fleet/reconciler.ts';
import { retryDelay } from '../../../loop/backoff.ts';
import { createLoop, defaultIntervalMs, type Loop } from '../../../loop/loop.ts';
import { retentionOf, startRetention } from '../../../loop/retention.ts';
import { startBeat, startTick } from '../../../loop/tick.ts';
import type { Clock } from '../../../model/base/clock.ts';
import type { DesiredFleet } from '../../../model/desired.ts';
import { Fault, toFault } from '../../../model/base/fault.ts';
import { SecretValue } from '../../../model/base/secret-value.ts';
import type { Store } from '../../../record/store.ts';
import type { Server } from '../../../server/server.ts';
import { composed, type Composition } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { variable } from '../../shell/io.ts';
import type { ConfigOptions, Invocation } from '../../shell/invocation.ts';
import { createProgress } from '../../shell/progress.ts';
import { unlessAborted } from '../../shell/stopping.ts';
import type { Listen } from '../../composition/listen.ts';
import type { ConfigRepo } from '../../composition/loading.ts';
import { chooser } from '../../shell/selection.ts';
import { createProblemTeller, logProgress } from './service-log.ts';
import { shellWord } from '../../../model/base/shell.ts';

/**
 * An app repo or a registry that takes longer keeps no other app waiting. GitHub answers in less on a bad day; what takes longer, as
 * a large repository at first, is looked at when it is there.
 */
const sourcePatienceMs = 10_000;
/** The last state of a commit is worth one request's time; a host that takes longer must not hold up a stop. */
const tellGraceMs = 5_000;

export interface KeepOptions extends ConfigOptions {
  /** Globs of app names; empty = all. */
  readonly app: readonly string[];
  /** undefined: nothing listens. */
  readonly listenOn: ((written: Settings['webhook']) => Listen) | undefined;
}

/** Syncs until the process is asked to stop; then the steps under way finish, and the exit code is 0. */
export function keepFleet(invocation: Invocation, config: string | undefined, options: KeepOptions): Promise<ExitCode> {
  return composed(invocation, config, options, async (composition) => {
    const { log, settings } = composition;
    const intervalMs = intervalOf(settings.written.interval);
    const listen = options.listenOn?.(settings.written.webhook);
    const checks = { token: createTokenCheck(composition), config: createConfig(composition, options.app) };
    const face = listen === undefined ? undefined : await createFace(composition, listen, checks);
    try {
      // First of all: whoever looks after this process must see that it lives, however long git or Fly take to answer.
      if (face !== undefined) log.info(await face.listen(), 'listening');
      while (!composition.io.signal.aborted) {
        const kept = await openKept(invocation, composition, { ...checks, intervalMs, isService: face !== undefined });
        // Asked to stop before there was anything to do.
        if (kept === undefined) return exitCodes.done;
        face?.show(kept);
        await run(composition, kept, { face, renamed: checks.config.renamed() });
      }
    } finally {
      await face?.close();
    }
    return exitCodes.done;
  });
}

/** What there is once the fleet's name is known. */
interface Kept {
  readonly loop: Loop;
  readonly reconciler: FleetReconciler;
  readonly store: Store;
  readonly reporter: CommitReporter | undefined;
}

interface Checks {
  readonly token: TokenCheck;
  readonly config: KeptConfig;
}

interface KeptOptions extends Checks {
  readonly intervalMs: number;
  readonly isService: boolean;
}

/** undefined: asked to stop meanwhile. */
async function openKept(
  invocation: Invocation,
  composition: Composition,
  { token, config, intervalMs, isService }: KeptOptions,
): Promise<Kept | undefined> {
  const { io, log } = composition;
  await unlessAborted(io.signal, token.check()).catch(throwUnlessStopped(io.signal));
  const first = await config.first();
  if (first === undefined) return undefined;
  const store = await composition.store(first.fleet);
  const reporter = await createReporter(composition, first.repo);
  const images = await composition.images();
  const reconciler = new FleetReconciler({
    clock: io.clock,
    log,
    fly: await composition.writer(),
    store,
    evidence: await composition.evidence('write'),
    sight: images.sight,
    builds: await images.builds(),
    flyOrg: composition.flyOrg,
    concurrency: composition.concurrency,
    onProgress: io.stderr.isTTY || !isService ? createProgress(invocation) : logProgress(log),
    actor: 'flycd',
    instance: composition.instance,
    load: async (signal) => {
      await unlessAborted(signal, token.check());
      return unlessAborted(signal, config.load());
    },
    configRepo: first.repo === undefined ? undefined : { ...first.repo, app: undefined },
    reporter,
  });
  const loop = createLoop({
    clock: io.clock,
    log,
    store,
    concurrency: composition.concurrency,
    intervalMs,
    random: io.random,
    refresh: (trigger, signal) => reconciler.refresh(signal, trigger),
    reconcile: (app, trigger, signal, aside) => reconciler.reconcile(app, trigger, signal, aside),
  });
  config.onAnswer(() => loop.wake('retry'));
  return { loop, reconciler, store, reporter };
}

interface Ends {
  readonly face: Face | undefined;
  /** Resolves with the fleet's new name. */
  readonly renamed: Promise<string>;
}

/** From the first pass to the last step, or until the fleet has a name. */
async function run(
  { io, log, settings }: Composition,
  { loop, store, reporter }: Kept,
  { face, renamed }: Ends,
): Promise<void> {
  const onError = (error: unknown): void => log.warn({ error: String(error) }, 'nobody looks whether the loop ticks');
  // In the foreground a person sees that nothing goes on, and would be left without a word.
  const watchdog = face === undefined ? undefined : await io.watchdog?.(onError);
  const stopBeat =
    watchdog === undefined
      ? undefined
      : startBeat(io.clock, () => {
          loop.tick();
          watchdog.beat();
        });
  const stopTick = startTick({ tick: () => loop.tick(), log });
  const stopRetention = startRetention({
    clock: io.clock,
    log,
    store,
    retention: retentionOf(settings.written.history),
  });
  let fleet: string | undefined;
  try {
    loop.start();
    fleet = await Promise.race([stopped(io.signal), renamed]);
    if (fleet === undefined) log.info({}, 'stopping: steps under way are finished first');
    else log.info({ fleet }, 'the fleet has a name now: going on under it once steps under way are finished');
  } finally {
    stopTick();
    stopBeat?.();
    await watchdog?.stop();
    stopRetention();
    face?.show(undefined);
    // At once: a sender who holds its connection open must not let new steps begin meanwhile.
    await Promise.all([fleet === undefined ? face?.close() : undefined, loop.stop()]);
    await within(io.clock, tellGraceMs, reporter?.told());
  }
}

interface Face extends Server {
  /** From now on it answers for this fleet; undefined: for none, until there is one again. */
  show(kept: Kept | undefined): void;
}

/**
 * The HTTP face, with and without a fleet to answer for. A push that comes without one is taken without being
 * stored: git is read after it, by the pass with which this process, or the one after it, begins.
 */
async function createFace({ io, log }: Composition, listen: Listen, { token, config }: Checks): Promise<Face> {
  const { createServer } = await io.clock.busy(() => import('../../../server/server.ts'));
  const secret = variable(io.env, 'FLYCD_WEBHOOK_SECRET');
  let kept: Kept | undefined;
  let closing: Promise<void> | undefined;
  const server = createServer({
    clock: io.clock,
    log,
    store: {
      storeDelivery: (delivery) => kept?.store.storeDelivery(delivery) ?? Promise.resolve(true),
      checkStorage: () => kept?.store.checkStorage() ?? Promise.resolve(),
    },
    loop: {
      get ready() {
        return kept?.loop.ready ?? false;
      },
      wake: (trigger) => kept?.loop.wake(trigger),
      status: () => kept?.loop.status() ?? { refreshFault: config.fault(), refreshingMs: undefined },
    },
    webhook: { path: listen.path, secret: secret === undefined ? undefined : new SecretValue(secret) },
    follows: (repos, matches) => kept?.reconciler.follows(repos, matches) ?? false,
    unready: () => token.unready(),
    host: listen.host,
    port: listen.port,
    behindFlyProxy: variable(io.env, 'FLY_MACHINE_ID') !== undefined,
  });
  return {
    listen: () => server.listen(),
    close: () => (closing ??= server.close()),
    show(opened) {
      kept = opened;
    },
  };
}

async function within(clock: Clock, ms: number, work: Promise<void> | undefined): Promise<void> {
  const over = Promise.withResolvers<void>();
  const cancel = clock.timer(ms, () => over.resolve());
  await Promise.race([work, over.promise]);
  cancel();
}

function throwUnlessStopped(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

function stopped(signal: AbortSignal): Promise<undefined> {
  const end = Promise.withResolvers<undefined>();
  signal.addEventListener('abort', () => end.resolve(undefined), { once: true });
  if (signal.aborted) end.resolve(undefined);
  return end.promise;
}

/** Milliseconds between passes. Throws a stalled Fault for what would burn Fly's limits or watch nothing. */
function intervalOf(written: Settings['interval']): number {
  if (written === undefined) return defaultIntervalMs;
  const { min, max } = intervalSecondsRange;
  const seconds = durationSeconds(written);
  if (seconds !== undefined && seconds >= min && seconds <= max) return seconds * 1000;
  throw new Fault({
    kind: 'stalled',
    what: 'interval in flycd.yaml is out of range',
    why: `expected ${min} s to ${max / 3600} h, got ${written}`,
    next: 'write an interval such as 3m',
  });
}

interface TokenCheck {
  /** Asks Fly, unless the token was accepted before. Throws a stalled Fault where it is refused. */
  check(): Promise<void>;
  unready(): readonly string[];
}

/** A refused token ends the start: nothing would ever work. Fly out of reach does not: it is asked again with each refresh. */
function createTokenCheck(composition: Composition): TokenCheck {
  let reason: string | undefined = 'the Fly token is not checked yet';
  return {
    async check() {
      if (reason === undefined) return;
      const fly = await composition.reader();
      try {
        await fly.organizations();
        reason = undefined;
      } catch (error) {
        const fault = toFault(error, 'the Fly token could not be checked');
        // Anybody may read it; what Fly said is for the log.
        reason = 'the Fly token could not be checked: the log says why';
        if (fault.kind === 'stalled') throw fault;
        composition.log.warn({ why: fault.message }, 'the Fly token could not be checked; trying again');
      }
    },
    unready: () => (reason === undefined ? [] : [reason]),
  };
}

interface First {
  readonly fleet: DesiredFleet;
  readonly repo: ConfigRepo | undefined;
}

interface KeptConfig {
  /** Its name says which part of the database is ours, so it is waited for. undefined: asked to stop meanwhile. */
  first(): Promise<First | undefined>;
  load(): Promise<DesiredFleet>;
  /** Told from then on when a source that was late has answered. */
  onAnswer(tell: () => void): void;
  /** Resolves with the name that was written for a fleet without one: then `first` gives the fleet that has it. */
  renamed(): Promise<string>;
  /** Why it could not be read at first, until it could. */
  fault(): Fault | undefined;
}

/** The config repo as the loop reads it: only the chosen apps, and always the same fleet. */
function createConfig(composition: Composition, globs: readonly string[]): KeptConfig {
  const { io, log } = composition;
  const tellProblems = createProblemTeller(log);
  let before: Pick<DesiredFleet, 'name' | 'unwritten'> | undefined;
  let next: First | undefined;
  let named = Promise.withResolvers<string>();
  let fault: Fault | undefined;
  let answered = (): void => undefined;
  const patience = { ms: sourcePatienceMs, answered: () => answered() };

  async function load(): Promise<First> {
    const { fleet, repo } = await composition.load({ offline: false, patience });
    if (before !== undefined && fleet.name !== before.name && !isNamedFirst(before, fleet))
      throw renamed(before.name, fleet.name);
    tellProblems(fleet.problems);
    if (globs.length === 0) return { fleet, repo };
    return { fleet: chosenOf(fleet, chooser(fleet, globs)), repo };
  }

  return {
    async first() {
      for (let failures = 1; !io.signal.aborted; failures += 1) {
        try {
          const first = next ?? (await load());
          before = first.fleet;
          next = undefined;
          named = Promise.withResolvers();
          fault = undefined;
          return first;
        } catch (error) {
          if (io.signal.aborted) return undefined;
          fault = toFault(error, 'the config repo could not be read');
          if (fault.kind !== 'transient') throw fault;
          const waitMs = retryDelay(failures, io.random);
          log.warn({ why: fault.message, waitMs }, 'the config repo could not be read; trying again');
          await io.clock.sleep(waitMs, io.signal).catch(() => undefined);
        }
      }
      return undefined;
    },
    async load() {
      const loaded = await load();
      if (loaded.fleet.name === before?.name) return loaded.fleet;
      next = loaded;
      named.resolve(loaded.fleet.name);
      // Rows in the database go by the name: whoever asks is stopped, and what follows asks anew.
      return Promise.withResolvers<never>().promise;
    },
    onAnswer(tell) {
      answered = tell;
    },
    renamed: () => named.promise,
    fault: () => fault,
  };
}

/** Apps that were not chosen are not the loop's to do, and are not gone: it looks for none that git no longer names. */
function chosenOf(fleet: DesiredFleet, isChosen: (app: string) => boolean): DesiredFleet {
  const apps = fleet.apps.filter(({ name }) => isChosen(name));
  const unselected = fleet.apps.flatMap(({ name }) => (isChosen(name) ? [] : [name]));
  return { ...fleet, apps, unselected, named: false };
}

/** Machines and rows follow a name that is written for the first time, without anybody's word. */
function isNamedFirst(before: Pick<DesiredFleet, 'name' | 'unwritten'>, now: DesiredFleet): boolean {
  return before.unwritten === undefined && now.unwritten === before.name;
}

function renamed(before: string, now: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `the fleet was renamed from ${before} to ${now}`,
    why: `flycd serve keeps the fleet it started with, and apps of ${before} are taken over only when somebody says so`,
    next: `put the name back; or stop flycd serve, run flycd adopt --all --from ${shellWord(before)}, start it again`,
  });
}

/** Tells GitHub how each commit of the config repo fares, where there is a repo and a token. */
async function createReporter(
  { io, log }: Composition,
  repo: ConfigRepo | undefined,
): Promise<CommitReporter | undefined> {
  const token = variable(io.env, 'GITHUB_TOKEN');
  if (token === undefined || repo === undefined) return undefined;
  const { createCommitStatus } = await io.clock.busy(() => import('../../../notify/commit-status.ts'));
  const status = createCommitStatus({
    token: new SecretValue(token),
    baseUrl: variable(io.env, 'GITHUB_API_URL'),
    clock: io.clock,
    fetch: io.fetch,
    log,
  });
  return createCommitReporter({ status, repo: repo.repo });
}
