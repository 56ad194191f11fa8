import { portMax } from './checks.ts';
import { flagOf, integerOf, present, textOf, type Table } from './fields.ts';

/** Where Fly scrapes Prometheus metrics. */
export function metricsOf(table: Table): Record<string, unknown> {
  return present({
    port: integerOf(table, 'port', { min: 1, max: portMax }),
    path: textOf(table, 'path'),
    https: flagOf(table, 'https') === true ? true : undefined,
  });
}
