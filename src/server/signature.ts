import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SecretValue } from '../model/base/secret-value.ts';

const hexDigest = /^sha256=([0-9a-f]{64})$/i;

/** Whether a header may be one. */
export function isSignature(header: unknown): boolean {
  return typeof header === 'string' && hexDigest.test(header);
}

/** The signature of one body, which comes piece by piece. */
export interface SignatureCheck {
  update(bytes: Uint8Array): void;
  /** After the last byte, once. Compared in constant time: no answer tells how much of a forged signature was right. */
  holds(): boolean;
}

/**
 * Whether X-Hub-Signature-256 is the HMAC-SHA256 of a body under the secret. undefined: the header is missing, or is none, so
 * that no body has to be read.
 * Source: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export function signatureCheck(header: string | undefined, secret: SecretValue): SignatureCheck | undefined {
  const claimed = hexDigest.exec(header ?? '')?.[1];
  if (claimed === undefined) return undefined;
  const hmac = createHmac('sha256', secret.reveal());
  return {
    update: (bytes) => void hmac.update(bytes),
    holds: () => timingSafeEqual(hmac.digest(), Buffer.from(claimed, 'hex')),
  };
}
