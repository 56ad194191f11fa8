import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { play, type Event } from './transcript.ts';

const app = (name: string, more = ''): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: "nginx:1@sha256:${'1'.repeat(64)}" }\nmachines: { count: 1 }\n${more}`;
const files = {
  'config/flycd.yaml': 'fleet: acme\nsync: { prune: [app] }\n',
  'config/shop/app.yaml': app('shop'),
  'config/old/app.yaml': app('old', 'mounts: [{ source: data, destination: /data }]\nnetwork: { ips: [{ v: v6 }] }\n'),
  'config/older/app.yaml': app('older'),
};

test('apps that git no longer names: one held with all that goes with it, one destroyed', async () => {
  const removed = (...names: readonly string[]): Event => ({
    says: `git no longer names ${names.join(' and ')}`,
    does: ({ folder }) => names.forEach((name) => rmSync(join(folder, 'config', name), { recursive: true })),
  });
  const text = await play({
    files,
    orderly: true,
    scenes: [
      'sync config --once',
      {
        says: 'somebody adds a certificate to old',
        does: ({ simulator }) =>
          void simulator.world.apps.get('old')?.certificates.set('shop.example.com', {
            hostname: 'shop.example.com',
            createdAt: 0,
            updatedAt: 0,
            acmeRequested: true,
            issuedAt: undefined,
            customSince: undefined,
            validating: undefined,
          }),
      },
      removed('old'),
      'diff config',
      'diff config --output markdown',
      'diff config --output json',
      'sync config --once --accept',
      'why old config',
      'sync config --once --accept-only odl',
      'sync config --once --accept-only shop',
      'sync config --once --accept-only old',
      'status config',
      removed('older'),
      'sync config --once',
      'status config',
      'history --config config',
    ],
  });
  await expect(text).toMatchFileSnapshot('golden/orphans.txt');
});
