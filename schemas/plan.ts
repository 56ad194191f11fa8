/** What `flycd diff --output json` writes, as far as `flycd sync --plan FILE` reads it back. */
import { z } from 'zod';

const Step = z.object({
  kind: z.string(),
  target: z.string(),
  changes: z.array(z.object({ path: z.string(), to: z.unknown() })),
});

/** Fields beyond these are left alone: a newer FlyCD may write more of them. */
export const WrittenPlan = z.object({
  planId: z.string().regex(/^[0-9a-f]{32}$/),
  apps: z.array(
    z.object({
      app: z.string(),
      steps: z.array(Step.extend({ machines: z.array(Step).optional() })),
    }),
  ),
});

export type WrittenPlan = z.infer<typeof WrittenPlan>;
