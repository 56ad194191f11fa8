import { textOf } from '../reading/fields.ts';
import { present } from '../../model/base/json.ts';
import { tablesOf } from '../reading/tables.ts';
import { fieldOf, keyPath, type Table } from '../reading/values.ts';

/** Fly's own bound. */
const staticsMax = 10;

/**
 * Files that Fly's proxy serves. As in flyctl, every process group's machines carry them. A path that is relative and
 * names no bucket would have to be pushed to object storage first, as flyctl does: that is refused.
 */
export function staticsOf(root: Table): readonly Record<string, unknown>[] {
  const tables = tablesOf(root, 'statics');
  if (tables.length > staticsMax) {
    root.notes.error('statics', `Fly serves at most ${staticsMax} statics, found ${tables.length}`);
  }
  return tables.map((table) => {
    for (const key of ['guest_path', 'url_prefix']) {
      if ((fieldOf(table.values, key) ?? '') === '') table.notes.error(table.path, `${key} is required`);
    }
    const guestPath = textOf(table, 'guest_path') ?? '';
    const bucket = textOf(table, 'tigris_bucket') ?? '';
    if (guestPath !== '' && !guestPath.startsWith('/') && bucket === '') {
      const hint = 'name a tigris_bucket that holds them, or an absolute path in the image';
      table.notes.error(keyPath(table.path, 'guest_path'), 'statics pushed to a bucket are not supported yet', hint);
    }
    return present({
      guest_path: guestPath,
      url_prefix: textOf(table, 'url_prefix'),
      tigris_bucket: bucket === '' ? undefined : bucket,
      index_document: textOf(table, 'index_document'),
    });
  });
}
