import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from '../property.ts';
import { expect, test } from 'vitest';
import { SecretValue } from '../../src/model/base/secret-value.ts';
import { createEvidence, loadEvidenceKey } from '../../src/record/evidence.ts';
import { temporaryFolder } from './stores.ts';

const secret = (value: string): SecretValue => new SecretValue(value);

test('a mark depends on key, app, name and value, and on nothing else', () => {
  const evidence = createEvidence({ key: Buffer.alloc(32, 1) });
  const other = createEvidence({ key: Buffer.alloc(32, 2) });
  const mark = evidence.mark('web', 'TOKEN', secret('value'));
  expect(mark).toMatch(/^[0-9a-f]{32}$/);
  expect(createEvidence({ key: Buffer.alloc(32, 1) }).mark('web', 'TOKEN', secret('value'))).toBe(mark);
  const others = [
    evidence.mark('web', 'TOKEN', secret('value2')),
    evidence.mark('web', 'TOKEN2', secret('value')),
    evidence.mark('web2', 'TOKEN', secret('value')),
    other.mark('web', 'TOKEN', secret('value')),
  ];
  expect(new Set([mark, ...others]).size).toBe(5);
  expect(evidence.keyId).toMatch(/^[0-9a-f]{16}$/);
  expect(other.keyId).not.toBe(evidence.keyId);
});

test('property: no two different (app, name, value) share a mark by moving characters between them', () => {
  const evidence = createEvidence({ key: Buffer.alloc(32, 1) });
  const part = fc.string({ unit: fc.constantFrom('a', ':', '1', '\0', '5'), maxLength: 6 });
  const triple = fc.tuple(part, part, part);
  fc.assert(
    fc.property(triple, triple, (one, two) => {
      const same = JSON.stringify(one) === JSON.stringify(two);
      const marks = [one, two].map(([app, name, value]) => evidence.mark(app, name, secret(value)));
      expect(marks[0] === marks[1]).toBe(same);
    }),
  );
});

test('the key is made once, private, and read again', () => {
  const directory = join(temporaryFolder(), 'data');
  expect(loadEvidenceKey({ configured: undefined, directory, create: false })).toBeUndefined();
  expect(existsSync(directory)).toBe(false);
  const key = loadEvidenceKey({ configured: '', directory, create: true });
  expect(key).toHaveLength(32);
  expect(readdirSync(directory)).toEqual(['evidence.key']);
  expect(statSync(join(directory, 'evidence.key')).mode & 0o777).toBe(0o600);
  expect(loadEvidenceKey({ configured: undefined, directory, create: true })).toEqual(key);
  expect(loadEvidenceKey({ configured: undefined, directory, create: false })).toEqual(key);
  chmodSync(join(directory, 'evidence.key'), 0o644);
  loadEvidenceKey({ configured: undefined, directory, create: true });
  expect(statSync(join(directory, 'evidence.key')).mode & 0o777).toBe(0o600);
});

test('a configured key wins and is not written down; a short one is refused without being shown', () => {
  const directory = temporaryFolder();
  const key = loadEvidenceKey({ configured: 'correct horse battery', directory, create: true });
  expect(Buffer.from(key ?? []).toString()).toBe('correct horse battery');
  expect(readdirSync(directory)).toEqual([]);
  expect(loadEvidenceKey({ configured: 'a'.repeat(16), directory, create: true })).toHaveLength(16);
  const short = (): unknown => loadEvidenceKey({ configured: 'hunter2', directory, create: true });
  expect(short).toThrow('FLYCD_EVIDENCE_KEY is too short: it has 7 characters');
  expect(short).not.toThrow('hunter2');
});

test('a damaged key file is refused and left alone', () => {
  const directory = temporaryFolder();
  writeFileSync(join(directory, 'evidence.key'), 'short');
  expect(() => loadEvidenceKey({ configured: undefined, directory, create: true })).toThrow(
    'is damaged: it has 5 bytes',
  );
  expect(readFileSync(join(directory, 'evidence.key'), 'utf8')).toBe('short');
});
