import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { isObject } from '../wire/body.ts';

/**
 * A change the platform makes to every machine config that is written, beyond the known ones: the controller has no
 * table for it.
 */
interface Rewrite {
  /** Dotted, list items by number: "services.0.force_instance_description", "metadata.x". */
  readonly path: string;
  /** undefined removes the field. */
  readonly value?: unknown;
}

export interface Rewrites {
  /** Throws a RangeError for a path that names no field. */
  add(rewrite: Rewrite): void;
  clear(): void;
  list(): readonly Rewrite[];
  /** Changes the config in place. */
  apply(config: MachineConfig): void;
}

const forbidden = ['__proto__', 'constructor', 'prototype', ''];

export function configRewrites(): Rewrites {
  let rewrites: Rewrite[] = [];
  return {
    add(rewrite) {
      if (rewrite.path.split('.').some((segment) => forbidden.includes(segment))) {
        throw new RangeError(`a rewrite needs a path such as "metadata.x", got ${JSON.stringify(rewrite.path)}`);
      }
      rewrites.push(rewrite);
    },
    clear() {
      rewrites = [];
    },
    list: () => rewrites,
    apply(config) {
      for (const rewrite of rewrites) setField(config, rewrite.path.split('.'), rewrite.value);
    },
  };
}

/** Objects on the way are made where they are missing; a list or a list item that is not there is left so. */
function setField(target: unknown, segments: readonly string[], value: unknown): void {
  const [segment = '', ...rest] = segments;
  if (Array.isArray(target)) {
    const index = Number(segment);
    if (!Number.isInteger(index) || index < 0 || index >= target.length) return;
    if (rest.length > 0) setField(target[index], rest, value);
    else target[index] = structuredClone(value);
  } else if (isObject(target)) {
    if (rest.length === 0) {
      if (value === undefined) delete target[segment];
      else target[segment] = structuredClone(value);
      return;
    }
    if (target[segment] === undefined || target[segment] === null) {
      if (/^\d+$/.test(rest[0] ?? '')) return;
      target[segment] = {};
    }
    setField(target[segment], rest, value);
  }
}
