/**
 * Fly's image registry: one repository an app, named as the app, for whoever may read or write the app. By the
 * distribution specification, as far as clients that push, pull and mount ask for it.
 */
import { isObject } from '../wire/body.ts';
import { noContent, type RequestContext, type Route } from '../http/request-context.ts';
import { reaches } from '../http/access.ts';
import type { App } from '../world/records.ts';
import {
  blobBytesMost,
  digestOf,
  manifestBytesMost,
  type Manifest,
  type Repository,
  type Upload,
} from '../world/registry-storage.ts';
import { Refusal, type Reply } from '../wire/replies.ts';

const prefix = '/v2';
/** One request: clients send a layer whole or in chunks, and this is memory. */
export const registryBodyBytesMost = 128 * 1024 * 1024;

const digestForm = /^sha256:[0-9a-f]{64}$/;
const tagForm = /^\w[\w.-]{0,127}$/;
const indexTypes = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
const manifestTypes = new Set([
  ...indexTypes,
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);

export function isRegistryPath(path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

const codes: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NOT_FOUND',
  405: 'UNSUPPORTED',
  413: 'SIZE_INVALID',
  429: 'TOOMANYREQUESTS',
};

/** The platform's no as registries say it; 401 asks for the password that docker logs in with. */
export function registryRefusal(status: number, message: string, code = codes[status] ?? 'UNKNOWN'): Refusal {
  const headers = { 'docker-distribution-api-version': 'registry/2.0' };
  const challenge = status === 401 ? { 'www-authenticate': 'Basic realm="registry.fly.io"' } : {};
  return new Refusal(status, { errors: [{ code, message, detail: null }] }, { ...headers, ...challenge });
}

interface Place {
  readonly app: App;
  readonly repository: Repository;
}

function placeOf(call: RequestContext, access: 'pull' | 'push'): Place {
  const name = call.params['app'] ?? '';
  const app = call.world.apps.get(name);
  if (app === undefined) throw registryRefusal(404, `repository ${name} is not known`, 'NAME_UNKNOWN');
  const allowed = reaches(call.grant, app) && (access === 'pull' || !call.grant.readOnly);
  if (!allowed) throw registryRefusal(403, 'requested access to the resource is denied');
  return { app, repository: call.world.registry.repository(app.id) };
}

function ping(): Reply {
  return { status: 200, body: {}, headers: { 'docker-distribution-api-version': 'registry/2.0' } };
}

function getManifest(call: RequestContext): Reply {
  const { repository } = placeOf(call, 'pull');
  const reference = call.params['reference'] ?? '';
  const digest = digestForm.test(reference) ? reference : repository.tags.get(reference);
  const manifest = repository.manifests.get(digest ?? '');
  if (digest === undefined || manifest === undefined) {
    throw registryRefusal(404, `manifest ${reference} is not known`, 'MANIFEST_UNKNOWN');
  }
  const headers = { 'content-type': manifest.type, 'docker-content-digest': digest };
  return { status: 200, body: manifest.bytes, headers };
}

function putManifest(call: RequestContext): Reply {
  const { app, repository } = placeOf(call, 'push');
  const reference = call.params['reference'] ?? '';
  const { bytes } = call.content;
  if (bytes.length > manifestBytesMost) throw registryRefusal(413, 'the manifest is too large');
  const manifest = checkedManifest(repository, call);
  const digest = digestOf(bytes);
  if (digestForm.test(reference)) {
    if (reference !== digest) throw registryRefusal(400, `the manifest's digest is ${digest}`, 'DIGEST_INVALID');
  } else {
    if (!tagForm.test(reference)) throw registryRefusal(400, `${reference} is no tag`, 'TAG_INVALID');
    repository.tags.set(reference, digest);
  }
  repository.manifests.set(digest, manifest);
  const location = `${prefix}/${app.name}/manifests/${digest}`;
  return { status: 201, headers: { location, 'docker-content-digest': digest } };
}

/** All that it names has to be there before it. */
function checkedManifest(repository: Repository, { content }: RequestContext): Manifest {
  const invalid = (why: string): Refusal => registryRefusal(400, why, 'MANIFEST_INVALID');
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(content.bytes).toString());
  } catch {
    throw invalid('the manifest is no JSON');
  }
  if (!isObject(value)) throw invalid('the manifest is no object');
  const written = value['mediaType'];
  const type = content.type === '' && typeof written === 'string' ? written : content.type;
  if (!manifestTypes.has(type)) throw invalid(`media type ${JSON.stringify(type)} is not supported`);
  if (typeof written === 'string' && written !== type) throw invalid(`it says ${written} and was sent as ${type}`);
  const isIndex = indexTypes.has(type);
  const layers = Array.isArray(value['layers']) ? (value['layers'] as unknown[]) : [];
  const children = Array.isArray(value['manifests']) ? (value['manifests'] as unknown[]) : [];
  for (const named of isIndex ? children : [value['config'], ...layers]) {
    const digest = isObject(named) ? named['digest'] : undefined;
    if (typeof digest !== 'string' || !digestForm.test(digest)) throw invalid('a descriptor has no digest');
    const there = isIndex ? repository.manifests.has(digest) : repository.blobs.has(digest);
    if (!there) throw registryRefusal(400, `${digest} is not known`, 'MANIFEST_BLOB_UNKNOWN');
  }
  return { type, bytes: content.bytes };
}

function getBlob(call: RequestContext): Reply {
  const { repository } = placeOf(call, 'pull');
  const digest = call.params['digest'] ?? '';
  const bytes = repository.blobs.has(digest) ? call.world.registry.blobs.get(digest) : undefined;
  if (bytes === undefined) throw registryRefusal(404, `blob ${digest} is not known`, 'BLOB_UNKNOWN');
  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
  };
  const range = /^bytes=(\d+)-(\d*)$/.exec(call.content.range);
  if (range === null) return { status: 200, body: bytes, headers };
  const from = Number(range[1]);
  const to = Math.min(range[2] === '' ? Infinity : Number(range[2]), bytes.length - 1);
  if (from > to) throw new Refusal(416, undefined, { 'content-range': `bytes */${bytes.length}` });
  const part = bytes.subarray(from, to + 1);
  return { status: 206, body: part, headers: { ...headers, 'content-range': `bytes ${from}-${to}/${bytes.length}` } };
}

function listTags(call: RequestContext): Reply {
  const { app, repository } = placeOf(call, 'pull');
  const tags = [...repository.tags.keys()].toSorted();
  const last = call.query.get('last');
  const after = last === null ? tags : tags.filter((tag) => tag > last);
  const page = after.slice(0, Number(call.query.get('n') ?? tags.length));
  const next = page.at(-1);
  const more = page.length < after.length && next !== undefined;
  const link = `<${prefix}/${app.name}/tags/list?n=${page.length}&last=${next ?? ''}>; rel="next"`;
  return { status: 200, body: { name: app.name, tags: page }, headers: more ? { link } : {} };
}

/** Begins an upload, takes a whole blob, or takes one over from a repository that the token may read. */
function startUpload(call: RequestContext): Reply {
  const place = placeOf(call, 'push');
  const { world, query, content } = call;
  const mount = query.get('mount');
  const mounted = mount !== null && mountable(call, mount, query.get('from') ?? '');
  if (mount !== null && mounted) {
    place.repository.blobs.add(mount);
    return stored(place, mount);
  }
  const id = world.draw(place.app, 'upload', 32);
  const upload: Upload = { app: place.app.id, chunks: [], bytes: 0 };
  const digest = query.get('digest');
  if (digest !== null) {
    take(upload, content.bytes);
    return keep(call, place, { upload, digest });
  }
  world.registry.uploads.set(id, upload);
  return progress(place, id, upload);
}

/** What may not be read is not mounted, and not told apart from what is not there. */
function mountable(call: RequestContext, digest: string, from: string): boolean {
  const source = call.world.apps.get(from);
  if (source === undefined || !reaches(call.grant, source)) return false;
  return call.world.registry.repository(source.id).blobs.has(digest);
}

function take(upload: Upload, bytes: Uint8Array): void {
  upload.chunks.push(bytes);
  upload.bytes += bytes.length;
  if (upload.bytes > blobBytesMost) throw registryRefusal(413, 'the blob is too large');
}

function uploadOf(call: RequestContext, place: Place): { readonly id: string; readonly upload: Upload } {
  const id = call.params['upload'] ?? '';
  const upload = call.world.registry.uploads.get(id);
  if (upload?.app !== place.app.id) throw registryRefusal(404, `upload ${id} is not known`, 'BLOB_UPLOAD_UNKNOWN');
  return { id, upload };
}

function patchUpload(call: RequestContext): Reply {
  const place = placeOf(call, 'push');
  const { id, upload } = uploadOf(call, place);
  const range = /^(\d+)-(\d+)$/.exec(call.content.range);
  if (range !== null && Number(range[1]) !== upload.bytes) {
    throw new Refusal(416, undefined, progress(place, id, upload).headers);
  }
  take(upload, call.content.bytes);
  return progress(place, id, upload);
}

function finishUpload(call: RequestContext): Reply {
  const place = placeOf(call, 'push');
  const { id, upload } = uploadOf(call, place);
  take(upload, call.content.bytes);
  call.world.registry.uploads.delete(id);
  return keep(call, place, { upload, digest: call.query.get('digest') ?? '' });
}

function keep(call: RequestContext, place: Place, blob: { readonly upload: Upload; readonly digest: string }): Reply {
  const bytes = Buffer.concat(blob.upload.chunks);
  const found = digestOf(bytes);
  if (found !== blob.digest) throw registryRefusal(400, `the blob's digest is ${found}`, 'DIGEST_INVALID');
  call.world.registry.blobs.set(found, bytes);
  place.repository.blobs.add(found);
  return stored(place, found);
}

function stored({ app }: Place, digest: string): Reply {
  const location = `${prefix}/${app.name}/blobs/${digest}`;
  return { status: 201, headers: { location, 'docker-content-digest': digest } };
}

function progress({ app }: Place, id: string, upload: Upload): Reply & { headers: Record<string, string> } {
  return {
    status: 202,
    headers: {
      location: `${prefix}/${app.name}/blobs/uploads/${id}`,
      range: `0-${Math.max(0, upload.bytes - 1)}`,
      'docker-upload-uuid': id,
    },
  };
}

function dropUpload(call: RequestContext): Reply {
  const { id } = uploadOf(call, placeOf(call, 'push'));
  call.world.registry.uploads.delete(id);
  return { status: 204 };
}

export const registryRoutes: readonly Route[] = [
  { operation: 'GET /v2', handle: ping },
  { operation: 'GET /v2/{app}/manifests/{reference}', handle: getManifest },
  { operation: 'HEAD /v2/{app}/manifests/{reference}', handle: getManifest },
  { operation: 'PUT /v2/{app}/manifests/{reference}', handle: putManifest, binary: true },
  { operation: 'GET /v2/{app}/blobs/{digest}', handle: getBlob },
  { operation: 'HEAD /v2/{app}/blobs/{digest}', handle: (call) => getBlob({ ...call, content: noContent }) },
  { operation: 'GET /v2/{app}/tags/list', handle: listTags },
  { operation: 'POST /v2/{app}/blobs/uploads', handle: startUpload, binary: true },
  { operation: 'PATCH /v2/{app}/blobs/uploads/{upload}', handle: patchUpload, binary: true },
  { operation: 'PUT /v2/{app}/blobs/uploads/{upload}', handle: finishUpload, binary: true },
  { operation: 'DELETE /v2/{app}/blobs/uploads/{upload}', handle: dropUpload, binary: true },
];
