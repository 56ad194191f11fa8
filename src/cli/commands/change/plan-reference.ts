import { resolve } from 'node:path';
import { WrittenPlan } from '../../../../schemas/plan.ts';
import { planIdDigitsMin } from '../../../../controllers/fleet/sync.ts';
import { Fault } from '../../../model/base/fault.ts';
import { parsedJson } from '../../../model/base/json.ts';
import type { Io } from '../../shell/io.ts';
import { readNamedFile } from '../../shell/named-file.ts';
import { shellWord } from '../../../model/base/shell.ts';

/** What `--plan` names. */
export interface PlanReference {
  /** Of the fleet's plan or an app's: at least its first digits. */
  readonly id: string;
  /** What that plan says, where a file of it was given. */
  readonly written?: WrittenPlan;
}

/** 1,000 apps that are all made from nothing take a tenth of it. */
const bytesMax = 64 * 1024 * 1024;

/**
 * An id, or else the path of what `diff --output json` wrote. Throws a stalled Fault for anything else.
 */
export async function planReference({ cwd, clock }: Pick<Io, 'cwd' | 'clock'>, text: string): Promise<PlanReference> {
  const id = text.toLowerCase();
  if (/^[0-9a-f]{1,32}$/.test(id) && id.length >= planIdDigitsMin) return { id };
  const bytes = await clock.busy(() => readNamedFile({ file: resolve(cwd, text), holds: 'a plan', bytesMax }));
  if (bytes === undefined) {
    throw new Fault({
      kind: 'stalled',
      what: `--plan ${shellWord(text)} is no plan's id, and no file`,
      why: `expected ${planIdDigitsMin} to 32 digits of 0-9 and a-f, or what \`flycd diff --output json\` wrote`,
      next: '`flycd diff` prints the id of its plan first, and with --output json those of each app',
    });
  }
  const written = WrittenPlan.safeParse(parsedJson(new TextDecoder().decode(bytes)));
  if (written.success) return { id: written.data.planId, written: written.data };
  throw new Fault({
    kind: 'stalled',
    what: `${text} holds no plan of flycd diff`,
    why: 'expected one JSON document with planId and apps',
    next: 'name the file that `flycd diff --output json` was written to',
  });
}
