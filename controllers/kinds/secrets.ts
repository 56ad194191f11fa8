import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { SecretStep } from '../../src/model/plan.ts';
import type { StampedEvidence } from '../../src/model/stamps/secrets-stamp.ts';
import type { SecretValue } from '../../src/model/base/secret-value.ts';
import { readIfPossible } from '../../src/observed/reading.ts';
import type { AppPass } from '../pass/app-pass.ts';
import type { StepDone } from '../pass/services.ts';
import { stampSecrets } from '../machines/secrets-stamp.ts';

/** Setting a secret again to the same value is harmless, so a lost answer is simply tried again. */
const triesMax = 3;
const retryMs = 1000;

/**
 * All secret.set or all secret.unset steps of an app in one call: Fly's write is atomic and a merge. Evidence is stored
 * before the call without a digest, so that a crash in between sets the secret again rather than trusting it blindly; after it
 * with Fly's digest, here and on the machines.
 */
export async function applySecretSteps(pass: AppPass, steps: readonly SecretStep[]): Promise<StepDone> {
  const { store, evidence } = pass.services;
  const { app } = pass;
  const values: Record<string, SecretValue | null> = {};
  for (const step of steps) {
    values[step.name] = step.kind === 'secret.unset' ? null : valueOf(pass, step.name);
  }
  for (const [name, value] of Object.entries(values)) {
    if (value === null) continue;
    await store.setEvidence(app.name, name, {
      mark: evidence.mark(app.name, name, value),
      keyId: evidence.keyId,
      digest: '',
    });
  }
  const written = await write(pass, values);
  if (written.version !== undefined) pass.secretsVersion = Math.max(pass.secretsVersion ?? 0, written.version);
  const digests = new Map(written.secrets.map((secret) => [secret.name, secret.digest]));
  const set: StampedEvidence[] = [];
  for (const [name, value] of Object.entries(values)) {
    if (value === null) {
      await store.removeEvidence(app.name, name);
      continue;
    }
    const digest = digests.get(name) ?? (await digestOf(pass, name));
    const known = { mark: evidence.mark(app.name, name, value), keyId: evidence.keyId, digest };
    await store.setEvidence(app.name, name, known);
    set.push({ ...known, name });
  }
  // What others knew of these secrets is no longer what Fly has.
  const others = pass.stamped?.filter(({ name }) => !Object.hasOwn(values, name));
  pass.stamped = others === undefined ? undefined : [...others, ...set];
  await stampSecrets(pass);
  return { outcome: steps[0]?.kind === 'secret.unset' ? 'deleted' : 'updated' };
}

async function digestOf(pass: AppPass, name: string): Promise<string> {
  const secrets = await pass.services.fly.secrets(pass.app.name);
  return secrets.find((secret) => secret.name === name)?.digest ?? '';
}

async function write(pass: AppPass, values: Readonly<Record<string, SecretValue | null>>) {
  let mayBeDone = false;
  for (let tried = 1; ; tried += 1) {
    try {
      return await pass.services.fly.setSecrets(pass.app.name, values);
    } catch (error) {
      mayBeDone ||= error instanceof FlyError && error.outcome === 'unknown';
      if (mayBeDone && (await isUnset(pass, values))) return { version: undefined, secrets: [] };
      const again = error instanceof FlyError && (error.outcome === 'unknown' || error.status === 409);
      if (!again || tried >= triesMax) throw error;
      await pass.services.clock.sleep(retryMs * tried);
    }
  }
}

/** Of a set nobody can see it: Fly's digests tell no value. */
async function isUnset(pass: AppPass, values: Readonly<Record<string, SecretValue | null>>): Promise<boolean> {
  if (Object.values(values).some((value) => value !== null)) return false;
  const secrets = await readIfPossible(pass.services.fly.secrets(pass.app.name));
  return secrets.status === 'read' && !secrets.value.some(({ name }) => Object.hasOwn(values, name));
}

function valueOf(pass: AppPass, name: string): SecretValue {
  const value = pass.fleet.secretValue(pass.app.name, name);
  if (value !== undefined) return value;
  throw new Fault({
    kind: 'stalled',
    what: `secret ${name} has no value here`,
    why: 'its environment variable is not set',
    next: 'set it where FlyCD runs, then sync again',
    where: `${pass.app.file} ${pass.app.name}/${name}`,
  });
}
