import { seededChance } from '../../../simulator/world/chance.ts';

/** Throws that follow from a seed and a topic: another topic's throws, or more of them, change nothing here. */
export interface Dice {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  /** From `least` to `most`, both included. */
  between(least: number, most: number): number;
  /** true with this probability. */
  hit(probability: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** One of what there is; undefined where there is nothing. */
  one<T>(items: readonly T[]): T | undefined;
}

const steps = 1_000_000;

export function dice(seed: number, topic: string): Dice {
  const chance = seededChance(seed);
  let thrown = 0;
  const below = (below: number): number => chance.below([topic, (thrown += 1)], below);
  return {
    below,
    between: (least, most) => least + below(most - least + 1),
    hit: (probability) => below(steps) < probability * steps,
    pick: (items) => items[below(items.length)] ?? items[0],
    one: (items) => items[below(Math.max(1, items.length))],
  };
}
