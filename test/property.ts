/**
 * fast-check for this project. `npm test` decides what lands, so it draws the same values each time: what it finds is of the
 * change that is tested, and not of the day. Luck is for whoever looks for bugs:
 * `PROPERTY_SEED=random PROPERTY_RUNS=20 npm test -- fuzz properties` draws others, and twenty times as many.
 */
import * as fc from 'fast-check';

export * from 'fast-check';

const { PROPERTY_SEED: seed = '1', PROPERTY_RUNS: factor = '1' } = process.env;

/** fast-check's own default. */
const runsDefault = 100;

fc.configureGlobal(seed === 'random' ? {} : { seed: Number(seed) });

export function assert<T>(property: fc.IAsyncProperty<T>, parameters?: fc.Parameters<T>): Promise<void>;
export function assert<T>(property: fc.IProperty<T>, parameters?: fc.Parameters<T>): void;
export function assert<T>(property: fc.IRawProperty<T>, parameters?: fc.Parameters<T>): Promise<void> | void {
  const numRuns = Math.ceil((parameters?.numRuns ?? runsDefault) * Number(factor));
  return fc.assert(property, { ...parameters, numRuns });
}
