import type { Redactor } from '../../model/base/secret-value.ts';
import type { Io } from './io.ts';

/** Variables of FlyCD's own that hold a secret. */
const secretVariables = [
  'FLY_API_TOKEN',
  'FLY_ACCESS_TOKEN',
  'FLYCD_WEBHOOK_SECRET',
  'FLYCD_EVIDENCE_KEY',
  'GITHUB_TOKEN',
  'FLY_SSH_PRIVATE_KEY',
  'DOCKER_HUB_PASSWORD',
] as const;

/** In every form it may turn up: whole, inside JSON, the parts of a token made of several, the lines of a key. */
export function learnSecret(redactor: Redactor, value: string | undefined): void {
  if (value === undefined) return;
  redactor.learn(value);
  redactor.learn(value.trim());
  redactor.learn(JSON.stringify(value).slice(1, -1));
  for (const line of value.split(/\r?\n|\\n/)) redactor.learn(isBoilerplate(line) ? undefined : line.trim());
}

/** The first and last line of every key file: no secret, and worth reading in an error. */
function isBoilerplate(line: string): boolean {
  return line.startsWith('-----');
}

export function learnEnvironment(redactor: Redactor, env: Io['env']): void {
  for (const name of secretVariables) learnSecret(redactor, env[name]);
  for (const name of ['FLY_API_TOKEN', 'FLY_ACCESS_TOKEN']) {
    for (const part of (env[name] ?? '').split(/[\s,]+/)) redactor.learn(part);
  }
}

/** Data for people with every text in it redacted, before anything is cut to length or escaped. */
export function redacted<T>(redactor: Redactor, value: T): T {
  return redactAny(redactor, value) as T;
}

function redactAny(redactor: Redactor, value: unknown): unknown {
  if (typeof value === 'string') return redactor.redact(value);
  if (Array.isArray(value)) return value.map((item) => redactAny(redactor, item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactAny(redactor, item)]));
}
