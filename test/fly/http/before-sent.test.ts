/** What its caller has to know of a write is asked right before it is sent, behind all that the client waits for. */
import { expect, test } from 'vitest';
import { Fault } from '../../../src/model/base/fault.ts';
import { machine, speakTo, thrownBy, type Reply } from '../fake-fly.ts';

const made: Reply = { status: 200, body: machine };
const later: Reply = { status: 429, body: { error: 'later' }, headers: { 'retry-after': '40' } };
const request = { config: { image: 'shop:1' } };

test('each time that it is sent, at that moment', async () => {
  await using bench = await speakTo((_arrival, nth) => (nth === 1 ? later : made));
  const { fly, server, clock } = bench;
  const began = clock.now();
  const asked: number[] = [];
  await fly.createMachine('shop', request, async () => void asked.push(clock.now() - began));
  expect(asked).toEqual(server.arrivals.map(({ at }) => at));
  expect(asked).toEqual([0, 40_000]);
});

test('behind what Fly asked for with another call, and behind its limits', async () => {
  await using bench = await speakTo((_arrival, nth) => (nth === 1 ? later : made));
  const { fly, server, clock } = bench;
  const began = clock.now();
  const asked: number[] = [];
  const create = () => fly.createMachine('shop', request, async () => void asked.push(clock.now() - began));
  const first = create();
  await clock.sleep(1000);
  await Promise.all([first, create(), create(), create(), create()]);
  expect(asked).toEqual(server.arrivals.map(({ at }) => at));
  expect(asked.at(-1)).toBeGreaterThan(41_000);
});

test('what it throws ends the call, which is not sent, and nobody waits for its place', async () => {
  await using bench = await speakTo((_arrival, nth) => (nth === 1 ? later : made));
  const { fly, server } = bench;
  const lost = new Fault({ kind: 'transient', what: 'lost the lease' });
  let times = 0;
  const error = await thrownBy(
    fly.createMachine('shop', request, async () => {
      if ((times += 1) > 1) throw lost;
    }),
  );
  expect(error).toBe(lost);
  expect(server.arrivals).toHaveLength(1);
  await Promise.all(Array.from({ length: 12 }, (_unused, index) => fly.createMachine(`shop-${index}`, request)));
  expect(server.arrivals).toHaveLength(13);
});
