import { describe, expect, test } from 'vitest';
import { guestPresets } from '../../../schemas/fly/presets.ts';
import { guestOf } from '../../../src/flyconfig/sections/guest.ts';
import type { JsonObject } from '../../../src/model/base/json.ts';

const guests: readonly (readonly [JsonObject, object])[] = [
  [{}, { cpu_kind: 'shared', cpus: 1, memory_mb: 256 }],
  [{ size: 'shared-cpu-8x' }, { cpu_kind: 'shared', cpus: 8, memory_mb: 2048 }],
  [{ size: 'performance-16x' }, { cpu_kind: 'performance', cpus: 16, memory_mb: 32_768 }],
  [{ memory: '512mb' }, { cpu_kind: 'shared', cpus: 1, memory_mb: 512 }],
  [{ memory: '1gb' }, { cpu_kind: 'shared', cpus: 1, memory_mb: 1024 }],
  [{ memory_mb: 2048 }, { cpu_kind: 'shared', cpus: 1, memory_mb: 2048 }],
  [
    { size: 'shared-cpu-2x', memory: '2gb', cpus: 1 },
    { cpu_kind: 'shared', cpus: 1, memory_mb: 2048 },
  ],
  [
    { memory: '8gb', cpu_kind: 'performance', cpus: 1 },
    { cpu_kind: 'performance', cpus: 1, memory_mb: 8192 },
  ],
  [{ size: 'a10' }, { cpu_kind: 'performance', cpus: 8, memory_mb: 32_768, gpus: 1, gpu_kind: 'a10' }],
  [{ gpu_kind: 'l40s' }, { cpu_kind: 'performance', cpus: 8, memory_mb: 16_384, gpu_kind: 'l40s' }],
  [
    { kernel_args: ['quiet'], cpus: 0 },
    { cpu_kind: 'shared', cpus: 1, memory_mb: 256, kernel_args: ['quiet'] },
  ],
];

describe('a vm section', () => {
  test.each(guests)('%j', (vm, guest) => {
    expect(guestOf(vm)).toEqual({ guest, notes: [] });
  });

  test('every preset of Fly keeps its own rules', () => {
    for (const size of Object.keys(guestPresets))
      expect(guestOf({ size })).toEqual({ guest: guestPresets[size], notes: [] });
  });

  test.each([
    [{ memory: '300mb' }, 'vm[0].memory', /256 to 2048 MB of memory in steps of 256, found 300/],
    [{ memory_mb: 4096 }, 'vm[0].memory_mb', /found 4096/],
    [{ cpus: 4 }, 'vm[0]', /1024 to 8192 MB.*found 256/],
    [{ cpu_kind: 'performance', memory: '2560mb' }, 'vm[0].memory', /steps of 1024/],
    [{ cpus: 3, memory: '1gb' }, 'vm[0].cpus', /1, 2, 4, 6 or 8 CPUs, found 3/],
    [{ memory: 'lots' }, 'vm[0].memory', /expected a size/],
    [{ memory: '0' }, 'vm[0].memory', /expected a size/],
    [{ cpu_kind: 'dedicated' }, 'vm[0].cpu_kind', /shared or performance/],
  ] as const)('%j is refused', (vm, path, says) => {
    const errors = guestOf(vm, { path: 'vm[0]' }).notes.filter((note) => note.severity === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]?.path).toBe(path);
    expect(errors[0]?.message).toMatch(says);
  });

  test('a misspelt size gets a suggestion', () => {
    expect(guestOf({ size: 'shared-cpu-1' }).notes).toMatchObject([
      { path: 'size', hint: 'did you mean shared-cpu-1x?' },
    ]);
  });
});
