import type { Generations } from './config-files.ts';

/** A cache whose entries live as long as each load asks for them: it never holds more than the tree does. */
export class Cache<Value> {
  #kept: ReadonlyMap<string, Value> = new Map();

  /** One load's view. `finish` drops what it did not ask for. */
  begin(): Generations<Value> & { finish(): void } {
    const before = this.#kept;
    const now = new Map<string, Value>();
    return {
      get: (key) => {
        const value = now.get(key) ?? before.get(key);
        if (value !== undefined) now.set(key, value);
        return value;
      },
      set: (key, value) => {
        now.set(key, value);
      },
      finish: () => {
        this.#kept = now;
      },
    };
  }
}
