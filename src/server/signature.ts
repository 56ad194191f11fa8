import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SecretValue } from '../model/base/secret-value.ts';

const hexDigest = /^sha256=([0-9a-f]{64})$/i;

/**
 * Whether `header` (X-Hub-Signature-256) is the HMAC-SHA256 of these very bytes under the secret. Compared in constant
 * time, so that answers do not tell how much of a forged signature was right.
 * Source: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export function isSigned(body: Uint8Array, header: string | undefined, secret: SecretValue): boolean {
  const claimed = hexDigest.exec(header ?? '')?.[1];
  if (claimed === undefined) return false;
  const expected = createHmac('sha256', secret.reveal()).update(body).digest();
  return timingSafeEqual(expected, Buffer.from(claimed, 'hex'));
}
