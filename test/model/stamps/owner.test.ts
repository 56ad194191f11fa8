import { describe, expect, it, test } from 'vitest';
import { isDestroyLease, isOwnLease } from '../../../src/model/stamps/lease-holder.ts';
import { isFrom } from '../../../src/model/stamps/predecessor.ts';
import * as fc from '../../property.ts';
import { compareOrigins, formatOrigin, parseOrigin, type Origin } from '../../../src/model/stamps/origin.ts';
import {
  isNamedOwn,
  isOwn,
  isPresumed,
  otherOwner,
  ownerStamps,
  type FleetOwner,
} from '../../../src/model/stamps/owner.ts';

const [a, b] = ['a'.repeat(32), 'b'.repeat(32)];
const [one, two] = ['1'.repeat(40), '2'.repeat(40)];
const origin = (address?: string, root?: string): Origin => ({ address, root });

describe('compareOrigins', () => {
  it.each<readonly [string, Origin | undefined, Origin | undefined, string]>([
    ['one address', origin(a, one), origin(a, one), 'same'],
    ['one address, of a history that was written anew', origin(a, one), origin(a, two), 'same'],
    ['a fork, or a move', origin(a, one), origin(b, one), 'other'],
    ['two repos', origin(a, one), origin(b, two), 'other'],
    ['a clone without a remote', origin(a, one), origin(undefined, one), 'same'],
    ['another without a remote', origin(a, one), origin(undefined, two), 'other'],
    ['a shallow clone', origin(a, one), origin(a), 'same'],
    ['a shallow clone of another', origin(a, one), origin(b), 'other'],
    ['nothing in common', origin(a), origin(undefined, one), 'unknown'],
    ['nothing on one side', origin(a, one), undefined, 'unknown'],
    ['nothing at all', undefined, undefined, 'unknown'],
  ])('%s', (_what, left, right, expected) => {
    expect(compareOrigins(left, right)).toBe(expected);
    expect(compareOrigins(right, left)).toBe(expected);
  });
});

describe('the stamp', () => {
  it.each([
    [origin(a, one), `o1:${a}:${one}`],
    [origin(a), `o1:${a}:`],
    [origin(undefined, one), `o1::${one}`],
  ])('is written and read: %j', (value, text) => {
    expect(formatOrigin(value)).toBe(text);
    expect(parseOrigin(text)).toEqual(value);
  });

  it.each(['', 'o1::', `o2:${a}:${one}`, `o1:${a}`, 'o1:xyz:', `o1:${a}:${one}:more`, 'anything'])(
    'of another scheme counts as none: %j',
    (text) => expect(parseOrigin(text)).toBeUndefined(),
  );
});

const unnamed: FleetOwner = { name: 'flycd', origin: origin(a, one) };
const named: FleetOwner = { name: 'acme', unwritten: 'flycd', origin: origin(a, one) };
const outside: FleetOwner = { name: 'flycd' };
const stamped = (fleet: string, text?: string) => ({
  flycd_fleet: fleet,
  ...(text === undefined ? {} : { flycd_origin: text }),
});

const mine = `o1:${a}:${one}`;
const theirs = `o1:${b}:${two}`;

describe('whose a machine is', () => {
  it.each<readonly [string, FleetOwner, Readonly<Record<string, string>>, 'ours' | 'presumed' | 'theirs' | "nobody's"]>(
    [
      ['no stamp', unnamed, {}, "nobody's"],
      ['no name', unnamed, stamped(''), "nobody's"],
      ['from before', unnamed, stamped('flycd'), 'presumed'],
      ['from before, outside of git', outside, stamped('flycd'), 'ours'],
      ['of a fleet that somebody called so', unnamed, stamped('flycd', 'n1:'), 'theirs'],
      ['of one called so, outside of git', outside, stamped('flycd', 'n1:'), 'theirs'],
      ['of this repo', unnamed, stamped('flycd', mine), 'ours'],
      ['of another repo', unnamed, stamped('flycd', theirs), 'theirs'],
      ['of a newer scheme', unnamed, stamped('flycd', 'o9:whatever'), 'ours'],
      ['of a config beside this one in the repo', unnamed, stamped('shop', mine), 'theirs'],
      ['of a fleet with a name', unnamed, stamped('acme'), 'theirs'],
      ['a folder outside of git', outside, stamped('flycd', theirs), 'ours'],
      ['named: its own', named, stamped('acme'), 'ours'],
      ['named: its own, marked', named, stamped('acme', 'n1:'), 'ours'],
      ['named: another that somebody called as this one would be', named, stamped('flycd', 'n1:'), 'theirs'],
      ['named as it would be: from before', { ...named, name: 'flycd' }, stamped('flycd'), 'presumed'],
      ['named as it would be: its own', { ...named, name: 'flycd' }, stamped('flycd', 'n1:'), 'ours'],
      ['named: from before, stamped', named, stamped('flycd', mine), 'ours'],
      ['named: from before, under whatever name', named, stamped('shop', mine), 'ours'],
      ['named: from before, not stamped', named, stamped('flycd'), 'presumed'],
      ['named: another that nobody named', named, stamped('flycd', theirs), 'theirs'],
      ['named: another of the same name that nobody wrote', named, stamped('acme', theirs), 'theirs'],
      ['named: another name', named, stamped('other'), 'theirs'],
      ['named, without an origin: from before', { ...named, origin: undefined }, stamped('flycd', theirs), 'presumed'],
    ],
  )('%s', (_what, owner, metadata, whose) => {
    expect(isOwn(metadata, owner)).toBe(whose === 'ours' || whose === 'presumed');
    expect(isPresumed(metadata, owner)).toBe(whose === 'presumed');
    expect(otherOwner(metadata, owner) !== undefined).toBe(whose === 'theirs');
  });

  it('a person may say whose place is taken', () => {
    const from = (parts: { readonly name?: string; readonly digits?: string }, owner = unnamed): FleetOwner => ({
      ...owner,
      from: { text: '', name: parts.name, digits: parts.digits },
    });
    expect(isOwn(stamped('flycd', theirs), from({ digits: b }))).toBe(true);
    expect(isOwn(stamped('flycd', theirs), from({ digits: b.slice(0, 12) }))).toBe(true);
    expect(isOwn(stamped('flycd', theirs), from({ digits: '0'.repeat(12) }))).toBe(false);
    // A root commit says only of a repo without an address which it is: forks share it.
    expect(isOwn(stamped('flycd', theirs), from({ digits: two }))).toBe(false);
    expect(isOwn(stamped('flycd', `o1::${two}`), from({ digits: two }))).toBe(true);
    expect(isOwn(stamped('other'), from({ name: 'other' }))).toBe(true);
    expect(isOwn(stamped('flycd', theirs), from({ name: 'flycd' }))).toBe(false);
    expect(isOwn(stamped('shop', mine), from({ name: 'shop' }))).toBe(true);
    expect(isOwn(stamped('shop', 'n1:'), from({ name: 'shop' }))).toBe(true);
    // What is not known to be another's is not known to be nobody's.
    expect(isFrom(stamped('flycd', theirs), from({ name: 'flycd' }, { ...named, origin: undefined }))).toBe(false);
    expect(
      isFrom(stamped('flycd', `o1:${b}:`), from({ name: 'flycd' }, { ...named, origin: origin(undefined, one) })),
    ).toBe(false);
    expect(isFrom(stamped('flycd'), from({ name: 'flycd' }, { ...named, origin: undefined }))).toBe(true);
    expect(isPresumed(stamped('flycd'), from({ name: 'flycd' }, named))).toBe(false);
  });

  it('what may be destroyed carries the name that was written, and no other origin', () => {
    expect(isNamedOwn(stamped('acme'), named)).toBe(true);
    expect(isNamedOwn(stamped('acme', mine), named)).toBe(true);
    expect(isNamedOwn(stamped('acme', theirs), named)).toBe(false);
    expect(isNamedOwn(stamped('acme', theirs), { ...named, origin: undefined })).toBe(false);
    expect(isNamedOwn(stamped('flycd', mine), named)).toBe(false);
    expect(isNamedOwn(stamped('flycd'), named)).toBe(false);
    expect(isNamedOwn(stamped('acme', 'n1:'), named)).toBe(true);
    expect(isNamedOwn(stamped('flycd', 'n1:'), named)).toBe(false);
    // A name that nobody had to write proves nothing until it is marked as written.
    const asDefault = { ...named, name: 'flycd' };
    for (const ours of [named.origin, undefined]) {
      expect(isNamedOwn(stamped('flycd'), { ...asDefault, origin: ours })).toBe(false);
      expect(isNamedOwn(stamped('flycd', 'n1:'), { ...asDefault, origin: ours })).toBe(true);
    }
    expect(isNamedOwn(stamped('flycd', mine), asDefault)).toBe(true);
    expect(isNamedOwn(stamped('flycd', 'n1:'), unnamed)).toBe(false);
  });
});

describe('ownerStamps', () => {
  it.each<readonly [string, FleetOwner, Readonly<Record<string, string>>, Readonly<Record<string, string | null>>]>([
    ['none yet', unnamed, {}, stamped('flycd', mine)],
    ['another one, by a person’s word', unnamed, stamped('flycd', theirs), stamped('flycd', mine)],
    [
      'its history was written anew',
      { ...unnamed, origin: origin(a, two) },
      stamped('flycd', mine),
      stamped('flycd', mine),
    ],
    ['more is known now', unnamed, stamped('flycd', `o1:${a}:`), stamped('flycd', mine)],
    ['less is known here', { ...unnamed, origin: origin(a) }, stamped('flycd', mine), stamped('flycd', mine)],
    ['nothing in common', { ...unnamed, origin: origin(a) }, stamped('flycd', `o1::${one}`), stamped('flycd')],
    ['nothing is known here', outside, stamped('flycd', mine), stamped('flycd')],
    [
      'nothing is known here, and a name was there',
      outside,
      stamped('acme', 'n1:'),
      { flycd_fleet: 'flycd', flycd_origin: null },
    ],
    ['a name is written', named, stamped('flycd', mine), stamped('acme', 'n1:')],
    ['a name is there', named, stamped('acme'), stamped('acme', 'n1:')],
  ])('%s', (_what, owner, metadata, expected) => expect(ownerStamps(owner, metadata)).toEqual(expected));

  it('two clones of one repo come to rest, whatever each of them knows', () => {
    const known = fc.record({ address: fc.constantFrom(undefined, a), root: fc.constantFrom(undefined, one, two) });
    const owner = known.map(({ address, root }): FleetOwner =>
      address === undefined && root === undefined ? outside : { name: 'flycd', origin: { address, root } },
    );
    fc.assert(
      fc.property(owner, owner, (left, right) => {
        let metadata: Record<string, string> = {};
        const write = (by: FleetOwner): void => {
          if (!isOwn(metadata, by)) return;
          for (const [key, value] of Object.entries(ownerStamps(by, metadata)))
            if (value !== null) metadata = { ...metadata, [key]: value };
        };
        metadata = { flycd_fleet: 'flycd' };
        for (const by of [left, right, left]) write(by);
        const settled = metadata;
        for (const by of [right, left]) write(by);
        expect(metadata).toEqual(settled);
      }),
    );
  });
});

test('leases of ours are known under the name of before, too', () => {
  expect(isOwnLease('flycd:acme:host', named)).toBe(true);
  expect(isOwnLease('flycd:flycd:host', named)).toBe(true);
  expect(isOwnLease('flycd:other:host', named)).toBe(false);
  expect(isOwnLease('flycd:flycd:host', unnamed)).toBe(true);
  expect(isOwnLease(undefined, unnamed)).toBe(false);
});

test.each([
  ['flycd:words:vm-8000:destroy', true],
  ['flycd:theirs:148e2d3f:destroy', true],
  ['flycd:words:vm-8000', false],
  // An instance may be called anything.
  ['flycd:words:destroy', false],
  ['fly deploy:destroy', false],
  ['', false],
  [undefined, false],
])('%s is a lease of a destroy: %s', (description, is) => {
  expect(isDestroyLease(description)).toBe(is);
});
