/** What git gave to a machine: all that it says of the app, and what the image would be built from. */

/** An image that FlyCD did not build, and the key it would have built it under. */
export interface Built {
  readonly key: string;
  /** `sha256:…` */
  readonly digest: string;
}

export function formatBuilt({ key, digest }: Built): string {
  return `${key}:${digest}`;
}

export function parseBuilt(text: string | undefined): Built | undefined {
  const parts = /^([0-9a-f]{32}):(sha256:[0-9a-f]{64})$/.exec(text ?? '');
  return parts === null ? undefined : { key: parts[1] ?? '', digest: parts[2] ?? '' };
}

/** i1, without its name, was a hash of the merged document: what moved with FlyCD's own merge, and with policy. */
export function formatInputs(hash: string): string {
  return `i2:${hash}`;
}

/** What git wanted of an app when a pass was over and Fly had it so: what differs from the same since then moved on Fly. */
export interface Fulfilled {
  /** 32 hex: `wishOf` of what git wanted. */
  readonly wish: string;
  /** Kinds of things of which a part waited, and was not seen fulfilled: `machine`, `address`, `secret`. */
  readonly held: readonly string[];
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** false: it is of another scheme, or there is none, so that it says nothing of these inputs. */
export function tellsOfInputs(stamp: string | undefined, inputs: string): stamp is string {
  return stamp !== undefined && schemeOf(stamp) === schemeOf(inputs);
}

/**
 * false: git has moved since the stamp was written. Where it cannot tell, nothing counts as git's doing: a new FlyCD must not
 * restart a fleet for what may be its own.
 */
export function areInputsSame(stamp: string | undefined, inputs: string): boolean {
  return !tellsOfInputs(stamp, inputs) || stamp === inputs;
}

function schemeOf(stamp: string): string {
  return /^([a-z]+[0-9]+):/.exec(stamp)?.[1] ?? '';
}
