import { createHmac, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../model/base/fault.ts';
import type { SecretValue } from '../model/base/secret-value.ts';

export interface Evidence {
  /** Names the key without giving it away: evidence under another key is `unverified`. 16 hex digits. */
  readonly keyId: string;
  /** HMAC-SHA256 of the value, bound to its app and name: equal values of two secrets have different marks. 32 hex digits. */
  mark(app: string, name: string, value: SecretValue): string;
}

/** Half of the HMAC: no two values meet by chance, and a machine's metadata has room for twice as many. */
const markDigits = 32;

const keyFile = 'evidence.key';
const keyBytes = 32;
/** A shorter key could be guessed from the marks in a stolen database, and then the secrets' values with it. */
const configuredCharactersMin = 16;

export function createEvidence({ key }: { readonly key: Uint8Array }): Evidence {
  const hmac = (...parts: readonly string[]): string => {
    const hash = createHmac('sha256', key);
    // Length before text: no two lists of parts give the same bytes.
    for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
    return hash.digest('hex');
  };
  return {
    keyId: hmac('flycd evidence key id').slice(0, 16),
    mark: (app, name, value) => hmac('mark', app, name, value.reveal()).slice(0, markDigits),
  };
}

export interface EvidenceKeyOptions {
  /** FLYCD_EVIDENCE_KEY: at least 16 characters. Empty counts as not given. */
  readonly configured: string | undefined;
  /** The data directory. */
  readonly directory: string;
  /** false: a missing key file stays missing (`diff` writes nothing). */
  readonly create: boolean;
}

/**
 * The key of all evidence: the configured one, else the data directory's, made at the first need.
 * undefined: there is none and none may be made, so there is no evidence either and every secret is `unverified`.
 * Throws a stalled Fault for a key that is too short, damaged or unreadable.
 */
export function loadEvidenceKey({ configured, directory, create }: EvidenceKeyOptions): Uint8Array | undefined {
  if (configured !== undefined && configured !== '') return configuredKey(configured);
  const path = join(directory, keyFile);
  try {
    const found = readKey(path, create);
    if (found !== undefined || !create) return found;
    makeKey(directory, path);
    return readKey(path, create);
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault({
      kind: 'stalled',
      what: `the evidence key ${path} could not be read or made`,
      why: error instanceof Error ? error.message : String(error),
      next: 'check that the data directory belongs to the user FlyCD runs as, or set FLYCD_EVIDENCE_KEY',
      cause: error,
    });
  }
}

function configuredKey(configured: string): Uint8Array {
  if (configured.length >= configuredCharactersMin) return Buffer.from(configured, 'utf8');
  throw new Fault({
    kind: 'stalled',
    what: 'FLYCD_EVIDENCE_KEY is too short',
    why: `it has ${configured.length} characters, at least ${configuredCharactersMin} are needed`,
    next: 'use 32 random bytes: `openssl rand -hex 32`',
  });
}

function readKey(path: string, mend: boolean): Uint8Array | undefined {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return undefined;
  if (mend && (mode & 0o077) !== 0) chmodSync(path, 0o600);
  const key = readFileSync(path);
  if (key.length === keyBytes) return key;
  throw new Fault({
    kind: 'stalled',
    what: `the evidence key ${path} is damaged`,
    why: `it has ${key.length} bytes, not ${keyBytes}`,
    next: 'restore it from a backup, or delete it: secrets are then unverified until their next release',
  });
}

/** Written whole under another name, then linked: nobody reads half a key, and of two processes one wins. */
function makeKey(directory: string, path: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, randomBytes(keyBytes));
    fsyncSync(file);
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    closeSync(file);
    unlinkSync(draft);
  }
}
