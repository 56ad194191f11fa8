import { expect, test } from 'vitest';
import { operatorAllowsSecrets } from '../../../src/cli/composition/allowed-secrets.ts';
import { Fault } from '../../../src/model/base/fault.ts';

const told = (line: string | undefined, written: Parameters<typeof operatorAllowsSecrets>[1]['written'] = {}) =>
  operatorAllowsSecrets({ env: { FLYCD_ALLOW_SECRETS: line } }, { file: undefined, isNamed: false, written });

test.each<readonly [string | undefined, readonly object[]]>([
  [undefined, []],
  ['', []],
  [' ; ', []],
  ['shop=A', [{ shop: ['A'] }]],
  ['shop=A,B_*;blog=C', [{ shop: ['A', 'B_*'] }, { blog: ['C'] }]],
  [' shop = A , B ; blog=C; ', [{ shop: ['A', 'B'] }, { blog: ['C'] }]],
  ['shop=A;shop=B', [{ shop: ['A'] }, { shop: ['B'] }]],
])('%j', (line, allowed) => {
  expect(told(line)).toEqual([{}, ...allowed]);
  expect(told(line, { allow_secrets: { shop: ['X'] } })).toEqual([{ shop: ['X'] }, ...allowed]);
});

test.each([
  'shop',
  'shop=',
  'shop=A,,B',
  '=A',
  'shop=*',
  'shop=A*',
  'my shop=A',
  'STRIPE_KEY=sk-canary',
  'shop=A=sk-canary',
])('%s is none: it says which entry, and not what stands there', (entry) => {
  try {
    told(`blog=C;${entry}`);
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    expect(String(error)).toContain('FLYCD_ALLOW_SECRETS could not be read: entry 2 is not');
    expect(JSON.stringify(error) + String(error)).not.toContain('canary');
    return;
  }
  throw new Error('it was taken');
});
