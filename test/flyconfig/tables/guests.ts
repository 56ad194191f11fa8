import type { JsonObject } from '../../../src/model/base/json.ts';
import type { MachineGuest } from '../../../schemas/fly/machine.ts';
import type { Row } from './row.ts';

const shared = (cpus: number, memory: number): MachineGuest => ({ cpu_kind: 'shared', cpus, memory_mb: memory });
const performance = (cpus: number, memory: number): MachineGuest => ({
  cpu_kind: 'performance',
  cpus,
  memory_mb: memory,
});
const graphics = (kind: string): MachineGuest => ({ ...performance(8, 32_768), gpus: 1, gpu_kind: kind });

function size(row: string, says: string, vm: JsonObject, guest: MachineGuest): Row {
  return {
    row,
    says,
    flyctl: 'fly-go machine_types.go MachinePresets, machines.go computeToGuest',
    input: { vm },
    machine: { guest },
  };
}

function refused(row: string, says: string, vm: JsonObject, note: readonly [path: string, says: RegExp]): Row {
  return { row, says, input: { vm: [vm] }, errors: [note] };
}

const presets: readonly (readonly [row: string, size: string, guest: MachineGuest])[] = [
  ...[1, 2, 4, 6, 8].map((cpus) => ['3.6 shared', `shared-cpu-${cpus}x`, shared(cpus, cpus * 256)] as const),
  ...[1, 2, 4, 6, 8, 10, 12, 14, 16].map(
    (cpus) => ['3.6 performance', `performance-${cpus}x`, performance(cpus, cpus * 2048)] as const,
  ),
  ['3.6 graphics', 'a10', graphics('a10')],
  ['3.6 graphics', 'l40s', graphics('l40s')],
  ['3.6 graphics', 'a100-40gb', graphics('a100-pcie-40gb')],
  ['3.6 graphics', 'a100-80gb', graphics('a100-sxm4-80gb')],
];

export const guests: readonly Row[] = [
  ...presets.map(([row, name, guest]) => size(row, name, { size: name }, guest)),
  size(
    '3.6 graphics',
    'a gpu_kind alone is in a performance-8x',
    { gpu_kind: 'l40s' },
    {
      ...performance(8, 16_384),
      gpu_kind: 'l40s',
    },
  ),
  ...[32, 64, 128].map((cpus) =>
    size(
      '3.6 larger performance',
      `${cpus} CPUs have no preset`,
      { cpu_kind: 'performance', cpus, memory: `${cpus * 2}gb` },
      performance(cpus, cpus * 2048),
    ),
  ),
  size('3.6 order', 'nothing named is a shared-cpu-1x', {}, shared(1, 256)),
  size('3.6 order', 'memory changes the preset', { size: 'shared-cpu-2x', memory: '1gb' }, shared(2, 1024)),
  size(
    '3.6 order',
    'cpus and cpu_kind change it further',
    { memory: '8gb', cpu_kind: 'performance', cpus: 1 },
    {
      ...performance(1, 8192),
    },
  ),
  size(
    '3.6 order',
    'zero and empty are not given',
    { size: '', memory: '', cpus: 0, cpu_kind: '', memory_mb: 0 },
    {
      ...shared(1, 256),
    },
  ),
  {
    ...size('3.6 order', 'memory_mb beats memory', { memory: '1gb', memory_mb: 512 }, shared(1, 512)),
    warnings: [['vm[0].memory_mb', /memory_mb beats memory/]],
  },
  size('3.6 units', 'mb and mib are binary', { memory: '512MiB' }, shared(1, 512)),
  size('3.6 units', 'a bare number in a text is MB', { memory: '512' }, shared(1, 512)),
  size('3.6 units', 'fractions', { memory: '1.5gb' }, shared(1, 1536)),
  refused('3.6 units', 'another text', { memory: 'lots' }, ['vm[0].memory', /expected a size/]),
  refused('3.6 units', 'nothing', { memory: '0' }, ['vm[0].memory', /expected a size/]),
  refused('3.6 shared', 'no such preset', { size: 'shared-cpu-3x' }, ['vm[0].size', /no machine size "shared-cpu-3x"/]),
  refused('3.6 shared', 'no such preset, so nothing is said of its memory', { size: 'shared-cpu-3x', memory: '1tb' }, [
    'vm[0].size',
    /no machine size "shared-cpu-3x"/,
  ]),
  refused('3.6 memory steps', 'shared in steps of 256', { memory: '300mb' }, ['vm[0].memory', /steps of 256/]),
  refused('3.6 memory steps', 'performance in steps of 1024', { cpu_kind: 'performance', memory: '2560mb' }, [
    'vm[0].memory',
    /steps of 1024/,
  ]),
  refused('3.6 memory steps', 'shared has at most 2 GB a CPU', { memory_mb: 4096 }, ['vm[0].memory_mb', /256 to 2048/]),
  refused('3.6 memory steps', 'more CPUs need more memory', { cpus: 4 }, ['vm[0]', /1024 to 8192 MB.*found 256/]),
  refused('3.6 memory steps', 'three CPUs', { cpus: 3, memory: '1gb' }, ['vm[0].cpus', /1, 2, 4, 6 or 8 CPUs/]),
];
