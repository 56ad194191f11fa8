import { machines } from '@distilled.cloud/fly-io';
import { describe, expect, test } from 'vitest';
import { client, operations, type Client } from './client.ts';
import { differencesOf, knownDifferences, leftOut } from './differences.ts';
import { exercises } from './exercises.ts';

const exercised = Object.keys(exercises).map((name) => `machines.${name}`);

describe('each operation of the client', () => {
  test('is exercised, or docs/simulator.md says why not', () => {
    const excused = operations.filter((operation) => leftOut.some(({ matches }) => matches(operation)));
    expect(operations.filter((operation) => !exercised.includes(operation) && !excused.includes(operation))).toEqual(
      [],
    );
    expect(exercised.filter((operation) => !operations.includes(operation))).toEqual([]);
    expect(excused.filter((operation) => exercised.includes(operation))).toEqual([]);
    expect(leftOut.filter(({ matches }) => !operations.some(matches)).map(({ name }) => name)).toEqual([]);
    expect(leftOut.filter(({ reason }) => reason === '')).toEqual([]);
  });

  const met = new Set<string>();

  test.each(Object.entries(exercises))('machines.%s is answered, and the answer decodes', async (name, exercise) => {
    const it = await client();
    await exercise(it);
    expect(it.answered).toContain(`machines.${name}`);
    for (const departure of it.departures) for (const { name } of differencesOf(departure)) met.add(name);
    expect(it.departures.filter((departure) => differencesOf(departure).length === 0)).toEqual([]);
  });

  test('every difference that docs/simulator.md names was met', () => {
    expect(knownDifferences.map(({ name }) => name).filter((name) => !met.has(name))).toEqual([]);
    expect(knownDifferences.filter(({ reason }) => reason === '')).toEqual([]);
  });
});

describe('the client knows a refusal', () => {
  const shop = { app_name: 'shop' } as const;
  const refusals: Readonly<Record<string, (it: Client) => Promise<unknown>>> = {
    NotFound: (it) => it.refused(machines.getApp, shop),
    async Forbidden(it) {
      it.world.addOrganization('other');
      it.world.grantToken('stranger', { organizations: ['other'] });
      await it.call('POST', '/apps', { name: 'shop', org_slug: 'other' }, { authorization: 'Bearer stranger' });
      return it.refused(machines.getApp, shop);
    },
    async Unauthorized(it) {
      it.world.tokens.clear();
      return it.refused(machines.getRegions, {});
    },
    BadRequest: (it) => it.refused(machines.listApps, { org_slug: '' }),
    async UnprocessableEntity(it) {
      await it.app();
      return it.refused(machines.createApp, { name: 'shop', org_slug: 'personal' });
    },
    async Conflict(it) {
      await it.machine({ name: 'one' });
      return it.refused(machines.createMachine, { ...shop, name: 'one', config: { image: 'shop:v1' } });
    },
    async TooManyRequests(it) {
      await it.app();
      const config = { image: 'shop:v1' };
      for (let n = 0; n < 3; n++) await it.ask(machines.createMachine, { ...shop, config });
      return it.refused(machines.createMachine, { ...shop, config });
    },
    async MachineStartFromCreatedState(it) {
      await it.app();
      const asked = { ...shop, config: { image: 'shop:v1' }, skip_launch: true };
      const { id = '' } = await it.ask(machines.createMachine, asked);
      return it.refused(machines.startMachine, { ...shop, machine_id: id });
    },
    async MachineWaitTimeout(it) {
      const { id } = await it.machine();
      return it.refused(machines.waitMachine, { ...shop, machine_id: id, state: 'suspended', timeout: 1 });
    },
    async ServiceUnavailable(it) {
      const { id } = await it.machine();
      const host = it.world.apps.get('shop')?.machines.get(id)?.host ?? '';
      await it.call('POST', `/_simulator/hosts/${host}/down`);
      return it.refused(machines.stopMachine, { ...shop, machine_id: id });
    },
  };

  test.each(Object.entries(refusals))('as %s', async (name, provoke) => {
    const it = await client({ rateLimits: name === 'TooManyRequests' });
    expect(await provoke(it)).toMatchObject({ _tag: name, message: expect.stringMatching(/\w/) });
  });
});
