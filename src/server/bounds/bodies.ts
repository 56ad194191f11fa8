/** Bodies are read as they come: looked at by the byte, kept only as far as somebody can read them. */
import type { IncomingMessage } from 'node:http';

/** GitHub's cap for payloads. Source: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap */
export const bodyBytesMax = 25 * 1024 * 1024;
/** A push that is longer lists commits and files that nobody here reads, and parsing it takes many times its size. */
const keptBytesMax = 1024 * 1024;
/** Of each request so much is kept however much is kept of others: a push of a few commits is read whatever else comes in. */
const alwaysKeptBytes = 64 * 1024;
export interface Body {
  /** undefined: it is not kept. */
  readonly bytes: Buffer | undefined;
  /** Why: it is longer than what is read, or too much else is being received. */
  readonly unkept?: 'too long' | 'too much at once' | undefined;
}

/** Why a body has not come whole. */
export class UnreadBody extends Error {
  readonly reason: 'too large' | 'cut off';
  constructor(reason: UnreadBody['reason']) {
    super(`the body is ${reason}`);
    this.reason = reason;
  }
}

/** Bytes kept of all requests that one server answers. */
export class Bodies {
  #kept = 0;
  readonly #allKeptMax: number;

  constructor(allKeptMax: number) {
    this.#allKeptMax = allKeptMax;
  }

  /** Throws UnreadBody; the rest of such a body is neither kept nor looked at. What is kept is kept until `use` is done. */
  async read<T>(
    request: IncomingMessage,
    onBytes: (bytes: Buffer) => void,
    use: (body: Body) => Promise<T>,
  ): Promise<T> {
    const kept: Buffer[] = [];
    let size = 0;
    let unkept: Body['unkept'];
    const drop = (): void => {
      for (const { length } of kept.splice(0)) this.#kept -= length;
    };
    const take = (bytes: Buffer): void => {
      size += bytes.length;
      if (size > bodyBytesMax) throw new UnreadBody('too large');
      onBytes(bytes);
      if (unkept !== undefined) return;
      if (size > keptBytesMax) unkept = 'too long';
      else if (size > alwaysKeptBytes && this.#kept + bytes.length > this.#allKeptMax) unkept = 'too much at once';
      if (unkept !== undefined) return drop();
      kept.push(bytes);
      this.#kept += bytes.length;
    };
    try {
      await eachPiece(request, take);
      return await use(unkept === undefined ? { bytes: Buffer.concat(kept) } : { bytes: undefined, unkept });
    } finally {
      drop();
    }
  }
}

/** Leaves the connection open where `take` throws: somebody has to be told. */
async function eachPiece(request: IncomingMessage, take: (bytes: Buffer) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  request.on('data', (bytes: Buffer) => {
    try {
      take(bytes);
    } catch (error) {
      request.removeAllListeners('data');
      request.pause();
      reject(error);
    }
  });
  request.once('end', resolve);
  request.once('error', () => reject(new UnreadBody('cut off')));
  request.once('close', () => reject(new UnreadBody('cut off')));
  await promise;
}
