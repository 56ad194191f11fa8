import { Fault, type FaultParts } from '../../model/base/fault.ts';

interface Answered {
  /** HTTP status; undefined: no answer came. */
  readonly status: number | undefined;
  /** Method and route template: "POST /apps/{app}/machines". Never the query or the body. */
  readonly operation: string;
  /** Fly's fly-request-id, for their support. */
  readonly requestId: string | undefined;
  /** Fly's own words. */
  readonly reply: string | undefined;
  /** Until when Fly asked to be left alone with this, milliseconds since the epoch. undefined: it did not. */
  readonly leftAloneUntil?: number | undefined;
  /** What the answer means beyond its kind, decided where it was read. no room: of a host or a region. */
  readonly means?: 'no room' | undefined;
  /** refused: nothing was done. unknown: it may have been done (no answer, 408, 5xx on a write). */
  readonly outcome: 'refused' | 'unknown';
}

export type FlyErrorParts = FaultParts & Answered;

/** An answer from Fly that is not success, or none at all. */
export class FlyError extends Fault {
  readonly status: number | undefined;
  readonly operation: string;
  readonly requestId: string | undefined;
  readonly reply: string | undefined;
  readonly outcome: 'refused' | 'unknown';
  readonly leftAloneUntil: number | undefined;
  readonly means: 'no room' | undefined;

  constructor(parts: FlyErrorParts) {
    super(parts);
    this.name = 'FlyError';
    this.status = parts.status;
    this.operation = parts.operation;
    this.requestId = parts.requestId;
    this.reply = parts.reply;
    this.outcome = parts.outcome;
    this.leftAloneUntil = parts.leftAloneUntil;
    this.means = parts.means;
  }
}
