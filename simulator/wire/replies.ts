export interface Reply {
  readonly status: number;
  /** Bytes as they are, text as a page, anything else as JSON; undefined = no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The platform's no, thrown by handlers. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(`refused with ${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** `{error}`, with a machine-readable status where the platform gives one (name_taken, insufficient_capacity). */
export function refusal(status: number, error: string, reason?: string): Refusal {
  return new Refusal(status, reason === undefined ? { error } : { error, status: reason });
}

export const ok = (body: unknown): Reply => ({ status: 200, body });
export const done: Reply = { status: 200, body: { ok: true } };
export const nothing: Reply = { status: 204 };

/** RFC 3339, as every time on the wire but leases (seconds) and events (milliseconds). */
export function timestamp(instant: number): string {
  return new Date(instant).toISOString();
}
