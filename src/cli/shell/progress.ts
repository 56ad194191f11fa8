import { hasColour } from './io.ts';
import type { OnProgress } from '../../model/progress.ts';
import { progressText } from '../../render/progress.ts';
import type { Invocation } from './invocation.ts';

export function createProgress({ io, redactor }: Pick<Invocation, 'io' | 'redactor'>): OnProgress {
  const colour = hasColour(io.stderr, io.env);
  return (progress) => {
    const text = progressText(progress, colour);
    if (text !== '') io.stderr.write(redactor.redact(text));
  };
}
