import { describe, expect, test } from 'vitest';
import type { Files } from '../arena.ts';
import { walk } from '../kill-walk.ts';

const shop = (image: string, greeting: string): Files => ({
  'flycd.yaml': 'fleet: walk\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}
env:
  GREETING: ${greeting}
http_service:
  internal_port: 8080
  checks:
    - path: /health
      interval: 2s
      timeout: 1s
deploy:
  wait_timeout: 6s
machines:
  count: 2
network:
  ips: []
`,
});

describe('kill -9 at each API call: the end state of an undisturbed one', () => {
  test('of a release that fails and goes back, by one that has lost the database', async () => {
    const codes = { whole: 1, next: [1, 4], diff: 4 };
    const before = [shop('shop:1', 'one')];
    const files = shop('failing-check:2', 'two');
    expect(await walk({ before, files, heir: 'another-state', codes })).toBeGreaterThan(20);
  }, 240_000);

  test.each([
    ['the same FlyCD', 'state'],
    ['one that has lost the database', 'another-state'],
  ])(
    'of a rollback, by %s',
    async (_who, heir) => {
      const codes = { whole: 0, next: [0], diff: 4 };
      const before = [shop('shop:1', 'one'), shop('shop:2', 'two')];
      const rollback = ['rollback', 'shop'];
      const walked = await walk({ before, files: shop('shop:2', 'two'), heir, argv: rollback, next: rollback, codes });
      expect(walked).toBeGreaterThan(20);
    },
    240_000,
  );
});
