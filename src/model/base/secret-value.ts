const hidden = '[secret]';

/** A secret's value. Prints as [secret] everywhere; only `reveal` gives it, at the call that sends it to Fly. */
export class SecretValue {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return hidden;
  }
}

/**
 * Blanks known secrets and credentials in URLs out of any text on its way to a person, a log or the database.
 * Values under 6 characters are not searched for: blanking "1" or "true" everywhere would destroy the text and hide nothing.
 */
export class Redactor {
  readonly #values = new Set<string>();
  static readonly #charactersMin = 6;

  learn(value: string | undefined): void {
    if (value !== undefined && value.length >= Redactor.#charactersMin) this.#values.add(value);
  }

  redact(text: string): string {
    // Bounded on both sides: on a long run of letters an open-ended scheme is tried from every letter to the end. Up to
    // the last @, for a password may hold one; never past a quote, or a JSON line would lose what lies between two texts.
    let clean = text.replaceAll(/([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/"<>]{1,1024}@/gi, '$1');
    for (const value of this.#values) clean = clean.replaceAll(value, hidden);
    return clean;
  }
}
