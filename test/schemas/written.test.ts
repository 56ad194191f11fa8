import { describe, expect, it } from 'vitest';
import { durationSeconds, plainName } from '../../schemas/written.ts';
import { Settings } from '../../schemas/settings.ts';

describe('names that stand in URLs', () => {
  it.each(['personal', 'acme-2', 'Acme', 'my_net', 'a.b', 'x'.repeat(63)])('%s is one', (name) => {
    expect(plainName().safeParse(name).success).toBe(true);
  });

  it.each(['', '.', '..', '../x', 'a/b', 'y?z', 'a#b', 'a b', 'a%2fb', '-a', 'a\nb', 'ö', 'x'.repeat(64)])(
    '%j is none',
    (name) => {
      expect(plainName().safeParse(name).success).toBe(false);
    },
  );
});

describe('durations', () => {
  it.each([
    ['90s', 90],
    ['3m', 180],
    ['1h30m', 5400],
    ['1.5h', 5400],
    ['500ms', 0.5],
    ['45', 45],
    [45, 45],
    [0, 0],
    ['', undefined],
    ['3', 3],
    ['3 m', undefined],
    ['3d', undefined],
    ['-3s', undefined],
    [-3, undefined],
    [Number.NaN, undefined],
  ])('%s', (written, seconds) => {
    expect(durationSeconds(written)).toBe(seconds);
  });
});

describe('flycd.yaml', () => {
  it('is read whole', () => {
    const settings = {
      config_repo: 'https://example.com/config',
      ref: 'main',
      data_dir: '/data',
      interval: '3m',
      concurrency: '4',
      webhook: { port: 8080, path: '/hook', interface: '127.0.0.1' },
      fleet: 'acme',
      sync: { auto: false, drift: 'off', prune: 'app', max_deletes: 0, interval: 60 },
    };
    expect(Settings.parse(settings)).toStrictEqual({
      ...settings,
      concurrency: 4,
      sync: { ...settings.sync, prune: ['app'] },
    });
  });

  it.each([
    { concurency: 4 },
    { webhook: { secret: 'x' } },
    { webhook: { path: 'hook' } },
    { fleet: 'a/b' },
    { sync: { windows: [{ schedule: '0 9 * *', duration: '8h' }] } },
    { sync: { windows: [{ schedule: '0 9 * * 1-5' }] } },
    { sync: { windows: [{ schedule: '0 9 * * 1-5', duration: '8h', timezone: 'Europe/Stockhlm' }] } },
  ])('refuses %j', (settings) => {
    expect(Settings.safeParse(settings).success).toBe(false);
  });
});
