import { createHash } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { isDigest, isLoopbackHost, type ImageReference } from './reference.ts';

export interface RegistryCredential {
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

/** A registry that did not give a digest, and why, in words without secrets. */
export class RegistryError extends Error {
  /** Milliseconds since the epoch before which this host wants no more questions. */
  readonly retryAt: number | undefined;

  constructor(message: string, retryAt?: number) {
    super(message);
    this.name = 'RegistryError';
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
const manifestBytesMax = 4 * 1024 * 1024;
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

interface Token {
  readonly header: string;
  readonly until: number;
}

export interface Registry {
  /** The digest a tag stands for. Throws a RegistryError. */
  digest(reference: ImageReference): Promise<string>;
}

/** Asks registries by the distribution specification: HEAD, GET where HEAD says nothing, and the token they send one for. */
export function createRegistry(parts: RegistryParts): Registry {
  const { clock } = parts;
  const tokens = new Map<string, Token>();

  async function ask(method: 'HEAD' | 'GET', reference: ImageReference): Promise<Answer> {
    const { host, repository, tag } = reference;
    const scheme = isLoopbackHost(host) ? 'http' : 'https';
    const url = `${scheme}://${host}/v2/${repository}/manifests/${tag}`;
    const key = `${host} ${repository}`;
    const token = tokens.get(key);
    const header = token !== undefined && token.until > clock.now() ? token.header : undefined;
    const answer = await send(parts, { method, url, authorization: header, bytesMax: manifestBytesMax });
    if (answer.status !== 401) return answer;
    const renewed = await authorize(parts, reference, answer.headers.get('www-authenticate') ?? '');
    tokens.set(key, renewed);
    return send(parts, { method, url, authorization: renewed.header, bytesMax: manifestBytesMax });
  }

  return {
    async digest(reference) {
      const head = await ask('HEAD', reference);
      const named = head.headers.get('docker-content-digest');
      if (head.status === 200 && isDigest(named)) return named;
      if (head.status !== 200 && ![400, 405, 501].includes(head.status)) throw refusal(head, clock);
      const got = await ask('GET', reference);
      if (got.status !== 200) throw refusal(got, clock);
      return `sha256:${createHash('sha256').update(got.body).digest('hex')}`;
    },
  };
}

function refusal(answer: Answer, clock: Clock): RegistryError {
  if (answer.status === 404) return new RegistryError('the registry has no such image or tag');
  if (answer.status === 401 || answer.status === 403) return new RegistryError('the registry does not let FlyCD in');
  if (answer.status !== 429) return new RegistryError(`the registry answered ${answer.status}`);
  const said = Number(answer.headers.get('retry-after') ?? Number.NaN);
  const seconds = Number.isFinite(said) && said > 0 ? Math.min(said, throttledSecondsMax) : throttledSeconds;
  return new RegistryError('the registry is asked too often', clock.now() + seconds * 1000);
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

async function authorize(parts: RegistryParts, reference: ImageReference, challenge: string): Promise<Token> {
  const { clock } = parts;
  const credential = parts.credentials(reference.host);
  const basic =
    credential && `Basic ${Buffer.from(`${credential.user}:${credential.password.reveal()}`).toString('base64')}`;
  const { scheme, values } = parseChallenge(challenge);
  if (scheme === 'basic' && basic !== undefined) return { header: basic, until: Number.POSITIVE_INFINITY };
  const realm = values.get('realm');
  if (scheme !== 'bearer' || realm === undefined || !URL.canParse(realm)) {
    throw new RegistryError('the registry does not let FlyCD in');
  }
  const url = new URL(realm);
  const service = values.get('service');
  if (service !== undefined) url.searchParams.set('service', service);
  // never what the registry asks for: this much is enough
  url.searchParams.set('scope', `repository:${reference.repository}:pull`);
  const answer = await send(parts, { method: 'GET', url: url.href, authorization: basic, bytesMax: tokenBytesMax });
  if (answer.status !== 200) throw refusal(answer, clock);
  const { token, seconds } = parseToken(answer.body);
  return { header: `Bearer ${token}`, until: clock.now() + (seconds - tokenSecondsSpare) * 1000 };
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
  readonly method: 'HEAD' | 'GET';
  readonly url: string;
  readonly authorization: string | undefined;
  readonly bytesMax: number;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** One question with its redirects, within timeoutMs. Authorization goes to the first host only. */
async function send(parts: RegistryParts, question: Question): Promise<Answer> {
  const stop = new AbortController();
  const cancel = parts.clock.timer(timeoutMs, () => {
    stop.abort(new RegistryError(`no answer within ${timeoutMs / 1000} s`));
  });
  try {
    return await parts.clock.busy(() => follow(parts, question, stop.signal));
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    if (error instanceof RegistryError) throw error;
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    throw new RegistryError(
      `${new URL(question.url).host} cannot be reached (${cause?.code ?? (error as Error).name})`,
    );
  } finally {
    cancel();
  }
}

async function follow(parts: RegistryParts, question: Question, signal: AbortSignal): Promise<Answer> {
  let { url } = question;
  for (let redirects = 0; redirects <= redirectsMax; redirects += 1) {
    const { protocol, host, origin } = new URL(url);
    if (protocol !== 'https:' && !(protocol === 'http:' && isLoopbackHost(host))) {
      throw new RegistryError(`${host} is named without https`);
    }
    const headers = new Headers({ accept: accepted });
    const isOwn = origin === new URL(question.url).origin;
    if (question.authorization !== undefined && isOwn) headers.set('authorization', question.authorization);
    const response = await parts.fetch(url, { method: question.method, headers, redirect: 'manual', signal });
    const location = response.headers.get('location');
    const isRedirect = [301, 302, 303, 307, 308].includes(response.status);
    if (!isRedirect || location === null || !URL.canParse(location, url)) {
      return { status: response.status, headers: response.headers, body: await bodyOf(response, question.bytesMax) };
    }
    await response.body?.cancel();
    url = new URL(location, url).href;
  }
  throw new RegistryError('the registry redirects in a circle');
}

async function bodyOf(response: Response, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > bytesMax) throw new RegistryError(`the registry sends more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
