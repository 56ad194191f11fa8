import { portMax } from './checks.ts';
import { flagOf, integerOf, nonEmptyTextOf } from '../reading/fields.ts';
import { present } from '../../model/base/json.ts';
import type { Table } from '../reading/values.ts';

/** Where Fly scrapes Prometheus metrics. */
export function metricsOf(table: Table): Record<string, unknown> {
  return present({
    port: integerOf(table, 'port', { min: 1, max: portMax }),
    path: nonEmptyTextOf(table, 'path'),
    https: flagOf(table, 'https') === true ? true : undefined,
  });
}
