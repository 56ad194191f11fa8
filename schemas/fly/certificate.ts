/** Certificates of an app's hostnames on Fly's wire (REST, /v1). Loose: Fly answers with more. */
import { z } from 'zod';

const Certificate = z.looseObject({ hostname: z.string() });
export type Certificate = z.infer<typeof Certificate>;
export const CertificatesPage = z.looseObject({
  certificates: z.array(Certificate),
  next_cursor: z.string().nullish(),
});
