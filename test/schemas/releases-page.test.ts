import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/model/base/json.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import { planBetween } from './playing.ts';

const page = readFileSync(new URL('../../docs/releases.md', import.meta.url), 'utf8');
const rows = page
  .slice(page.indexOf('| what changes in git |'))
  .split('\n')
  .slice(2)
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

const base: JsonObject = {
  app: 'shop',
  primary_region: 'arn',
  build: { image: 'nginx:1.27' },
  env: { COLOR: 'red' },
  deploy: { release_command: 'bin/migrate' },
  machines: { count: 2 },
  network: { ips: [] },
};

type Case = readonly [before: JsonObject, after: JsonObject];

const image = { build: { image: 'nginx:1.29' } };
const command = { deploy: { release_command: 'bin/other' } };
const secret = (raw: string): JsonObject => ({ secrets: [{ name: 'PASSWORD', type: 'raw', raw }] });
const one = { processes: { app: 'serve' } };
const two = { processes: { app: 'serve', worker: 'work' }, machines: { count: 2, groups: { worker: { count: 2 } } } };
const served = { http_service: { internal_port: 8080, processes: ['worker'] } };
const serves = { http_service: { internal_port: 8080 } };
const bothServe = { http_service: { internal_port: 8080, processes: ['app', 'worker'] } };
const renamed = { processes: { www: 'serve' } };
const mounts = { mounts: [{ source: 'data', destination: '/data' }] };
const otherMounts = { mounts: [{ source: 'other', destination: '/data' }] };
const sized = (gb: number): JsonObject => ({ ...mounts, volumes: [{ name: 'data', size_gb: gb }] });
const uncounted = { machines: {} };

const cases: Readonly<Record<string, readonly Case[]>> = {
  'the image': [[{}, image]],
  'env, a service, a check, a size, a file': [
    [{}, { env: { COLOR: 'blue' } }],
    [{}, { http_service: { internal_port: 8080 } }],
    [{}, { checks: { up: { type: 'tcp', port: 8080 } } }],
    [{}, { machines: { count: 2, ram_mb: 512 } }],
    [{}, { files: [{ guest_path: '/etc/a.conf', raw_value: 'eA==' }] }],
  ],
  'the release command': [[{}, command]],
  'the image and the release command': [[{}, { ...image, ...command }]],
  "a secret's value": [[secret('one'), secret('two')]],
  'a machine more': [[{}, { machines: { count: 3 } }]],
  'a machine less': [[{}, { machines: { count: 1 } }]],
  'a process group more': [[one, two]],
  'a process group less': [[two, one]],
  'a process group with services less, another one has some': [
    [
      { ...two, ...bothServe },
      { ...one, ...serves },
    ],
  ],
  'the last process group with services': [[{ ...two, ...served }, one]],
  'a process group with services by another name': [
    [
      { ...one, ...serves },
      { ...renamed, ...serves },
    ],
  ],
  'a region more, with a count': [[{}, { extra_regions: ['ams'] }]],
  'a region more, without a count': [[uncounted, { ...uncounted, extra_regions: ['ams'] }]],
  'another primary region, with a count': [[{}, { primary_region: 'ams' }]],
  "a volume's size": [[sized(1), sized(3)]],
  'a mount more': [[{}, mounts]],
  'a mount and the image': [[{}, { ...mounts, ...image }]],
  'a mount less, or of another volume': [
    [mounts, {}],
    [mounts, otherMounts],
  ],
  metadata: [[{}, { machine: { metadata: { team: 'shop' } } }]],
  'strategy, max_unavailable, wait_timeout': [
    [{}, { deploy: { release_command: 'bin/migrate', strategy: 'immediate' } }],
    [{}, { deploy: { release_command: 'bin/migrate', max_unavailable: 2 } }],
    [{}, { deploy: { release_command: 'bin/migrate', wait_timeout: '1m' } }],
  ],
  'depends_on, sync, addresses, a comment': [
    [{}, { sync: { drift: 'report' } }],
    [{}, { network: { ips: [{ v: 'v6' }] } }],
  ],
};

/** A plan in the page's words. */
function words({ steps, holds }: AppPlan): readonly string[] {
  const release = steps.find((step) => step.kind === 'release');
  const machines = steps.flatMap((step) => (step.kind === 'release' ? [...step.machines] : [step]));
  const count = (kind: string): number => machines.filter((step) => step.kind === kind).length;
  const some = (number: number): string => (number === 1 ? 'one is' : 'some are');
  const named = machines.some((step) => step.kind === 'machine.label' && step.metadata['team'] !== undefined);
  const says = [
    ...(count('machine.update') > 0 ? ['restart in place'] : []),
    ...(count('machine.create') > 0 ? [`${some(count('machine.create'))} made`] : []),
    ...(count('machine.destroy') > 0 ? [`${some(count('machine.destroy'))} destroyed`] : []),
    ...(count('machine.restart') > 0 ? ['restart where Fly asks for it'] : []),
  ];
  const told = says.length > 0 ? says.join(', ') : named ? 'run on, with new metadata' : 'run on';
  return [
    release === undefined ? '-' : 'yes',
    release?.command === undefined ? '-' : 'runs',
    holds.length > 0 ? 'held' : told,
  ];
}

test('the page has a row for each case, and a case for each row', () => {
  expect(rows.map(([what]) => what)).toStrictEqual(Object.keys(cases));
});

test.each(rows)('%s: release %s, command %s, machines %s', async (what, ...told) => {
  for (const [before, after] of cases[what ?? ''] ?? []) {
    const move = await planBetween({ ...base, ...before }, { ...base, ...after });
    if (move === undefined) throw new Error('it is refused');
    expect(words(move.plan), JSON.stringify(after)).toStrictEqual(told);
  }
});
