/** One request as the world remembers it. */
export interface RequestRecord {
  readonly method: string;
  /** As sent, without the query. */
  readonly path: string;
  /** "POST /apps/{app}/machines"; "unknown" where no route matched. */
  readonly template: string;
  readonly app: string | undefined;
  /** A POST that only asks: a GraphQL query. */
  readonly reads?: boolean;
  /** The simulator's clock when the platform began to work on it. */
  readonly at: number;
  /** undefined: no answer was sent (yet). */
  status: number | undefined;
}

export interface RequestNotice {
  readonly phase: 'before' | 'after';
  readonly request: Readonly<RequestRecord>;
  /** Id of the token it came with; empty: none that is valid. */
  readonly by: string;
  /** Cuts the connection: before = nothing is done; after = it was done and the answer is lost. */
  readonly cut: () => void;
}

/** Requests kept: a bench run of thousands of apps must not fill the memory. */
const requestsKept = 200_000;

export function remember(requests: RequestRecord[], request: RequestRecord): void {
  requests.push(request);
  if (requests.length > requestsKept) requests.splice(0, requestsKept / 2);
}

/** Changes something on the platform. Leases come and go by themselves and do not count. */
export function isWrite(request: Readonly<RequestRecord>): boolean {
  if (request.reads === true) return false;
  return request.method !== 'GET' && request.method !== 'HEAD' && !request.template.endsWith('/lease');
}
