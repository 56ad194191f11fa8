import { withImage } from '../../flyconfig/live/own-image.ts';
import { pinned } from '../../flyconfig/sections/image.ts';
import { hashOf } from '../../model/base/json.ts';
import type { MachineChange } from '../../model/plan.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { formatSent, type Sent } from '../../model/stamps/stamps.ts';

/** With the digest of its image, which nobody knew when it was planned. */
export function pinnedStep<S extends MachineChange>(step: S, ref: string, digest: string): S {
  const image = pinned(ref, digest);
  const sent: Sent = { config: step.sent.config, image: hashOf(image) };
  const metadata = { ...step.config.metadata, [stampKeys.sent]: formatSent(sent) };
  return { ...step, sent, config: { ...withImage(step.config, image), metadata } };
}
