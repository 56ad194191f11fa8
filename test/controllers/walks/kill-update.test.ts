import { describe, expect, test } from 'vitest';
import { changedFleet, walkFleet, type Files } from '../arena.ts';
import { walkKills } from '../kill-walk.ts';

const inRegions = (regions: string): Files => ({
  'flycd.yaml': 'fleet: walk\n',
  'shop/app.yaml': `app: shop
primary_region: arn
extra_regions: [${regions}]
deploy_params: [--ha=false]
build: { image: "docker.io/acme/shop:1" }
http_service: { internal_port: 8080, min_machines_running: 2 }
network: { ips: [] }
`,
});

describe('kill -9 at each API call, then sync --once: the end state of an undisturbed run', () => {
  test('of an update of every machine', async () => {
    const files = changedFleet('GREETING: hello', 'GREETING: goodbye');
    expect(await walkKills([walkFleet], files)).toBeGreaterThan(20);
  }, 120_000);

  test('of a rotated secret', async () => {
    const files = changedFleet('raw: correct-horse', 'raw: battery-staple');
    expect(await walkKills([walkFleet], files)).toBeGreaterThan(10);
  }, 120_000);

  test('of a rotated secret, by one that has lost the database', async () => {
    const files = changedFleet('raw: correct-horse', 'raw: battery-staple');
    expect(await walkKills([walkFleet], files, 'another-state')).toBeGreaterThan(10);
  }, 120_000);

  test('of a scale down', async () => {
    expect(await walkKills([walkFleet], changedFleet('count: 2', 'count: 1'))).toBeGreaterThan(5);
  }, 120_000);

  test.each([
    ['', 'state'],
    [', by one that has lost the database', 'another-state'],
  ])(
    'of a region that git names newly%s',
    async (_what, heir) => {
      expect(await walkKills([inRegions('')], inRegions('ams'), heir)).toBeGreaterThan(5);
    },
    120_000,
  );
});
