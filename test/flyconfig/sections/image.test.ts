import { describe, expect, test } from 'vitest';
import { imageMatches, parseImage, pinned } from '../../../src/flyconfig/sections/image.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const other = `sha256:${'b'.repeat(64)}`;

test.each([
  ['nginx', 'nginx', undefined, undefined],
  ['nginx:1.27', 'nginx', '1.27', undefined],
  ['registry.fly.io/shop:deployment-01', 'registry.fly.io/shop', 'deployment-01', undefined],
  ['localhost:5000/shop', 'localhost:5000/shop', undefined, undefined],
  [`localhost:5000/shop:v1@${digest}`, 'localhost:5000/shop', 'v1', digest],
  [`nginx@${digest}`, 'nginx', undefined, digest],
])('%s', (ref, name, tag, found) => {
  expect(parseImage(ref)).toEqual({ name, tag, digest: found });
});

test.each([
  ['nginx', `nginx:latest@${digest}`],
  ['ghcr.io/a/b:v1', `ghcr.io/a/b:v1@${digest}`],
  [`ghcr.io/a/b:v1@${other}`, `ghcr.io/a/b:v1@${digest}`],
  [`nginx@${other}`, `nginx@${digest}`],
])('%s pinned', (ref, expected) => {
  expect(pinned(ref, digest)).toBe(expected);
});

describe('whether a machine runs the wanted image', () => {
  const hub = { registry: 'registry-1.docker.io', repository: 'library/nginx', tag: '1', digest };
  test.each([
    ['the digest of the config', { ref: 'nginx:2', digest }, { image: `nginx:1@${digest}`, imageRef: undefined }, true],
    ['the digest that the platform resolved', { ref: 'nginx:1', digest }, { image: 'nginx:1', imageRef: hub }, true],
    [
      'a digest in the wanted reference',
      { ref: `nginx@${digest}`, digest: undefined },
      { image: 'nginx:1', imageRef: hub },
      true,
    ],
    ['another digest', { ref: 'nginx:1', digest: other }, { image: `nginx:1@${digest}`, imageRef: hub }, false],
    [
      'a wanted digest and none on the machine',
      { ref: 'nginx:1', digest },
      { image: 'nginx:1', imageRef: undefined },
      false,
    ],
    [
      'no digest known, same name and tag',
      { ref: 'nginx:1', digest: undefined },
      { image: `docker.io/library/nginx:1@${digest}`, imageRef: hub },
      true,
    ],
    [
      'no digest known, no tag and latest',
      { ref: 'nginx', digest: undefined },
      { image: 'nginx:latest', imageRef: undefined },
      true,
    ],
    ['no digest known, another tag', { ref: 'nginx:2', digest: undefined }, { image: 'nginx:1', imageRef: hub }, false],
    [
      'no digest known, another registry',
      { ref: 'nginx:1', digest: undefined },
      { image: 'ghcr.io/library/nginx:1', imageRef: undefined },
      false,
    ],
    [
      'no digest known, only what was resolved',
      { ref: 'nginx:1', digest: undefined },
      { image: undefined, imageRef: hub },
      true,
    ],
    ['nothing known', { ref: 'nginx:1', digest: undefined }, { image: undefined, imageRef: null }, false],
  ])('%s', (_what, desired, live, expected) => {
    expect(imageMatches(desired, live)).toBe(expected);
  });
});
