/** The body of an answer as what it should be. */
import type { z } from 'zod';
import type { Exchange } from '../../http/exchange.ts';

export type Decode<T> = (body: Extract<Exchange, { kind: 'answer' }>['body']) => Decoded<T>;
type Decoded<T> =
  | { readonly state: 'fits'; readonly value: T }
  /** Broken off on the way: as good as no answer. */
  | { readonly state: 'lost'; readonly why: string }
  /** Whole, but not what FlyCD knows. */
  | { readonly state: 'misfit'; readonly why: string };

/** Never repeats a value of the body: only its path and what was expected there. */
export function decoder<T>(answer: z.ZodType<T>): Decode<T> {
  return (body) => {
    if (body.state === 'broken') return { state: 'lost', why: `the answer broke off: ${body.why}` };
    if (body.state === 'too large') return { state: 'misfit', why: 'the answer is larger than FlyCD reads' };
    let json: unknown;
    try {
      json = JSON.parse(new TextDecoder().decode(body.bytes));
    } catch {
      return { state: 'lost', why: 'the answer is not whole JSON' };
    }
    const shape = answer.safeParse(json);
    if (shape.success) return { state: 'fits', value: shape.data };
    const issue = shape.error.issues[0];
    return { state: 'misfit', why: `at ${pathOf(issue?.path ?? [])}: ${issue?.message ?? 'unknown form'}` };
  };
}

function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text === '' ? 'the top' : text.replace(/^\./, '');
}
