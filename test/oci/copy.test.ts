import { afterEach, describe, expect, test } from 'vitest';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { SecretValue } from '../../src/model/base/secret-value.ts';
import { createRegistryImages, type RegistryImages } from '../../src/oci/images.ts';
import { pushImage, type PushedImage } from '../servers/images.ts';

const open: Simulator[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((simulator) => simulator.close()));
});

interface Stage {
  readonly clock: IdleClock;
  readonly simulator: Simulator;
  readonly images: RegistryImages;
  readonly push: (app: string, tag: string, layers: readonly Uint8Array[], platforms?: number) => Promise<PushedImage>;
  /** Methods and statuses of what was asked since the last look. */
  readonly asked: () => readonly string[];
}

async function stage(through: typeof fetch = fetch): Promise<Stage> {
  const clock = new IdleClock();
  const simulator = await startSimulator({ clock });
  open.push(simulator);
  const { url, token, world } = simulator;
  const host = new URL(url).host;
  for (const name of ['one', 'two']) {
    await clock.busy(() =>
      fetch(`${url}/v1/apps`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({ name, org_slug: 'personal' }),
      }),
    );
  }
  const password = new SecretValue(token);
  const images = createRegistryImages({ host, clock, fetch: through, credentials: () => ({ user: 'x', password }) });
  let seen = 0;
  return {
    clock,
    simulator,
    images,
    push: (app, tag, layers, platforms) =>
      clock.busy(() => pushImage({ url, token, repository: app }, tag, layers, platforms)),
    asked() {
      const all = world.requests.slice(seen);
      seen = world.requests.length;
      return all.map(({ method, path, status }) => `${method} ${path.split('/')[3] ?? ''} ${status}`);
    },
  };
}

const layers = [Buffer.from('first layer'), Buffer.from('second layer')];

test('an image is found by its tag, and not found where there is none', async () => {
  const { images, push } = await stage();
  const { digest } = await push('one', 'v1', layers);
  expect(await images.find('one', 'v1')).toBe(digest);
  expect(await images.find('one', 'v2')).toBeUndefined();
  expect(await images.find('two', 'v1')).toBeUndefined();
  expect(await images.find('nobody', 'v1')).toBeUndefined();
});

test.each([
  ['an image', 1],
  ['an index with all its children', 2],
])('%s is mounted whole, under the same digest', async (_name, platforms) => {
  const { images, push, asked, clock } = await stage();
  const { digest } = await push('one', 'v1', layers, platforms);
  asked();
  await images.copy({ from: { repository: 'one', digest }, to: { repository: 'two', tag: 'v1' } });
  expect(await images.find('two', 'v1')).toBe(digest);
  expect(asked().filter((line) => /^(?:PATCH|GET blobs)/.test(line))).toEqual([]);
  await images.copy({ from: { repository: 'one', digest }, to: { repository: 'two', tag: 'again' } });
  expect(asked().filter((line) => line.startsWith('POST'))).toEqual([]);
  expect(clock.pending).toBe(0);
});

const urlOf = (input: Parameters<typeof fetch>[0]): string => new Request(input).url;

/** A registry that mounts nothing: the question for a mount is a plain upload. */
const withoutMounts: typeof fetch = (input, init) => fetch(urlOf(input).replace(/\?mount=.*/, ''), init);

describe('where nothing is mounted', () => {
  const large = Buffer.alloc(17 * 1024 * 1024, 'layer');

  test('blobs are sent, in chunks', async () => {
    const { images, push, asked } = await stage(withoutMounts);
    const { digest } = await push('one', 'v1', [large, Buffer.alloc(0)]);
    asked();
    await images.copy({ from: { repository: 'one', digest }, to: { repository: 'two', tag: 'v1' } });
    expect(await images.find('two', 'v1')).toBe(digest);
    expect(asked().filter((line) => line.startsWith('PATCH'))).toHaveLength(4);
  });

  test('also by a registry that knows no ranges, where they are small', async () => {
    const withoutRanges: typeof fetch = (input, init) => {
      const headers = new Headers(init?.headers);
      headers.delete('range');
      return withoutMounts(input, { ...init, headers });
    };
    const { images, push } = await stage(withoutRanges);
    const { digest } = await push('one', 'v1', [large]);
    await images.copy({ from: { repository: 'one', digest }, to: { repository: 'two', tag: 'v1' } });
    expect(await images.find('two', 'v1')).toBe(digest);
  });

  test('a copy that breaks off goes on', async () => {
    const { images, push, simulator, asked } = await stage(withoutMounts);
    const { digest } = await push('one', 'v1', [large]);
    simulator.world.faults.add({ template: 'PATCH /v2/{app}/blobs/uploads/{upload}', fault: 'reset-after', nth: 3 });
    asked();
    await images.copy({ from: { repository: 'one', digest }, to: { repository: 'two', tag: 'v1' } });
    expect(await images.find('two', 'v1')).toBe(digest);
    const heads = asked().filter((line) => line === 'HEAD blobs 200');
    expect(heads, 'the config, sent before, is not sent again').toHaveLength(1);
  });
});

test('what may not be read or written says so, and nothing of the token', async () => {
  const { images, push, simulator } = await stage();
  const { digest } = await push('one', 'v1', layers);
  const { world } = simulator;
  const other = world.addOrganization('other');
  const two = world.apps.get('two');
  if (two === undefined) throw new Error('no app');
  two.organization = other;
  const copied = images.copy({ from: { repository: 'one', digest }, to: { repository: 'two', tag: 'v1' } });
  const fault = await copied.catch((error: unknown) => error);
  expect(fault).toMatchObject({
    kind: 'transient',
    what: 'the image of one could not be copied to two',
    why: 'the registry does not let FlyCD in',
  });
  expect(String((fault as Error).stack)).not.toContain(simulator.token);
});

test('a manifest that is not what its digest says is not passed on', async () => {
  const lying: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    const lies = init?.method === 'GET' && urlOf(input).includes('/manifests/');
    return lies ? new Response('{"layers":[]}', { headers: answer.headers }) : answer;
  };
  const { images, push } = await stage(lying);
  const { digest } = await push('one', 'v1', layers);
  await expect(
    images.copy({ from: { repository: 'one', digest }, to: { repository: 'two', tag: 'v1' } }),
  ).rejects.toMatchObject({ why: `the registry gave something else for ${digest}` });
  expect(await images.find('two', 'v1')).toBeUndefined();
});

test('FLY_REGISTRY_HOST is a host', () => {
  const clock = new IdleClock();
  for (const host of ['https://registry.fly.io', 'a/b', '']) {
    expect(() => createRegistryImages({ host, clock, fetch, credentials: () => undefined })).toThrow(
      /is no image registry/,
    );
  }
});
