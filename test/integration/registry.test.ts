import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import { systemClock } from '../../src/model/base/clock.ts';
import { temporaryFolder } from '../servers/git-server.ts';
import { digestOf } from '../servers/images.ts';

const hasSkopeo = spawnSync('skopeo', ['--version']).status === 0;
if (!hasSkopeo) process.stderr.write('skopeo is not installed: nobody but our own client pushes to the registry\n');

const folder = temporaryFolder('flycd-skopeo-');
const open: Simulator[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((simulator) => simulator.close()));
  folder.remove();
});

/** An OCI layout on disk, of an index over two manifests that share a layer. */
function layout(path: string): { readonly index: string; readonly layer: string } {
  mkdirSync(join(path, 'blobs/sha256'), { recursive: true });
  const put = (bytes: string) => {
    const digest = digestOf(bytes);
    writeFileSync(join(path, 'blobs', digest.replace(':', '/')), bytes);
    return { digest, size: bytes.length };
  };
  const layer = put('the bytes of a layer');
  const manifests = ['amd64', 'arm64'].map((architecture) => {
    const config = put(
      JSON.stringify({ architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: [layer.digest] } }),
    );
    const manifest = put(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
      }),
    );
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    return { mediaType, ...manifest, platform: { architecture, os: 'linux' } };
  });
  const type = 'application/vnd.oci.image.index.v1+json';
  const index = put(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }));
  const named = { mediaType: type, ...index, annotations: { 'org.opencontainers.image.ref.name': 'v1' } };
  writeFileSync(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  writeFileSync(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return { index: index.digest, layer: layer.digest };
}

function skopeo(args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('skopeo', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, said }));
  });
}

describe.skipIf(!hasSkopeo)('skopeo', () => {
  test('pushes, mounts, lists and pulls an index with all it names', async () => {
    const simulator = await startSimulator({ clock: systemClock });
    open.push(simulator);
    const { token, world } = simulator;
    const host = new URL(simulator.url).host;
    const authorization = `Bearer ${token}`;
    for (const name of ['shop', 'shop-staging']) {
      const body = JSON.stringify({ name, org_slug: 'personal' });
      await fetch(`${simulator.url}/v1/apps`, { method: 'POST', headers: { authorization }, body });
    }
    const made = layout(join(folder.path, 'layout'));
    const copy = ['copy', '--all', '--preserve-digests', '--src-tls-verify=false', '--dest-tls-verify=false'];
    const from = ['--src-creds', `x:${token}`];
    const to = ['--dest-creds', `x:${token}`];
    const pushed = await skopeo([...copy, ...to, `oci:${folder.path}/layout:v1`, `docker://${host}/shop:v1`]);
    expect(pushed).toMatchObject({ code: 0 });
    const before = world.requests.length;
    const moved = await skopeo([
      ...copy,
      ...from,
      ...to,
      `docker://${host}/shop:v1`,
      `docker://${host}/shop-staging:v1`,
    ]);
    expect(moved).toMatchObject({ code: 0 });
    const asked = world.requests.slice(before);
    const uploads = asked.filter(({ method }) => method === 'PATCH');
    const mounts = asked.filter(({ method, status }) => method === 'POST' && status === 201);
    // It never mounts a config.
    expect([uploads.length, mounts.length], 'the two configs are sent, the layer is mounted').toEqual([2, 1]);
    const tags = await skopeo([
      'list-tags',
      '--tls-verify=false',
      '--creds',
      `x:${token}`,
      `docker://${host}/shop-staging`,
    ]);
    expect(JSON.parse(tags.said)).toMatchObject({ Tags: ['v1'] });
    const pulled = join(folder.path, 'pulled');
    expect(await skopeo([...copy, ...from, `docker://${host}/shop-staging:v1`, `dir:${pulled}`])).toMatchObject({
      code: 0,
    });
    expect(digestOf(readFileSync(join(pulled, 'manifest.json')))).toBe(made.index);
    expect(digestOf(readFileSync(join(pulled, made.layer.replace('sha256:', ''))))).toBe(made.layer);
  });

  test('is refused without the token', async () => {
    const simulator = await startSimulator({ clock: systemClock });
    open.push(simulator);
    const host = new URL(simulator.url).host;
    const asked = await skopeo(['inspect', '--tls-verify=false', '--creds', 'x:wrong', `docker://${host}/shop:v1`]);
    expect(asked.code).not.toBe(0);
    expect(asked.said).toMatch(/unauthorized|authentication required|invalid username\/password/);
  });
});
