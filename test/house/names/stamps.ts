/** What FlyCD writes on Fly's machines and finds there again: an older FlyCD and a newer one read each other's. */
import { leaseDescription } from '../../../controllers/pass/services.ts';
import { standbyEnv } from '../../../src/flyconfig/live/overlay.ts';
import { configVersion, desiredVersion, readHash } from '../../../src/flyconfig/live/version.ts';
import { buildLabel } from '../../../src/flyconfig/sections/image.ts';
import { hashOf } from '../../../src/model/base/json.ts';
import type { DesiredSource } from '../../../src/model/desired.ts';
import type { Hold, Step } from '../../../src/model/plan.ts';
import { formatBuilt, formatInputs } from '../../../src/model/stamps/input-stamps.ts';
import { formatCalls } from '../../../src/model/stamps/calls-stamp.ts';
import {
  flyctlKeys,
  flyctlMetadata,
  isBookkeepingKey,
  isVersionEnv,
  stampKeys,
} from '../../../src/model/stamps/keys.ts';
import {
  formatFulfilled,
  formatHold,
  formatLifted,
  formatSuspension,
} from '../../../src/model/standing/standing-text.ts';
import { formatSecrets } from '../../../src/model/stamps/secrets-stamp.ts';
import { formatSlot } from '../../../src/model/stamps/slot.ts';
import { formatRead, formatSent, formatTold } from '../../../src/model/stamps/stamps.ts';
import { configToSend } from '../../../src/plan/machines/stamps.ts';
import { appPlanId } from '../../../src/plan/steps/plan-id.ts';
import { appConfigVersion } from '../../../src/plan/target/app-version.ts';
import { formatFailed, formatGood } from '../../../src/model/stamps/app-version.ts';
import { loadApp } from '../../desired/loading.ts';
import { desiredApp, group } from '../../plan/builders.ts';

const slot = { group: 'GROUP', region: 'REGION', number: 1 };
const version = { config: 'CONFIG', digest: 'DIGEST', image: 'IMAGE', at: 1 };
const good = { ...version, revision: 'REVISION' };
const evidence = { name: 'NAME', keyId: 'KEY', mark: 'MARK', digest: 'DIGEST' };
const calls = [{ kind: 'volume.create', target: 'TARGET', createdAt: 1, before: ['BEFORE'] }] as const;

/** Each stamp that has a form, written by the product with words for its parts. */
function forms(): readonly string[] {
  const said = { by: 'BY', at: 1, count: 3 };
  return [
    [stampKeys.slot, formatSlot(slot)],
    [stampKeys.sent, formatSent({ config: 'CONFIG', image: 'IMAGE' })],
    [stampKeys.inputs, formatInputs('HASH')],
    [stampKeys.read, formatRead('HASH')],
    [stampKeys.built, formatBuilt({ key: 'KEY', digest: 'DIGEST' })],
    [stampKeys.told, formatTold({ id: 'ID', number: 1, version: 'VERSION' })],
    [stampKeys.calls, formatCalls(calls) ?? ''],
    [stampKeys.secrets, formatSecrets([evidence]).text ?? ''],
    [stampKeys.good, formatGood(good)],
    [stampKeys.fulfilled, formatFulfilled({ wish: 'WISH', held: ['machine', 'address'], at: 1 })],
    [stampKeys.failed, formatFailed({ ...version, command: 'COMMAND' })],
    [stampKeys.hold, formatHold({ to: good, ...said })],
    [stampKeys.hold, formatLifted(said)],
    [stampKeys.suspend, formatSuspension({ reason: 'REASON', ...said, until: 2 })],
  ].map(([key = '', text = '']) => `${key} = ${text}`);
}

const git = { type: 'git', repo: 'https://example.com/REPO', path: 'PATH', commit: 'COMMIT' } as const;
const sources: readonly DesiredSource[] = [
  { ...git, ref: 'refs/tags/TAG' },
  { ...git, ref: 'refs/heads/BRANCH' },
  { type: 'local', path: 'PATH' },
  { type: 'image', ref: 'IMAGE' },
];

const fleet = { name: 'FLEET', origin: { address: 'a'.repeat(32), root: undefined } };

/** What a machine is sent for each kind of source. */
const written = sources.map((source) => {
  const one = group({ config: { metadata: { team: 'NAMED' } }, configVersion: 'VERSION' });
  const desired = desiredApp({ source, groups: [one], appVersion: 'APP_VERSION', inputs: 'INPUTS' });
  const marking = { desired, group: one, fleet, slot, image: 'IMAGE', command: 'COMMAND' };
  return configToSend(marking, undefined, undefined);
});

const foreign = ['COLOR', 'FLYCD_APP_SOURCE_ANYTHING', 'FLYCD_APP_VERSION', 'FLYCD_CONFIG_VERSION', 'FLYCD_DEBUG'];
const metadata = ['flycd_anything', 'fly_anything', 'fly-managed-postgres', 'fly-anything', 'team'];

const base = { app: 'shop', because: '', risk: 'safe', changes: [{ path: 'image', from: 'a', to: 'b' }] } as const;
const secret: Step = { ...base, kind: 'secret.set', target: 'shop/TOKEN', name: 'TOKEN', origin: { type: 'raw' } };
const steps: readonly Step[] = [
  { ...base, kind: 'app.create', target: 'shop', org: 'personal', network: 'private' },
  { ...base, kind: 'address.allocate', target: 'shop/v6', request: { type: 'v6' }, there: 0 },
  { ...base, kind: 'volume.extend', target: 'shop/data/arn', volumeId: 'vol_1', sizeGb: 2 },
  { ...base, kind: 'machine.destroy', target: 'shop/web/arn/1', machineId: '1', group: 'web' },
];
const hold: Hold = { app: 'shop', reason: 'secret', because: '', next: '', steps: [secret] };

/**
 * A name inside of what is hashed moves the hash: machines of every user would be stamped anew or restart, and a plan
 * would have another id.
 */
async function hashes(): Promise<readonly string[]> {
  const service = { protocol: 'tcp', internal_port: 8080, ports: [{ port: 443, handlers: ['tls', 'http'] }] };
  const config = { image: 'nginx:1', env: { COLOR: 'red' }, services: [service], guest: { cpus: 2 }, schedule: '' };
  const { inputs } = await loadApp('app: shop\nprimary_region: arn\nbuild:\n  image: nginx:1\n');
  return [
    ['app config version', appConfigVersion({ groups: [group({ name: 'web', configVersion: 'VERSION' })] })],
    ['config version', configVersion(config)],
    ['config version of what git wants', desiredVersion(config)],
    ['image', hashOf('nginx:1')],
    ['inputs', inputs],
    ['live config as read back', readHash(config)],
    ['plan', appPlanId('shop', steps, [hold])],
  ].map((entry) => entry.join(' = '));
}

export async function stampNames(): Promise<Readonly<Record<string, readonly string[]>>> {
  return {
    "metadata: FlyCD's stamps": Object.values(stampKeys),
    "metadata: flyctl's, written by FlyCD too": Object.values(flyctlKeys),
    'metadata: what is written for every machine': written.flatMap((config) =>
      Object.entries(config.metadata ?? {}).map(([key, value]) => `${key} = ${value}`),
    ),
    'metadata: of any machine of a group': Object.entries(flyctlMetadata('GROUP')).map((entry) => entry.join(' = ')),
    'metadata: left out of every diff': metadata.filter(isBookkeepingKey),
    'forms of stamps': forms(),
    'env written on machines': written.flatMap((config) =>
      Object.entries(config.env ?? {}).map(([name, value]) => `${name} = ${value}`),
    ),
    'env of a standby': [standbyEnv],
    'env left out of every diff': foreign.filter(isVersionEnv),
    'lease: its description': [leaseDescription('FLEET', 'INSTANCE')],
    'image: tag of what FlyCD built': [buildLabel('KEY')],
    'hashes of one example': await hashes(),
  };
}
