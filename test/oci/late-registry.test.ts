import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/model/base/clock.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { createImageDigests } from '../../src/oci/digest.ts';
import { digest, startRegistry, type FakeRegistry } from '../servers/registry.ts';

let silent: FakeRegistry;
let well: FakeRegistry;
beforeEach(async () => {
  silent = await startRegistry();
  well = await startRegistry();
  silent.rule = () => true;
});
afterEach(async () => {
  await silent.close();
  await well.close();
});

function patient(ms = 400) {
  const answered = vi.fn();
  return {
    answered,
    digests: createImageDigests({ fetch, clock: systemClock, log: silentLog, patience: { ms, answered } }),
  };
}

async function took<T>(work: Promise<T>): Promise<{ readonly answer: T; readonly ms: number }> {
  const began = performance.now();
  return { answer: await work, ms: performance.now() - began };
}

describe('a registry that does not answer', () => {
  test('keeps nobody waiting for long, and for its other images not at all', async () => {
    const { digests, answered } = patient();
    const images = Array.from({ length: 30 }, (_unused, number) => `${silent.host}/a/b:v${number}`);
    const first = await took(Promise.all(images.map((image) => digests.resolve(image))));
    expect(first.answer.every((answer) => answer === undefined)).toBe(true);
    expect(first.ms).toBeLessThan(1_500);
    // No more at once than a registry bears.
    expect(silent.requests.length).toBe(6);
    const again = await took(digests.resolve(`${silent.host}/a/b:v1`));
    expect(again).toMatchObject({ answer: undefined });
    expect(again.ms).toBeLessThan(100);
    expect(answered).not.toHaveBeenCalled();
  });

  test('keeps nobody from another one, even without patience', async () => {
    const digests = createImageDigests({ fetch, clock: systemClock, log: silentLog });
    const waiting = Array.from({ length: 10 }, (_unused, number) => digests.resolve(`${silent.host}/a/b:w${number}`));
    const other = await took(digests.resolve(`${well.host}/a/b:v1`));
    expect(other.answer).toBe(digest);
    expect(other.ms).toBeLessThan(1_000);
    await silent.close();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => undefined));
  });

  test('is told of when it answers again, and its digests are known then', async () => {
    const { digests, answered } = patient();
    const held: (() => void)[] = [];
    silent.rule = (_request, response) => {
      held.push(() => response.writeHead(200, { 'docker-content-digest': digest }).end());
      return true;
    };
    const image = `${silent.host}/a/b:v1`;
    expect(await digests.resolve(image)).toBeUndefined();
    silent.rule = undefined;
    for (const answer of held) answer();
    await vi.waitFor(() => expect(answered).toHaveBeenCalledTimes(1), 5_000);
    expect(await digests.resolve(image)).toBe(digest);
  });

  test('that refuses in the end has answered', async () => {
    const { digests, answered } = patient();
    const held: (() => void)[] = [];
    silent.rule = (_request, response) => {
      held.push(() => response.writeHead(403).end());
      return true;
    };
    await digests.resolve(`${silent.host}/a/b:v1`);
    for (const answer of held) answer();
    await vi.waitFor(() => expect(answered).toHaveBeenCalledTimes(1), 5_000);
  });

  test('is waited for where one of its images hangs and others come', async () => {
    const { digests } = patient();
    silent.rule = ({ url }) => url?.includes('hangs') === true;
    const hanging = digests.resolve(`${silent.host}/a/hangs:v1`);
    await systemClock.sleep(200);
    expect(await digests.resolve(`${silent.host}/a/b:v1`)).toBe(digest);
    expect(await hanging).toBeUndefined();
    silent.rule = ({ url }, response) => {
      if (url?.includes('hangs') === true) return true;
      setTimeout(() => response.writeHead(200, { 'docker-content-digest': digest }).end(), 100);
      return true;
    };
    expect(await digests.resolve(`${silent.host}/a/other:v1`)).toBe(digest);
    expect((await took(digests.resolve(`${silent.host}/a/hangs:v1`))).ms).toBeLessThan(100);
  });

  test('that answered before is late for none of the tags that are known', async () => {
    const { digests } = patient();
    silent.rule = undefined;
    expect(await digests.resolve(`${silent.host}/a/b:v1`)).toBe(digest);
    silent.rule = () => true;
    expect(await digests.resolve(`${silent.host}/a/b:v2`)).toBeUndefined();
    expect(await digests.resolve(`${silent.host}/a/b:v1`)).toBe(digest);
  });
});
