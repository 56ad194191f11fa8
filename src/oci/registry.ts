import { createHash } from 'node:crypto';
import type { Clock } from '../model/base/clock.ts';
import { momentOf, msSince, type Moment } from '../model/base/moment.ts';
import type { SecretValue } from '../model/base/secret-value.ts';
import { exchange, type Exchange } from '../http/exchange.ts';
import type { HostRefused } from '../http/hosts.ts';
import { isDigest, isLoopbackHost, registryOrigin, type ImageReference } from './reference.ts';

interface RegistryCredential {
  readonly user: string;
  readonly password: SecretValue;
}

/** Credentials for one registry, by its host and port; undefined: ask as anybody. */
export type RegistryCredentials = (host: string) => RegistryCredential | undefined;

export interface RegistryParts {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly credentials: RegistryCredentials;
}

/** What a registry did not do, and why, in words without secrets. */
export class RegistryError extends Error {
  /** undefined: it gave no answer, or one that makes no sense. */
  readonly status: number | undefined;
  /** Milliseconds since the epoch before which this host wants no more questions. */
  readonly retryAt: number | undefined;

  constructor(message: string, status?: number, retryAt?: number, cause?: HostRefused) {
    super(message, { cause });
    this.name = 'RegistryError';
    this.status = status;
    this.retryAt = retryAt;
  }
}

/** Index before manifest: a registry gives the first kind it has, and the index's digest is the image's on all platforms. */
const accepted = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** A registry that needs longer is down. */
const timeoutMs = 15_000;
/** The distribution specification's limit on a manifest. */
export const manifestBytesMax = 4 * 1024 * 1024;
/** Tokens have some 4 KB. */
const tokenBytesMax = 64 * 1024;
/** registry.k8s.io needs one, mirrors before it another. */
const redirectsMax = 3;
/** What a token lives where the registry does not say, by the token specification. */
const tokenSecondsDefault = 60;
/** Renewed this much earlier, so that none runs out on its way. */
const tokenSecondsSpare = 10;
/** After 429 without Retry-After. */
const throttledSeconds = 60;
/** A Retry-After beyond this is a mistake or a blockade. */
const throttledSecondsMax = 600;

interface RegistryCall {
  readonly method: 'HEAD' | 'GET' | 'POST' | 'PATCH' | 'PUT';
  readonly host: string;
  readonly repository: string;
  /** Below the repository: `manifests/v1`; or where the registry said an upload goes on. */
  readonly to: string | URL;
  /** A repository that has to be read for it, too. */
  readonly from?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | undefined;
  /** Of the answer; manifestBytesMax unless said. */
  readonly bytesMax?: number | undefined;
  /** 15 s unless said. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export interface Registry {
  /** The digest a tag stands for. Throws a RegistryError. */
  digest(reference: ImageReference): Promise<string>;
  /** Any answer but 401, with the token that the registry sends one for. Throws a RegistryError without an answer. */
  ask(call: RegistryCall): Promise<RegistryAnswer>;
  /** Why an answer is none that helps. */
  refusal(answer: RegistryAnswer): RegistryError;
}

interface Token {
  readonly header: string;
  readonly askedAt: Moment;
  readonly goodForMs: number;
}

/** Speaks with registries by the distribution specification, and fetches the tokens that they send one for. */
export function createRegistry(parts: RegistryParts): Registry {
  const { clock } = parts;
  const tokens = new Map<string, Token>();

  async function ask(call: RegistryCall): Promise<RegistryAnswer> {
    const scope = scopeOf(call);
    const key = `${call.host} ${scope.join(' ')}`;
    const question = questionOf(call);
    const token = tokens.get(key);
    if (token !== undefined && msSince(clock, token.askedAt) < token.goodForMs) {
      const known = await send(parts, { ...question, authorization: token.header });
      // It may be over sooner than it was said to be, and some say 403 then. Without it a registry names its token service.
      if (known.status !== 401 && known.status !== 403) return known;
    }
    const answer = await send(parts, { ...question, authorization: undefined });
    if (answer.status !== 401) return answer;
    const challenge = answer.headers.get('www-authenticate') ?? '';
    const renewed = await authorize(parts, { host: call.host, scope, challenge });
    tokens.set(key, renewed);
    return send(parts, { ...question, authorization: renewed.header });
  }

  return {
    ask,
    refusal: (answer) => refusal(answer, clock),
    async digest({ host, repository, tag }) {
      const call = { host, repository, to: `manifests/${tag}` };
      const head = await ask({ ...call, method: 'HEAD' });
      const named = head.headers.get('docker-content-digest');
      if (head.status === 200 && isDigest(named)) return named;
      if (head.status !== 200 && ![400, 405, 501].includes(head.status)) throw refusal(head, clock);
      const got = await ask({ ...call, method: 'GET' });
      if (got.status !== 200) throw refusal(got, clock);
      return digestOf(got.body);
    },
  };
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** No more than the call needs, whatever the registry asks for. */
function scopeOf({ method, repository, from }: RegistryCall): readonly string[] {
  const reads = method === 'GET' || method === 'HEAD';
  const own = `repository:${repository}:${reads ? 'pull' : 'pull,push'}`;
  return from === undefined ? [own] : [own, `repository:${from}:pull`];
}

function questionOf(call: RegistryCall): Omit<Question, 'authorization'> {
  const { method, host, repository, to, headers = {}, body, signal } = call;
  const base = registryOrigin(host);
  const url = typeof to === 'string' ? `${base}/v2/${repository}/${to}` : to.href;
  // What an upload's address says must not carry the password elsewhere.
  const { origin } = new URL(base);
  const { bytesMax = manifestBytesMax, timeoutMs: patience = timeoutMs } = call;
  return { method, url, origin, headers, body, bytesMax, timeoutMs: patience, signal };
}

function refusal(answer: RegistryAnswer, clock: Clock): RegistryError {
  const { status } = answer;
  if (status === 404) return new RegistryError('the registry has no such image or tag', status);
  if (status === 401 || status === 403) return new RegistryError('the registry does not let FlyCD in', status);
  if (status !== 429) return new RegistryError(`the registry answered ${status}`, status);
  const said = Number(answer.headers.get('retry-after') ?? Number.NaN);
  const seconds = Number.isFinite(said) && said > 0 ? Math.min(said, throttledSecondsMax) : throttledSeconds;
  return new RegistryError('the registry is asked too often', status, clock.now() + seconds * 1000);
}

/** `Bearer realm="…",service="…",scope="…"`, or `Basic`. */
function parseChallenge(header: string): { readonly scheme: string; readonly values: ReadonlyMap<string, string> } {
  const [scheme = ''] = header.split(' ', 1);
  const values = new Map<string, string>();
  for (const [, name = '', quoted, plain] of header.matchAll(/([a-z_]+)=(?:"([^"]*)"|([^\s,"]+))/gi)) {
    values.set(name.toLowerCase(), quoted ?? plain ?? '');
  }
  return { scheme: scheme.toLowerCase(), values };
}

interface Asked {
  readonly host: string;
  readonly scope: readonly string[];
  readonly challenge: string;
}

async function authorize(parts: RegistryParts, { host, scope, challenge }: Asked): Promise<Token> {
  const { clock } = parts;
  const credential = parts.credentials(host);
  const basic =
    credential && `Basic ${Buffer.from(`${credential.user}:${credential.password.reveal()}`).toString('base64')}`;
  const { scheme, values } = parseChallenge(challenge);
  const askedAt = momentOf(clock);
  if (scheme === 'basic' && basic !== undefined) return { header: basic, askedAt, goodForMs: Infinity };
  const realm = values.get('realm');
  if (scheme !== 'bearer' || realm === undefined || !URL.canParse(realm)) {
    throw new RegistryError('the registry does not let FlyCD in', 401);
  }
  const url = new URL(realm);
  const service = values.get('service');
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.delete('scope');
  // never what the registry asks for: this much is enough
  for (const one of scope) url.searchParams.append('scope', one);
  const answer = await send(parts, {
    method: 'GET',
    url: url.href,
    origin: url.origin,
    authorization: basic,
    headers: {},
    body: undefined,
    bytesMax: tokenBytesMax,
    timeoutMs,
    signal: undefined,
  });
  if (answer.status !== 200) throw refusal(answer, clock);
  const { token, seconds } = parseToken(answer.body);
  return { header: `Bearer ${token}`, askedAt, goodForMs: (seconds - tokenSecondsSpare) * 1000 };
}

function parseToken(body: Uint8Array): { readonly token: string; readonly seconds: number } {
  const unreadable = new RegistryError("the registry's token service gave no token");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw unreadable;
  }
  if (typeof value !== 'object' || value === null) throw unreadable;
  const { token, access_token: other, expires_in: seconds } = value as Record<string, unknown>;
  const found = typeof token === 'string' ? token : other;
  if (typeof found !== 'string' || !/^[\u0021-\u007e]+$/.test(found)) throw unreadable;
  return { token: found, seconds: typeof seconds === 'number' ? seconds : tokenSecondsDefault };
}

interface Question {
  readonly method: RegistryCall['method'];
  readonly url: string;
  /** Authorization goes there and nowhere else. */
  readonly origin: string;
  readonly authorization: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  readonly bytesMax: number;
  /** Of each of its redirects. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** One question with its redirects; only questions without a body are carried elsewhere. */
async function send(parts: RegistryParts, question: Question): Promise<RegistryAnswer> {
  const { method, origin, authorization } = question;
  let url = new URL(question.url);
  for (let redirects = 0; redirects <= redirectsMax; redirects += 1) {
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.host))) {
      throw new RegistryError(`${url.host} is named without https`);
    }
    const headers = {
      accept: accepted,
      ...question.headers,
      ...(authorization !== undefined && url.origin === origin ? { authorization } : {}),
    };
    const answer = answered(url, question, await exchange(parts, { ...question, url, headers }));
    // Nor may another host say which token service gets it.
    if (answer.status === 401 && url.origin !== origin)
      throw new RegistryError(`${url.host} does not let FlyCD in`, 403);
    const location = answer.headers.get('location');
    const isRedirect = [301, 302, 303, 307, 308].includes(answer.status);
    const follows = isRedirect && (method === 'GET' || method === 'HEAD');
    if (!follows || location === null || !URL.canParse(location, url.href)) return answer;
    url = new URL(location, url);
  }
  throw new RegistryError('the registry redirects in a circle');
}

function answered(url: URL, { bytesMax }: Question, answer: Exchange): RegistryAnswer {
  if (answer.kind === 'silence' && answer.refused !== undefined) {
    const { why, refused } = answer;
    throw new RegistryError(`${url.host} is not asked: ${why}; ${refused.next}`, undefined, undefined, refused);
  }
  if (answer.kind === 'silence') throw new RegistryError(`${url.host} cannot be reached (${answer.why})`);
  const { status, headers, body } = answer;
  if (body.state === 'broken') throw new RegistryError(`the answer of ${url.host} broke off (${body.why})`);
  if (body.state === 'whole') return { status, headers, body: body.bytes };
  if (status < 300) throw new RegistryError(`the registry sends more than ${bytesMax} bytes`);
  return { status, headers, body: body.start };
}
