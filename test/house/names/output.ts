/**
 * What scripts read: keys of --output json, the words in it, exit codes, answers of serve. `diff` and `history RUN` are
 * held whole by test/render/golden/plan.json and run.json and not repeated; `render` prints names of the config and of
 * Fly's wire, which the lists config and wire hold.
 */
import { exitCodes } from '../../../src/cli/shell/exit.ts';
import { outputs } from '../../../src/cli/shell/invocation.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { runsJson } from '../../../src/render/history.ts';
import { planJson } from '../../../src/render/plan.ts';
import { staleJson } from '../../../src/render/stale.ts';
import { statusJson } from '../../../src/render/status.ts';
import { syncJson } from '../../../src/render/sync.ts';
import { toldJson } from '../../../src/render/told.ts';
import { validationJson } from '../../../src/render/validation.ts';
import { whyJson } from '../../../src/render/why.ts';
import { apiPlan, failedRun, goodRun, plan, start, webPlan } from '../../render/fixture.ts';
import { pushPayload, serving } from '../../server/serving.ts';
import { wordsOf, wordsOfField } from './declarations.ts';
import { keyPaths } from './key-paths.ts';

/** The types that make up `Step`. */
export const stepTypes = [
  'AppStep',
  'ImageStep',
  'AddressStep',
  'SecretStep',
  'VolumeStep',
  'SlotMachine',
  'MachineCreate',
  'MachineUpdate',
  'MachineLabel',
  'MachineAction',
  'MachineRestart',
  'ReleaseStep',
  'ReleaseCommandRun',
  'CertificateStep',
];

/** With something in every list, so that every key is seen. */
const problems = plan.apps.flatMap((app) => app.problems);
const fullPlan: Plan = { ...plan, problems };
const fullApp = { ...webPlan, holds: apiPlan.holds, problems };
const runs = [failedRun, goodRun];

/** Every value is what the command hands to its renderer. */
function printed(): Readonly<Record<string, unknown>> {
  const before = planJson({ ...plan, apps: [webPlan] }).apps;
  const [broken] = problems;
  return {
    history: runsJson(runs),
    status: statusJson({
      fleet: 'acme',
      runs,
      deliveries: [{ repo: 'URL', ref: 'REF', receivedAt: start }],
      due: ['web'],
      now: start,
    }),
    'suspend and resume': toldJson([{ app: 'web', run: goodRun, lifted: ['a hold'] }]),
    sync: syncJson({ plan: fullPlan, runs }),
    'sync --plan of a plan that is no longer so, beside those of sync': beside(
      staleJson({ id: 'ID', plan: fullPlan, before, ofFleet: true, runs: [] }),
      planJson(fullPlan),
    ),
    validate: validationJson({
      fleet: 'acme',
      revision: 'REVISION',
      root: '',
      apps: [{ app: 'web', file: 'app.yaml' }],
      invalid: [{ app: 'broken', file: broken?.file ?? '' }],
      problems,
    }),
    why: whyJson({ apps: [fullApp], run: goodRun, isManual: false, now: start }),
  };
}

/** Without the keys that the other has too. */
function beside(value: object, other: object): object {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !Object.hasOwn(other, key)));
}

/** What serve says over HTTP, `status` with its word. */
async function answered(): Promise<readonly string[]> {
  const { url, post } = await serving();
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`);
    return { status: response.status, body: await response.json() };
  };
  const body = pushPayload();
  const answers = {
    'GET /healthz': await get('/healthz'),
    'GET /readyz': await get('/readyz'),
    'GET /elsewhere': await get('/elsewhere'),
    'POST /webhook, a push': await post(body),
    'POST /webhook, again': await post(body),
    'POST /webhook, a ping': await post(body, { 'x-github-event': 'ping' }),
    'POST /webhook, unsigned': await post(body, { 'x-hub-signature-256': '' }),
  };
  return Object.entries(answers).map(([request, { status, body }]) => {
    const words = Object.entries(body as object).map(([key, value]) => (key === 'status' ? `status=${value}` : key));
    return `${request}: ${status} ${words.toSorted().join(' ')}`;
  });
}

export async function outputNames(): Promise<Readonly<Record<string, readonly string[]>>> {
  const commands = Object.entries(printed()).map(([command, value]) => [`keys: ${command}`, keyPaths(value)] as const);
  return {
    ...Object.fromEntries(commands),
    'forms of --output': outputs,
    'exit codes': Object.entries(exitCodes).map(([name, code]) => `${code} ${name}`),
    'answers of serve': await answered(),
    'words: status of an app': wordsOf('AppStatus'),
    'words: kind of a step': wordsOfField('kind', stepTypes),
    'words: risk of a step': wordsOf('Risk'),
    'words: reason of an update': wordsOfField('reason', ['MachineUpdate']),
    'words: reason of a hold': wordsOf('HoldReason'),
    'words: outcome of a run': wordsOf('RunOutcome'),
    'words: outcome of a step': wordsOf('StepOutcome'),
    'words: trigger of a run': wordsOf('Trigger'),
    'words: severity of a problem': wordsOfField('severity', ['Problem']),
    'words: kind of an intent': wordsOf('IntentKind'),
  };
}
