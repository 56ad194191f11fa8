import { CertificatesPage, type Certificate } from '../../../schemas/fly/certificate.ts';
import type { FlyReader } from '../api.ts';
import { everyPage, pageQuery } from '../http/pages.ts';
import type { Transport } from '../http/transport.ts';

/** Fly's most. */
const certificatesPerPage = 500;

export function certificateReads(transport: Transport): Pick<FlyReader, 'certificates'> {
  return {
    async certificates(app) {
      const pages = everyPage(
        (cursor) =>
          transport.ask(
            {
              method: 'GET',
              route: '/apps/{app}/certificates',
              path: { app },
              query: pageQuery(certificatesPerPage, cursor),
              purpose: 'list the certificates',
              effect: 'read',
            },
            CertificatesPage,
          ),
        { what: `the certificates of ${app}`, where: `app ${app}` },
      );
      const found: Certificate[] = [];
      for await (const page of pages) found.push(...page.certificates);
      return found;
    },
  };
}
