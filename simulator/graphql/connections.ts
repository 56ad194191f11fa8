import { refusal } from '../wire/replies.ts';

export interface Paging {
  readonly after?: string | null;
  readonly first?: number | null;
}

/** Nodes of one page where the client does not say. */
const pageDefault = 500;

/** A page of `items`, in their order. A cursor is the place of its item. */
export function connection<T>(items: readonly T[], { after, first }: Paging) {
  const start = after === undefined || after === null || after === '' ? 0 : placeOf(after) + 1;
  const nodes = items.slice(start, start + Math.max(0, first ?? pageDefault));
  const end = start + nodes.length;
  return {
    nodes,
    totalCount: items.length,
    pageInfo: {
      startCursor: nodes.length === 0 ? null : cursorAt(start),
      endCursor: nodes.length === 0 ? null : cursorAt(end - 1),
      hasPreviousPage: start > 0,
      hasNextPage: end < items.length,
    },
  };
}

export const cursorAt = (place: number): string => Buffer.from(String(place)).toString('base64');

function placeOf(cursor: string): number {
  const place = Number(Buffer.from(cursor, 'base64').toString());
  if (!Number.isInteger(place) || place < 0) throw refusal(422, `cursor ${JSON.stringify(cursor)} is invalid`);
  return place;
}
