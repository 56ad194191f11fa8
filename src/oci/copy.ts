import type { Clock } from '../model/base/clock.ts';
import { isDigest, registryOrigin } from './reference.ts';
import { digestOf, manifestBytesMax, RegistryError, type Registry, type RegistryAnswer } from './registry.ts';

/** Bytes of a blob held at once, in memory and on the way: small enough for a machine of 256 MB, few enough requests. */
const chunkBytes = 8 * 1024 * 1024;
/** A chunk over a slow line. */
const chunkTimeoutMs = 120_000;
/** A server that sends whole blobs only may send as much at once. */
const wholeBlobBytesMax = 64 * 1024 * 1024;
/** Docker's own limit is 127 layers. */
const descriptorsMax = 500;
/** An index of indexes is legal and unheard of; a circle of them ends here. */
const depthMax = 2;
/** Fly's own limit on an image is 8 GB, unpacked. */
const blobBytesMax = 8 * 1024 ** 3;
/** A copy begins anew where it broke off: what has arrived by then is not sent again. */
const triesMax = 3;
const firstPauseMs = 1000;

/** Layers that registries do not hold: clients fetch them elsewhere. */
const foreignLayer = /nondistributable|foreign/;

export interface CopyRequest {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly host: string;
  readonly from: { readonly repository: string; readonly digest: string };
  readonly to: { readonly repository: string; readonly tag: string };
  readonly signal?: AbortSignal | undefined;
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

interface ManifestContent {
  readonly manifests: readonly Descriptor[];
  readonly blobs: readonly Descriptor[];
}

/**
 * An image with all it consists of, under a tag in another repository of the same registry and byte for byte, so that its
 * digest stays: blobs are mounted, and sent where the registry does not mount. Throws a RegistryError.
 */
export async function copyImage(request: CopyRequest): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await copyManifest(request, request.from.digest, { name: request.to.tag, depth: 0 });
    } catch (error) {
      request.signal?.throwIfAborted();
      const passing = error instanceof RegistryError && (error.status === undefined || error.status >= 500);
      if (!passing || tries >= triesMax) throw error;
      await request.clock.sleep(firstPauseMs * 2 ** (tries - 1), request.signal);
    }
  }
}

async function copyManifest(
  request: CopyRequest,
  digest: string,
  as: { readonly name: string; readonly depth: number },
): Promise<void> {
  const { registry, host, from, to, signal } = request;
  if (as.depth > depthMax) throw new RegistryError('the image is an index of indexes of indexes');
  const got = await registry.ask({
    method: 'GET',
    host,
    repository: from.repository,
    to: `manifests/${digest}`,
    signal,
  });
  if (got.status !== 200) throw registry.refusal(got);
  if (digestOf(got.body) !== digest) throw new RegistryError(`the registry gave something else for ${digest}`);
  const { manifests, blobs } = contentOf(got.body);
  for (const child of manifests) {
    await copyManifest(request, child.digest, { name: child.digest, depth: as.depth + 1 });
  }
  for (const blob of blobs) await takeBlob(request, blob);
  const put = await registry.ask({
    method: 'PUT',
    host,
    repository: to.repository,
    to: `manifests/${as.name}`,
    headers: { 'content-type': got.headers.get('content-type') ?? '' },
    body: got.body,
    signal,
  });
  if (put.status !== 201) throw registry.refusal(put);
}

/** What has to be there before the manifest. Throws a RegistryError for what is no manifest. */
function contentOf(bytes: Uint8Array): ManifestContent {
  const unknown = new RegistryError('the manifest is of no form that FlyCD knows', 415);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw unknown;
  }
  if (typeof value !== 'object' || value === null) throw unknown;
  const { config, layers, manifests } = value as Record<string, unknown>;
  if (Array.isArray(manifests)) return { manifests: descriptorsIn(manifests, manifestBytesMax), blobs: [] };
  if (!Array.isArray(layers)) throw unknown;
  return { manifests: [], blobs: descriptorsIn([config, ...(layers as unknown[])], blobBytesMax) };
}

function descriptorsIn(values: readonly unknown[], bytesMax: number): readonly Descriptor[] {
  if (values.length > descriptorsMax) throw new RegistryError(`the image has more than ${descriptorsMax} parts`, 413);
  const found = new Map<string, Descriptor>();
  for (const value of values) {
    const { digest, size, mediaType } = (value ?? {}) as Record<string, unknown>;
    if (typeof mediaType === 'string' && foreignLayer.test(mediaType)) continue;
    if (typeof digest !== 'string' || !isDigest(digest) || typeof size !== 'number' || size < 0) {
      throw new RegistryError('the manifest names something without digest or size', 415);
    }
    if (size > bytesMax) throw new RegistryError(`${digest} has ${size} bytes, at most ${bytesMax} are copied`, 413);
    found.set(digest, { digest, size });
  }
  return [...found.values()];
}

/** Mounted where the registry does that, else sent, unless it is there. */
async function takeBlob(request: CopyRequest, blob: Descriptor): Promise<void> {
  const { registry, host, from, to, signal } = request;
  const { repository } = to;
  const there = await registry.ask({ method: 'HEAD', host, repository, to: `blobs/${blob.digest}`, signal });
  if (there.status === 200) return;
  const query = new URLSearchParams({ mount: blob.digest, from: from.repository }).toString();
  const begun = await registry.ask({
    method: 'POST',
    host,
    repository,
    to: `blobs/uploads/?${query}`,
    from: from.repository,
    signal,
  });
  if (begun.status === 201) return;
  if (begun.status !== 202) throw registry.refusal(begun);
  await sendBlob(request, blob, uploadIn(request, begun));
}

/** Where an upload goes on. */
function uploadIn({ host }: CopyRequest, answer: RegistryAnswer): URL {
  const location = answer.headers.get('location') ?? '';
  const base = registryOrigin(host);
  if (location === '' || !URL.canParse(location, base))
    throw new RegistryError('the registry names no place to upload to');
  return new URL(location, base);
}

async function sendBlob(request: CopyRequest, blob: Descriptor, begun: URL): Promise<void> {
  // One token does for all that goes into the repository: it is asked for before the first chunk is sent, not after.
  const { registry, host, from, to, signal } = request;
  const { repository } = to;
  let upload = begun;
  for (let sent = 0; sent < blob.size;) {
    const body = await partOf(request, blob, sent);
    const answer = await registry.ask({
      method: 'PATCH',
      host,
      repository,
      to: upload,
      from: from.repository,
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `${sent}-${sent + body.length - 1}`,
      },
      body,
      timeoutMs: chunkTimeoutMs,
      signal,
    });
    if (answer.status !== 202) throw registry.refusal(answer);
    upload = uploadIn(request, answer);
    sent += body.length;
  }
  upload.searchParams.set('digest', blob.digest);
  const done = await registry.ask({
    method: 'PUT',
    host,
    repository,
    to: upload,
    from: from.repository,
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(),
    timeoutMs: chunkTimeoutMs,
    signal,
  });
  if (done.status !== 201) throw registry.refusal(done);
}

/** The blob's bytes from `start` on, a chunk at most; from a registry that knows no ranges all of them, where they are few. */
async function partOf({ registry, host, from, signal }: CopyRequest, blob: Descriptor, start: number) {
  const end = Math.min(start + chunkBytes, blob.size);
  const answer = await registry.ask({
    method: 'GET',
    host,
    repository: from.repository,
    to: `blobs/${blob.digest}`,
    headers: { range: `bytes=${start}-${end - 1}` },
    bytesMax: wholeBlobBytesMax,
    timeoutMs: chunkTimeoutMs,
    signal,
  });
  const isPart = answer.status === 206;
  if (!isPart && answer.status !== 200) throw registry.refusal(answer);
  const bytes = isPart ? answer.body : answer.body.subarray(start);
  if (bytes.length !== (isPart ? end - start : blob.size - start)) {
    throw new RegistryError(`the registry gave another number of bytes of ${blob.digest}`);
  }
  return bytes;
}
