import { join } from 'node:path';
import type { ServerResponse } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { IdleClock, systemClock } from '../../../src/model/base/clock.ts';
import { Fault } from '../../../src/model/base/fault.ts';
import { Lateness } from '../../../src/sources/mirror/lateness.ts';
import type { GitSourceRequest, Tree } from '../../../src/sources/tree/tree.ts';
import { makeBareRepository, startGitServer, type GitServer } from '../../servers/git-server.ts';
import { faultOf, MirrorPlace, recordMirrors, textOf } from '../recorded-mirrors.ts';

const place = new MirrorPlace();

/** Takes requests to some repositories and does not answer, until it is let go. */
async function hangingServer(
  hangs: (url: string) => boolean,
): Promise<GitServer & { letGo(): void; held(): number; destroy(): void }> {
  const held = new Set<ServerResponse>();
  let isHanging = true;
  const server = await startGitServer({
    root: place.served,
    before(request, response) {
      if (!isHanging || !hangs(request.url ?? '')) return false;
      held.add(response);
      response.on('close', () => held.delete(response));
      return true;
    },
  });
  place.closing(() => server.close());
  const destroy = (): void => {
    for (const response of held) response.destroy();
  };
  return {
    ...server,
    held: () => held.size,
    destroy,
    letGo() {
      isHanging = false;
      destroy();
    },
  };
}

const sourceOf = (server: GitServer, name: string): GitSourceRequest => ({
  url: `${server.url}/${name}.git`,
  ref: 'main',
  trust: 'config',
});

function patient(ms = 500) {
  const told: number[] = [];
  const patience = { ms, answered: () => void told.push(performance.now()) };
  return { told, ...place.mirrors({ clock: systemClock, patience }) };
}

describe('a repository that does not answer', () => {
  it('is left aside after a while, asked on, and told of when it answers', async () => {
    makeBareRepository(place.served, 'late.git').commit({ a: 'late' });
    place.repository.commit({ a: '1' });
    const server = await hangingServer((url) => url.includes('late'));
    const { mirrors, told } = patient();
    const began = performance.now();
    const fault = await faultOf(mirrors.tree(sourceOf(server, 'late')));
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(fault).toMatchObject({
      kind: 'transient',
      what: `git repository ${server.url}/late.git is not read`,
      why: 'git has not answered for more than 0.5 s',
    });
    expect(fault.next).toContain('FlyCD goes on asking');
    expect(server.held()).toBe(1);
    expect(await textOf(await mirrors.tree(sourceOf(server, 'config')), 'a')).toBe('1');
    // Nobody waits for it a second time.
    const again = performance.now();
    await faultOf(mirrors.tree(sourceOf(server, 'late')));
    expect(performance.now() - again).toBeLessThan(300);
    expect(told).toEqual([]);
    server.letGo();
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(0), 10_000);
    expect(await textOf(await mirrors.tree(sourceOf(server, 'late')), 'a')).toBe('late');
  });

  it('is so also where it says what its refs are, and sends none of it', async () => {
    makeBareRepository(place.served, 'late.git').commit({ a: 'late' });
    const server = await hangingServer(
      (url) => url.includes('late') && url.includes('git-upload-pack') && !url.includes('?'),
    );
    const { mirrors, told } = patient(800);
    expect(await faultOf(mirrors.tree(sourceOf(server, 'late')))).toMatchObject({ kind: 'transient' });
    server.letGo();
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(0), 10_000);
    // What was cut off is an answer, too: asked once more, it comes.
    await vi.waitFor(async () => {
      expect(await textOf(await mirrors.tree(sourceOf(server, 'late')), 'a')).toBe('late');
    }, 10_000);
  });

  it('that refuses in the end has answered: what it said is the reason from then on', async () => {
    const server = await hangingServer((url) => url.includes('gone'));
    const { mirrors, told } = patient();
    await faultOf(mirrors.tree(sourceOf(server, 'gone')));
    server.letGo();
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(0), 10_000);
    const fault = await faultOf(mirrors.tree(sourceOf(server, 'gone')));
    expect(fault.what).toContain('is not there');
  });

  it('is waited for by whoever reads the config repo, and by commands', async () => {
    place.repository.commit({ a: '1' });
    const server = await hangingServer(() => true);
    const { mirrors } = patient(200);
    const read = mirrors.tree({ ...sourceOf(server, 'config'), trust: 'operator' });
    const beside = recordMirrors({ folder: join(place.path, 'beside'), clock: systemClock }).mirrors;
    place.closing(() => beside.close());
    const without = beside.tree(sourceOf(server, 'config'));
    const early = await Promise.race([read, without, systemClock.sleep(1_000).then(() => 'nothing')]);
    expect(early).toBe('nothing');
    read.catch(() => undefined);
    without.catch(() => undefined);
    server.letGo();
    await Promise.allSettled([read, without]);
  });

  it('takes no turn from others, however many of them there are', async () => {
    place.repository.commit({ a: '1' });
    const server = await hangingServer((url) => url.includes('late'));
    const { mirrors } = patient(2_000);
    const late = ['1', '2', '3', '4', '5', '6', '7'].map((number) =>
      mirrors.tree(sourceOf(server, `late-${number}`)).then(
        () => 'read',
        (error: unknown) => error,
      ),
    );
    await vi.waitFor(() => expect(server.held()).toBe(4), 5_000);
    const began = performance.now();
    expect(await textOf(await mirrors.tree(sourceOf(server, 'config')), 'a')).toBe('1');
    // Two turns of three seconds go to what hangs.
    expect(performance.now() - began).toBeLessThan(8_000);
    for (const one of await Promise.all(late)) expect(one).toBeInstanceOf(Fault);
    server.letGo();
  }, 20_000);
});

describe('what is late', () => {
  function lateness() {
    const clock = new IdleClock();
    const told: number[] = [];
    let isSilent = true;
    let asked = 0;
    const patience = { ms: 10_000, answered: () => void told.push(clock.monotonic()) };
    const late = new Lateness({ clock, name: 'https://git.example/a', patience, isSilent: () => isSilent });
    /** Without an answer it gives up after 30 s. */
    const ask = async (): Promise<Tree> => {
      asked += 1;
      await clock.sleep(isSilent ? 30_000 : 100);
      throw new Fault({ kind: 'transient', what: 'it cannot be reached' });
    };
    return { clock, told, late, ask, asked: () => asked, answer: () => (isSilent = false) };
  }

  it('is asked again each minute until it answers, without anybody who asks', async () => {
    const { clock, told, late, ask, asked, answer } = lateness();
    late.late();
    await faultOf(late.soon(ask));
    await clock.sleep(10 * 60_000);
    expect(asked()).toBe(10);
    expect(late.isLate).toBe(true);
    answer();
    await clock.sleep(90_000);
    expect(told).toHaveLength(1);
    expect(late.isLate).toBe(false);
    await clock.sleep(10 * 60_000);
    expect(told).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('is forgotten where nobody has wanted it for an hour, and where the mirrors are closed', async () => {
    const { clock, late, ask, asked } = lateness();
    late.late();
    await faultOf(late.soon(ask));
    await clock.sleep(3 * 60 * 60_000);
    expect(asked()).toBeLessThanOrEqual(61);
    expect(clock.pending).toBe(0);
    await faultOf(late.soon(ask));
    await clock.sleep(40_000);
    late.close();
    const before = asked();
    await clock.sleep(60 * 60_000);
    expect(asked()).toBe(before);
  });
});
