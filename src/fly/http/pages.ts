/** Lists that Fly answers in pages. */
import { Fault } from '../../model/base/fault.ts';

/** Pages may be short or empty with a cursor left. A million machines in full pages; beyond, the cursor runs in circles. */
const pagesMax = 1_000;

interface Page {
  readonly next_cursor?: string | null | undefined;
}

/** Every page, in order; the first is asked for with an empty cursor. Throws a transient Fault where they do not end. */
export async function* everyPage<T extends Page>(
  ask: (cursor: string) => Promise<T>,
  list: { readonly what: string; readonly where: string },
): AsyncGenerator<T> {
  const seen = new Set<string>();
  for (let cursor = ''; ;) {
    const page = await ask(cursor);
    yield page;
    cursor = page.next_cursor ?? '';
    if (cursor === '') return;
    if (seen.has(cursor) || seen.size >= pagesMax) throw endless(list);
    seen.add(cursor);
  }
}

function endless({ what, where }: { readonly what: string; readonly where: string }): Fault {
  return new Fault({
    kind: 'transient',
    what: `The list of ${what} did not come to an end`,
    next: 'FlyCD tries again by itself.',
    where,
  });
}

/** Of a page's call: how many at most, and after which. */
export function pageQuery(limit: number, cursor: string): readonly (readonly [string, string])[] {
  return [['limit', String(limit)], ...(cursor === '' ? [] : [['cursor', cursor] as const])];
}
