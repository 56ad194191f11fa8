import { pinned } from '../../src/flyconfig/sections/image.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { ImageStep, ReleaseStep, RolloutStep, MachineChange } from '../../src/model/plan.ts';
import type { AppPass } from '../pass/app-pass.ts';
import type { StepDone } from '../pass/services.ts';
import { pinnedStep } from '../../src/plan/steps/pinned.ts';

/** The app's repository has the image afterwards; the steps that follow learn its digest. */
export async function provideImage(pass: AppPass, step: ImageStep): Promise<StepDone> {
  const { builds, store, signal, onProgress, yieldSlot } = pass.services;
  const { fleet, app, newer } = pass;
  if (builds === undefined || step.key === undefined || step.ref === undefined) {
    throw new Fault({ kind: 'stalled', what: `nothing is built here, so ${app.name} gets no image`, where: app.name });
  }
  const { key, ref } = step;
  const onLine = (line: string): void => onProgress({ type: 'output', app: app.name, line });
  const image = await yieldSlot(() => builds.provide({ fleet, app, key, store, onLine, signal, newer }));
  pass.built = { ref, digest: image.digest };
  switch (image.how) {
    case 'there':
      return { outcome: 'unchanged', message: `${ref} is there already` };
    case 'copied':
      return { outcome: 'created', message: `taken from ${image.from ?? 'another app'}: ${image.digest}` };
    case 'built':
      return { outcome: 'created', message: image.digest };
  }
}

type Built = NonNullable<AppPass['built']>;

/** With the digest, which nobody knew when it was planned. */
export function withBuiltImage<S extends ReleaseStep | RolloutStep>(step: S, built: Built): S;
export function withBuiltImage(step: ReleaseStep | RolloutStep, built: Built): ReleaseStep | RolloutStep {
  if (step.kind === 'machine.restart') return step;
  if (step.kind !== 'release') return pinnedMachine(step, built);
  const { command } = step;
  const runs = command?.config.image === built.ref;
  const image = pinned(built.ref, built.digest);
  return {
    ...step,
    machines: step.machines.map((machine) => pinnedMachine(machine, built)),
    ...(command === undefined
      ? {}
      : { command: runs ? { ...command, config: { ...command.config, image } } : command }),
  };
}

function pinnedMachine<S extends MachineChange>(step: S, { ref, digest }: Built): S {
  return step.config.image === ref ? pinnedStep(step, ref, digest) : step;
}
