/** Secrets: which values Fly lacks or has otherwise than set here. Names only; values are read where they are sent. */
import type { AppSecret } from '../../../schemas/fly/app.ts';
import type { DesiredSecret } from '../../model/desired.ts';
import type { Hold, SecretStep } from '../../model/plan.ts';
import { formatSecrets } from '../../model/stamps/secrets-stamp.ts';
import { isLive, ownEvidence } from './secret-evidence.ts';
import type { KnownEvidence, PlanAppInput, SecretsPlan, SecretsFreshness } from '../types.ts';
import { list } from '../../model/base/text.ts';
import { holdOf } from '../steps/hold.ts';
import { shellWord } from '../../model/base/shell.ts';

export const unreadSecrets: SecretsPlan = {
  steps: [],
  holds: [],
  absent: new Set(),
  notes: [],
  withRelease: [],
  drift: new Set(),
  rotated: new Set(),
  freshness: { newestAt: undefined, newestName: undefined, sets: [] },
};

type State =
  | 'same'
  | 'missing'
  /** FlyCD may not read it, and Fly lacks it. */
  | 'refused'
  /** FlyCD may not read it, and Fly has one: that stays. */
  | 'kept'
  | 'lacking'
  | 'without-value'
  | 'unverified'
  | 'rotated'
  | 'tampered'
  /** Another FlyCD with our key has set a value since this one set the value it has here. */
  | 'superseded';

export function planSecrets(input: PlanAppInput, live: readonly AppSecret[], known: KnownEvidence): SecretsPlan {
  const { desired } = input;
  const onFly = new Map(live.map((secret) => [secret.name, secret]));
  const byState = Map.groupBy(desired.secrets, (secret) => stateOf({ input, known }, secret, onFly.get(secret.name)));
  const namesOf = (state: State): string[] => (byState.get(state) ?? []).map((secret) => secret.name).toSorted();
  const stepsOf = (state: State, because: string): SecretStep[] =>
    (byState.get(state) ?? []).map((secret) => setStep(input, secret, because));
  const ignored = desired.policy.drift === 'off' && !input.options.now;
  const tampered = ignored ? [] : stepsOf('tampered', 'changed on Fly since it was set');
  const rotated = stepsOf('rotated', 'its value here is not known to be the one on Fly');
  const wanted = [...stepsOf('lacking', 'git names it, Fly lacks it'), ...rotated];
  // What is only reported is not set, so no machine rolls for it.
  const reported = desired.policy.drift === 'report' && !input.options.now;
  const sets = reported ? wanted : [...wanted, ...tampered];
  const notes: string[] = [];
  const without = namesOf('without-value');
  if (without.length > 0) notes.push(`no value here for ${list(without)}; Fly's stays, unverified`);
  const unverified = namesOf('unverified');
  if (unverified.length > 0) notes.push(`${list(unverified)} on Fly: unverified, set anew with the next release`);
  const superseded = namesOf('superseded');
  if (superseded.length > 0)
    notes.push(`another FlyCD has set ${list(superseded)} since to another value than here; it stays (or: sync --now)`);
  const { left } = formatSecrets(known.stamped ?? []);
  if (left.length > 0) notes.push(`the machines have no room for evidence of ${list(left)}; it is kept here alone`);
  const others = planOthers(input, live, known);
  return {
    steps: [...wanted, ...tampered, ...others.steps],
    holds: [
      ...missingHold(input, byState.get('missing') ?? []),
      ...permissionHold(input, byState.get('refused') ?? [], 'refused'),
      ...permissionHold(input, byState.get('kept') ?? [], 'kept'),
    ],
    absent: new Set([...namesOf('missing'), ...namesOf('refused')]),
    notes: [...notes, ...others.notes],
    withRelease: stepsOf('unverified', 'unverified: set with the release'),
    drift: new Set(tampered),
    rotated: new Set(rotated),
    freshness: freshnessOf(input, onFly, sets),
  };
}

interface Evidenced {
  readonly input: PlanAppInput;
  readonly known: KnownEvidence;
}

/** Evidence is what we set and what Fly called it; Fly's digest cannot be computed from a value. */
function stateOf({ input, known }: Evidenced, secret: DesiredSecret, live: AppSecret | undefined): State {
  const { memory, options } = input;
  if (secret.refused !== undefined) return live === undefined ? 'refused' : 'kept';
  const mark = memory.currentMarks[secret.name];
  if (live === undefined) return mark === undefined ? 'missing' : 'lacking';
  if (mark === undefined) return 'without-value';
  const candidates = known.candidates.get(secret.name) ?? [];
  const last = candidates.at(-1);
  if (last === undefined) return 'unverified';
  // Without a digest nobody can tell what Fly has: what was set last is believed.
  if ((live.digest ?? '') === '') return last.mark === mark ? 'same' : 'rotated';
  const stored = ownEvidence(memory, secret.name);
  const own = stored?.keyId === memory.keyId ? stored : undefined;
  const onFly = candidates.find((evidence) => isLive(evidence, live));
  if (onFly?.mark === mark) return 'same';
  // No digest: the answer to our set was lost, so it may not have been done.
  if (own?.digest === '') return 'rotated';
  if (onFly !== undefined) return own?.mark === mark && !options.now ? 'superseded' : 'rotated';
  return candidates.some((evidence) => evidence.mark === mark) ? 'tampered' : 'rotated';
}

function setStep(input: PlanAppInput, secret: DesiredSecret, because: string): SecretStep {
  const app = input.desired.name;
  const { name, origin } = secret;
  return { kind: 'secret.set', app, target: `${app}/${name}`, because, risk: 'safe', changes: [], name, origin };
}

function lackOf(secret: DesiredSecret): string {
  return secret.origin.type === 'env'
    ? `env ${secret.origin.variable} is not set`
    : `secret ${secret.name} has no value`;
}

function missingHold(input: PlanAppInput, secrets: readonly DesiredSecret[]): readonly Hold[] {
  if (secrets.length === 0) return [];
  const because = secrets.map(lackOf).join('; ');
  const variables = secrets.flatMap(({ origin }) => (origin.type === 'env' ? [origin.variable] : []));
  const next =
    variables.length > 0
      ? `set ${list(variables)} where flycd runs, or the secret itself: fly secrets set --stage --app ${shellWord(input.desired.name)}`
      : 'give it a value in app.yaml';
  const steps = secrets.map((secret) => setStep(input, secret, 'git names it, Fly lacks it'));
  return [holdOf(input.desired.name, { reason: 'secret', because, next, steps })];
}

/** With the line that lifts it, in which stands what the project may read already, so that it can take that one's place. */
function permissionHold(
  input: PlanAppInput,
  secrets: readonly DesiredSecret[],
  state: Extract<State, 'refused' | 'kept'>,
): readonly Hold[] {
  const asked = secrets.flatMap(({ origin, refused }) =>
    origin.type === 'env' && refused !== undefined ? [{ ...refused, variable: origin.variable }] : [],
  );
  const [first] = asked;
  if (first === undefined) return [];
  const names = [...new Set(asked.map(({ variable }) => variable))];
  const tools = [...new Set(asked.flatMap(({ isTool, variable }) => (isTool ? [variable] : [])))];
  const because = [
    `nobody has allowed project ${first.project} to read env ${list(names)}`,
    ...(tools.length > 0 ? [`a name with * is not enough for ${list(tools)}, which tools use`] : []),
    ...(state === 'kept' ? [`on Fly ${list(secrets.map(({ name }) => name))} stays as it is`] : []),
  ].join('; ');
  const allowed = [...first.allowed, ...names].map(yamlWord).join(', ');
  const line = `allow_secrets: { ${yamlWord(first.project)}: [${allowed}] }`;
  const write = `write in flycd.yaml, yours or the config repo’s: ${line}`;
  const byHand = `fly secrets set --stage --app ${shellWord(input.desired.name)}`;
  const next = state === 'kept' ? write : `${write}; or set the secret itself: ${byHand}`;
  const wish = state === 'kept' ? 'git names it' : 'git names it, Fly lacks it';
  const steps = secrets.map((secret) => setStep(input, secret, wish));
  return [holdOf(input.desired.name, { reason: 'permission', because, next, steps })];
}

/** As it can be pasted: what YAML would take for a number, a truth or a mark is put in quotes. */
function yamlWord(text: string): string {
  const isPlain = /^[A-Za-z_][A-Za-z0-9_-]*\*?$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}

/**
 * On Fly and not in git. With prune, those that FlyCD set go: git named them once. Others were never git's: a database
 * that was attached, a tool's token. They are said, and left.
 */
function planOthers(
  input: PlanAppInput,
  live: readonly AppSecret[],
  known: KnownEvidence,
): { readonly steps: readonly SecretStep[]; readonly notes: readonly string[] } {
  const { desired } = input;
  const named = new Set(desired.secrets.map((secret) => secret.name));
  const others = live
    .map((secret) => secret.name)
    .filter((name) => !named.has(name))
    .toSorted();
  const prunes = desired.policy.prune.includes('secrets');
  const wasOurs = (name: string): boolean => known.ours.has(name);
  const left = others.filter((name) => !prunes || !wasOurs(name));
  const steps = others
    .filter((name) => prunes && wasOurs(name))
    .map((name): SecretStep => {
      const because = 'git no longer names it';
      return {
        kind: 'secret.unset',
        app: desired.name,
        target: `${desired.name}/${name}`,
        because,
        risk: 'destructive',
        changes: [],
        name,
      };
    });
  return { steps, notes: left.length > 0 ? [`git does not name ${list(left)} on Fly; left alone`] : [] };
}

function freshnessOf(
  input: PlanAppInput,
  onFly: ReadonlyMap<string, AppSecret>,
  sets: readonly SecretStep[],
): SecretsFreshness {
  let newestAt: number | undefined;
  let newestName: string | undefined;
  // Only those that git names: a secret that somebody staged by hand waits for whom it was staged for.
  for (const { name } of input.desired.secrets) {
    const live = onFly.get(name);
    const at = Date.parse(live?.updated_at ?? live?.created_at ?? '');
    if (Number.isNaN(at) || (newestAt !== undefined && at <= newestAt)) continue;
    newestAt = at;
    newestName = name;
  }
  return { newestAt, newestName, sets: sets.map((step) => step.name).toSorted() };
}
