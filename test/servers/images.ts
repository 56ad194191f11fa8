import { createHash } from 'node:crypto';

/** Where an image is pushed, and as whom. */
export interface RegistryPlace {
  /** http://127.0.0.1:port */
  readonly url: string;
  readonly token: string;
  readonly repository: string;
}

export interface PushedImage {
  /** Of the manifest, or of the index over it. */
  readonly digest: string;
  readonly config: string;
  readonly layers: readonly string[];
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

export function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function asked(place: RegistryPlace, method: string, path: string, body?: Uint8Array | string, type?: string) {
  const response = await fetch(new URL(path, place.url), {
    method,
    headers: { authorization: `Bearer ${place.token}`, ...(type === undefined ? {} : { 'content-type': type }) },
    ...(body === undefined ? {} : { body }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}

async function pushBlob(place: RegistryPlace, bytes: Uint8Array): Promise<{ digest: string; size: number }> {
  const digest = digestOf(bytes);
  const begun = await asked(place, 'POST', `/v2/${place.repository}/blobs/uploads/`);
  const location = new URL(begun.headers.get('location') ?? '', place.url);
  location.searchParams.set('digest', digest);
  await asked(place, 'PUT', location.href, bytes, 'application/octet-stream');
  return { digest, size: bytes.length };
}

/** Pushes an image with these layers under a tag; `platforms` over 1: an index with as many children. */
export async function pushImage(
  place: RegistryPlace,
  tag: string,
  layers: readonly Uint8Array[],
  platforms = 1,
): Promise<PushedImage> {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers' } }));
  const pushed = [];
  for (const bytes of [config, ...layers]) pushed.push(await pushBlob(place, bytes));
  const [first, ...others] = pushed;
  const children = [];
  for (let number = 0; number < platforms; number += 1) {
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...first },
      layers: others.map((layer) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer })),
      ...(number === 0 ? {} : { annotations: { platform: String(number) } }),
    });
    const name = platforms === 1 ? tag : digestOf(manifest);
    await asked(place, 'PUT', `/v2/${place.repository}/manifests/${name}`, manifest, manifestType);
    children.push({ mediaType: manifestType, digest: digestOf(manifest), size: manifest.length });
  }
  const found = { config: first?.digest ?? '', layers: others.map(({ digest }) => digest) };
  if (platforms === 1) return { digest: children[0]?.digest ?? '', ...found };
  const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: children });
  await asked(place, 'PUT', `/v2/${place.repository}/manifests/${tag}`, index, indexType);
  return { digest: digestOf(index), ...found };
}
