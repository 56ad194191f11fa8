/** An app is adopted whole, or nothing of it. */
import { describe, expect, it } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { FleetOwner } from '../../../src/model/stamps/owner.ts';
import { planApp } from '../../../src/plan/app.ts';
import { desiredApp, group, input, machine, observed, type MachineParts, writes } from '../builders.ts';

const b = 'b'.repeat(32);

describe('an app of which another fleet keeps machines that are not taken over', () => {
  const owner: FleetOwner = { name: 'acme' };
  const both = desiredApp({
    groups: [group({ counts: { arn: 1 } }), group({ name: 'worker', counts: { arn: 1 } })],
  });
  const web = desiredApp({ groups: [group({ counts: { arn: 2 } })] });
  const words = { flycd_fleet: 'words', flycd_origin: 'n1:' };
  const of = (name: string, metadata: Readonly<Record<string, string | undefined>> = words, parts: MachineParts = {}) =>
    machine(both, { group: name, ...parts, metadata: { fly_process_group: name, ...metadata } });
  const adopting = (...machines: readonly Machine[]) =>
    planApp(input(web, observed({ machines }), { fleet: owner, options: { adopt: true } }));
  const kinds = (steps: readonly { readonly kind: string }[]) => steps.map(({ kind }) => kind);

  it('gets no label before a word about all of it, and nothing else is done', () => {
    const planned = adopting(of('web'), of('worker'));
    expect(writes(planned)).toEqual([]);
    expect(planned.status).toBe('blocked');
    expect(planned.holds).toMatchObject([
      {
        reason: 'owner',
        because: 'fleet words has 1 machine of process group worker, which git does not name',
        next: 'flycd adopt shop --from words takes over all that it has in the app; flycd diff then shows what happens to it. Or name worker in git, then flycd adopt shop',
      },
    ]);
    expect(kinds(planned.holds.flatMap(({ steps }) => steps))).toContain('machine.create');
  });

  it('gets nothing at all where none of what git names is theirs', () => {
    for (const beside of [[], [of('web', { flycd_fleet: undefined })], [of('web', { flycd_fleet: 'acme' })]]) {
      const planned = adopting(...beside, of('worker'), of('worker', words, { number: 2 }));
      expect(writes(planned)).toEqual([]);
      expect(planned.holds).toMatchObject([
        {
          reason: 'owner',
          because: 'fleet words has 2 machines of process group worker, which git does not name',
          next: 'flycd adopt shop --from words takes over all that it has in the app; flycd diff then shows what happens to it. Or name worker in git, then flycd adopt shop',
        },
      ]);
      expect(kinds(planned.holds.flatMap(({ steps }) => steps))).toContain('app.adopt');
    }
  });

  it('is named by its repo where nobody named its fleet', () => {
    const planned = adopting(of('web'), of('worker', { flycd_fleet: 'flycd', flycd_origin: `o1:${b}:` }));
    expect(planned.holds).toMatchObject([
      { because: expect.stringContaining(`the config repo of origin ${b.slice(0, 12)} has 1 machine`) },
    ]);
    expect(planned.holds[0]?.next).toContain(`flycd adopt shop --from ${b.slice(0, 12)} takes`);
  });

  it('says what it keeps of a group that git does name', () => {
    const planned = adopting(of('web'), of('web', { ...words, fly_platform_version: undefined }, { number: 2 }));
    expect(planned.holds).toMatchObject([
      {
        because: 'fleet words has 1 machine that git does not count',
        next: 'flycd adopt shop --from words takes over all that it has in the app; flycd diff then shows what happens to it',
      },
    ]);
  });

  it('says so before anybody adopts it', () => {
    const planned = planApp(input(web, observed({ machines: [of('web'), of('worker')] }), { fleet: owner }));
    expect(planned.holds).toMatchObject([
      {
        because:
          'fleet words owns this app; fleet words has 1 machine of process group worker, which git does not name',
        next: expect.stringContaining('flycd adopt shop --from words takes'),
      },
    ]);
    const whole = planApp(input(web, observed({ machines: [of('web')] }), { fleet: owner }));
    expect(whole.holds[0]?.next).toContain('flycd adopt shop (all its apps');
  });

  it('does not call a release command’s machine a process group', () => {
    const [hold] = adopting(of('web'), of('worker', { ...words, fly_process_group: 'fly_app_release_command' })).holds;
    expect(hold?.because).toBe('fleet words has 1 machine that git does not count');
  });

  it('and a third one has machines is taken over from each by a word of its own', () => {
    const machines = [of('web'), of('worker', { flycd_fleet: 'third', flycd_origin: 'n1:' })];
    for (const [name, other, id] of [
      ['words', 'third', 0],
      ['third', 'words', 1],
    ] as const) {
      const from: FleetOwner = { ...owner, from: { text: name, name, digits: undefined } };
      const planned = planApp(input(web, observed({ machines }), { fleet: from }));
      expect(planned.steps).toMatchObject([{ kind: 'machine.label', machineId: machines[id]?.id }]);
      expect(planned.holds).toMatchObject([
        { reason: 'owner', next: expect.stringContaining(`flycd adopt shop --from ${other}`) },
      ]);
    }
  });

  const ours = { flycd_fleet: 'acme', flycd_origin: undefined };
  const none = { flycd_fleet: undefined, flycd_origin: undefined };

  it.each([
    ['of a group that git does not name, taken over before', [of('web'), of('worker', ours)], {}, 'machine.destroy'],
    [
      'of a group that git names, and too many',
      [of('web'), of('web', ours, { number: 2 }), of('web', words, { number: 3 })],
      {},
      'machine.destroy',
    ],
    [
      'and too many of its own',
      [of('web'), of('web', words, { number: 2 }), of('web', words, { number: 3 })],
      {},
      'machine.destroy',
    ],
    ['an address', [of('web')], { network: { ips: [], autoPruneIps: true } }, 'address.release'],
  ] as const)(
    'is labelled first, where something would go that no plan has shown: %s',
    (_what, machines, more, kind) => {
      const app = { ...web, ...more };
      const wanted = input(app, observed({ machines, addresses: [{ ip: '2a09::1' }] }), {
        fleet: owner,
        options: { adopt: true },
      });
      const planned = planApp(wanted);
      expect(kinds(writes(planned))).toEqual(['app.adopt']);
      expect(planned.holds.map(({ reason, next }) => [reason, next])).toEqual([
        ['owner', 'flycd diff shows it once the app is adopted'],
      ]);
      expect(kinds(planned.holds.flatMap(({ steps }) => steps))).toContain(kind);
    },
  );

  it.each([
    ['taken over before', [of('web', ours), of('worker', ours)], { adopt: true }, true],
    ['taken over in this command, and planned again', [of('web', ours), of('worker', ours)], { adopted: true }, true],
    ['its own', [of('web', ours), of('worker', ours)], {}, false],
    ['made by flyctl', [1, 2, 3].map((number) => of('web', none, { number })), { adopt: true }, false],
  ] as const)('which is %s by now loses nothing in the command that adopts it', (_what, machines, options, isKept) => {
    const planned = planApp(input(web, observed({ machines }), { fleet: owner, options }));
    expect(kinds(writes(planned)).includes('machine.destroy')).toBe(!isKept);
    const held = planned.holds.filter(({ steps }) => kinds(steps).includes('machine.destroy'));
    expect(held.map(({ reason, next }) => [reason, next])).toEqual(
      isKept ? [['owner', 'flycd diff shows it, and flycd sync --once does it']] : [],
    );
  });

  it('keeps a secret that git does not name, until a plan has shown that it goes', () => {
    const app = { ...web, policy: { ...web.policy, prune: ['secrets'] as const } };
    const world = observed({ machines: [of('web')], secrets: [{ name: 'OLD', digest: 'd' }] });
    const memory = { evidence: { OLD: { mark: 'm', keyId: 'k', digest: 'd' } } };
    const planned = planApp(input(app, world, { fleet: owner, options: { adopt: true }, memory }));
    expect(kinds(writes(planned))).toEqual(['app.adopt']);
    expect(kinds(planned.holds.flatMap(({ steps }) => steps))).toContain('secret.unset');
  });

  it('is adopted at once where nothing of it goes', () => {
    const planned = adopting(of('web'));
    expect(planned.holds).toEqual([]);
    expect(kinds(writes(planned))).toContain('machine.create');
  });

  it('whoever does as the hold says removes it from the other repo last', () => {
    const held = (fleet: FleetOwner, ...machines: readonly Machine[]) =>
      planApp(input(web, observed({ machines }), { fleet })).holds[0]?.next;
    const last = "Then remove shop from words's config repo; not before, or words may destroy it";
    const all =
      'flycd adopt shop --from words takes over all that it has in the app; flycd diff then shows what happens to it';
    expect(held(owner, of('web'), of('worker'))).toBe(`${all}. Or name worker in git, then flycd adopt shop. ${last}`);
    // What words has is left to a word of its own.
    const third = 'flycd adopt shop --from third takes over all that it has in the app; then flycd adopt shop';
    const thirds = of('worker', { flycd_fleet: 'third', flycd_origin: 'n1:' });
    expect(held(owner, of('web'), thirds)).toBe(`${third}. Or name worker in git, then flycd adopt shop. ${last}`);
    // Of an app that two owners keep groups of.
    expect(held(owner, of('web'), of('worker', words, { number: 2 }), thirds)).toContain('then flycd adopt shop. Or ');
    const unnamed = { flycd_fleet: 'flycd', flycd_origin: `o1:${b}:` };
    const whole = all.replace('words', b.slice(0, 12));
    expect(held(owner, of('web', unnamed), of('worker', unnamed))).toBe(
      `if this repo replaces it: ${whole}. Or name worker in git, then flycd adopt shop; otherwise remove shop from one of the two`,
    );
  });

  it('is held for a host that does not answer beside that', () => {
    const one = of('web');
    const dark: Machine = { ...one, host_status: 'unreachable', config: undefined, incomplete_config: one.config };
    expect(adopting(dark).holds.map(({ reason }) => reason)).toEqual(['unreachable']);
    const planned = adopting(dark, of('web', words, { number: 2 }), of('worker'));
    expect(writes(planned)).toEqual([]);
    expect(planned.holds.map(({ reason }) => reason).toSorted()).toEqual(['owner', 'unreachable']);
  });

  it('is adopted whole where a copy made by hand, or what another owner has but begun, is all that is left', () => {
    for (const left of [
      of('worker', { ...words, flycd_machine: 'another' }),
      of('worker', { flycd_fleet: 'bbb', flycd_origin: 'n1:', flycd_begun: '1' }),
    ]) {
      const planned = adopting(of('web'), left);
      expect(planned.holds).toEqual([]);
      expect(kinds(writes(planned))).toContain('app.adopt');
    }
  });
});
