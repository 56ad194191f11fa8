/** Things worth keeping from one load to the next: what a load did not ask for is dropped at its end. */
export interface Cache<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
}

/** A cache whose entries live as long as each load asks for them: it never holds more than the tree does. */
export class GenerationCache<Value> {
  #kept: ReadonlyMap<string, Value> = new Map();

  /** One load's view. `finish` drops what it did not ask for. */
  begin(): Cache<Value> & { finish(): void } {
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
