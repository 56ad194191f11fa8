import { hash } from 'node:crypto';

/**
 * Randomness that reruns alike: every id, name and address is hash(seed, parts), where the parts name the app, the
 * operation and the nth of it. One shared stream would give other ids as soon as two requests swap places.
 */
export interface Chance {
  /** `digits` hexadecimal digits, at most 64. */
  hex(parts: ChanceParts, digits: number): string;
  /** A whole number from 0 to `below` - 1; `below` at most 2^48. */
  below(parts: ChanceParts, below: number): number;
}

export type ChanceParts = readonly (string | number)[];

export function seededChance(seed: number): Chance {
  const digest = (parts: ChanceParts): string => hash('sha256', JSON.stringify([seed, ...parts]));
  return {
    hex: (parts, digits) => digest(parts).slice(0, digits),
    below: (parts, below) => Number.parseInt(digest(parts).slice(0, 12), 16) % below,
  };
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const timeCharacters = 10;
const entropyCharacters = 16;

/** A ULID: sorts by `time` (milliseconds since the epoch); `entropy` is at least 32 hexadecimal digits. */
export function ulid(time: number, entropy: string): string {
  let front = '';
  let rest = Math.floor(time);
  for (let index = 0; index < timeCharacters; index++) {
    front = `${crockford[rest % 32] ?? ''}${front}`;
    rest = Math.floor(rest / 32);
  }
  let back = '';
  for (let index = 0; index < entropyCharacters; index++) {
    back += crockford[Number.parseInt(entropy.slice(index * 2, index * 2 + 2), 16) % 32] ?? '';
  }
  return front + back;
}

const adjectives = ['ancient', 'blue', 'cold', 'divine', 'falling', 'green', 'hidden', 'icy', 'lively', 'misty'];
const nouns = ['bird', 'brook', 'cloud', 'dew', 'field', 'fire', 'frost', 'leaf', 'moon', 'river', 'sound', 'tree'];

/** A name such as the platform gives where none was sent. */
export function givenName(chance: Chance, parts: ChanceParts): string {
  const adjective = adjectives[chance.below([...parts, 'adjective'], adjectives.length)] ?? '';
  const noun = nouns[chance.below([...parts, 'noun'], nouns.length)] ?? '';
  return `${adjective}-${noun}-${chance.below([...parts, 'number'], 9000) + 1000}`;
}
