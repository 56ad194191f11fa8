import { expect, test } from 'vitest';
import type { ReleaseStep } from '../../src/model/plan.ts';
import { Redactor } from '../../src/model/base/secret-value.ts';
import { appPlanJson } from '../../src/render/plan.ts';
import { planBytesMax, planText } from '../../src/record/runs/plan-text.ts';
import * as fc from '../property.ts';
import { machineUpdate, planOf } from './stores.ts';

test('a plan too large is kept without its details, and says so', () => {
  const redactor = new Redactor();
  const release: ReleaseStep = {
    kind: 'release',
    target: 'web',
    app: 'web',
    because: 'git moved',
    risk: 'restart',
    changes: [],
    machines: Array.from({ length: 300 }, (_unused, number) => ({
      ...machineUpdate(number + 1, 0),
      changes: [{ path: 'env.PADDING', from: undefined, to: 'x'.repeat(5_000) }],
    })),
  };
  const plan = planOf('web', { steps: [release], planId: 'f'.repeat(32) });
  const text = planText(plan, redactor);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(planBytesMax);
  const kept = JSON.parse(text) as typeof plan;
  expect(kept.planId).toBe(plan.planId);
  expect(kept.steps[0]).toMatchObject({ kind: 'release', machines: [] });
  expect(kept.notes.at(-1)).toMatch(/^this plan was \d+ kB: history keeps it without its details$/);
});

test('a plan is kept without the configs that it sends, of which nothing is shown', () => {
  const release: ReleaseStep = {
    kind: 'release',
    target: 'web',
    app: 'web',
    because: 'git moved',
    risk: 'restart',
    changes: [],
    machines: [machineUpdate(1, 5_000)],
    command: {
      command: 'migrate',
      version: '0',
      config: { image: 'b', env: { PADDING: 'x '.repeat(2_500) } },
      region: 'arn',
      timeoutSeconds: 300,
    },
  };
  const held = { app: 'web', reason: 'window', because: '', next: '', steps: [machineUpdate(2, 5_000)] } as const;
  const plan = planOf('web', { steps: [release, machineUpdate(3, 5_000)], holds: [held] });
  const text = planText(plan, new Redactor());
  expect(text).not.toContain('PADDING');
  expect(Buffer.byteLength(text)).toBeLessThan(2_000);
  const kept = JSON.parse(text) as typeof plan;
  expect(appPlanJson(kept)).toEqual(appPlanJson(plan));
});

test('property: any plan fits its limit', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 0, max: 3_000 })), {
    maxLength: 150,
  });
  const notes = fc.array(fc.string({ maxLength: 400 }), { maxLength: 150 });
  fc.assert(
    fc.property(steps, notes, (sizes, notes) => {
      const steps = sizes.map(([number, padding]) => ({
        ...machineUpdate(number, 0),
        because: 'x'.repeat(padding),
        config: {},
      }));
      const plan = planOf('web', { notes, steps });
      const limit = 20_000;
      const text = planText(plan, new Redactor(), limit);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limit);
      if (Buffer.byteLength(JSON.stringify(plan)) <= limit)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(plan)));
    }),
    { numRuns: 40 },
  );
});
