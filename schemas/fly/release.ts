/**
 * Releases on Fly's web API (REST, /api/v1), for which there is no published description: FlyCD asks for no field that it
 * does not use. Fields as in flyctl's own client (internal/uiex/releases.go).
 */
import { z } from 'zod';

const Release = z.looseObject({
  id: z.string().optional(),
  /** 1, 2, … of its app. */
  version: z.number(),
  /** pending, running, complete, failed, interrupted. */
  status: z.string(),
  in_progress: z.boolean().optional(),
  /** E-mail of whoever made it. */
  user: z.string().nullish(),
  created_at: z.iso.datetime({ offset: true }),
  /** As whoever made it wrote it. */
  image_ref: z.string().nullish(),
});
export type Release = z.infer<typeof Release>;
export const ReleaseList = z.looseObject({ releases: z.array(Release) });
export const ReleaseMade = z.looseObject({ release: z.looseObject({ id: z.string().min(1), version: z.number() }) });
