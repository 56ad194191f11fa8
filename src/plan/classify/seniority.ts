/** Which of several equals stays, for every kind: what FlyCD made, then the oldest. Never by text: a name says nothing. */
import { byText } from '../../model/base/text.ts';

export interface Equal {
  readonly id: string;
  /** As Fly writes it; undefined: Fly does not say. */
  readonly createdAt: string | undefined;
}

/** The one to keep first. `made`: ids of what FlyCD made. Ids decide where nothing else does, so that two runs decide alike. */
export function bySeniority(made: readonly string[]): (a: Equal, b: Equal) => number {
  /** 0: made by FlyCD, which goes before all others. */
  const makerRank = (one: Equal): number => Number(!made.includes(one.id));
  const age = ({ createdAt }: Equal): number => {
    const at = Date.parse(createdAt ?? '');
    return Number.isNaN(at) ? Infinity : at;
  };
  return (a, b) => makerRank(a) - makerRank(b) || compareNumbers(age(a), age(b)) || byText(a.id, b.id);
}

/** Infinity less Infinity is no number. */
function compareNumbers(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
