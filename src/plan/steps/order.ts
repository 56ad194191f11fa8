/** The order in which steps are shown and applied. */
import type { Step, StepKind } from '../../model/plan.ts';
import { byText } from '../../model/base/text.ts';

/** Order of apply. Steps of one wave are independent of each other. */
export const waves = [
  ['app.create', 'app.adopt'],
  ['image.build'],
  ['address.allocate'],
  ['volume.create', 'volume.extend', 'volume.configure'],
  ['secret.set'],
  ['machine.label'],
  [
    'release',
    'machine.create',
    'machine.update',
    'machine.start',
    'machine.restart',
    'machine.cordon',
    'machine.uncordon',
  ],
  ['secret.unset'],
  ['certificate.add', 'certificate.remove'],
  ['machine.destroy'],
  ['address.release', 'app.destroy'],
] as const satisfies readonly (readonly StepKind[])[];

/** A kind without a wave is an error where its wave is asked for. */
type OrderedKind = (typeof waves)[number][number];

const waveOf = new Map<OrderedKind, number>(waves.flatMap((kinds, wave) => kinds.map((kind) => [kind, wave] as const)));

/** In order of apply: by wave, then by target (numbers by value), then by kind. */
export function inOrder<T extends Step>(steps: readonly T[]): T[] {
  return steps.toSorted(
    (a, b) =>
      (waveOf.get(a.kind) ?? 0) - (waveOf.get(b.kind) ?? 0) ||
      byTarget(a.target, b.target) ||
      byText(a.kind, b.kind) ||
      byText(a.because, b.because),
  );
}

/** `web/arn/2` before `web/arn/10`. */
function byTarget(a: string, b: string): number {
  const left = a.split(/(\d+)/);
  const right = b.split(/(\d+)/);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const one = left[index] ?? '';
    const other = right[index] ?? '';
    // Every second piece is a run of digits.
    const order = index % 2 === 1 ? Number(one) - Number(other) || byText(one, other) : byText(one, other);
    if (order !== 0) return order;
  }
  return 0;
}
