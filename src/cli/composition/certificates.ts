import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { writePrivateFile } from '../../sources/access/private-file.ts';
import { Fault, toFault } from '../../model/base/fault.ts';
import { variable, type Io } from '../shell/io.ts';

/** Programs of their own read whom to trust from a file that takes the place of the system's. */
const variables = ['GIT_SSL_CAINFO', 'SSL_CERT_FILE'] as const;

/**
 * The environment for git and flyctl: where NODE_EXTRA_CA_CERTS names a company's certificates, these two trust them as well, beside
 * all that Node and the system trust, unless the operator has told them otherwise. Throws a transient Fault where the file cannot be
 * written.
 */
export async function withCertificates(
  { env, clock }: Pick<Io, 'env' | 'clock'>,
  directory: string,
): Promise<Io['env']> {
  const missing = variables.filter((name) => variable(env, name) === undefined);
  if (variable(env, 'NODE_EXTRA_CA_CERTS') === undefined || missing.length === 0) return env;
  const file = join(directory, 'certificates.pem');
  try {
    const certificates = new Set([...getCACertificates('default'), ...getCACertificates('system')]);
    await clock.busy(() => writePrivateFile(file, [...certificates].join('\n')));
  } catch (cause) {
    throw new Fault({
      kind: 'transient',
      what: 'the certificates of NODE_EXTRA_CA_CERTS cannot be handed to git and flyctl',
      why: toFault(cause, 'the file could not be written').why,
      next: 'make the data directory writable (data_dir in flycd.yaml), or set GIT_SSL_CAINFO and SSL_CERT_FILE',
      cause,
    });
  }
  return { ...env, ...Object.fromEntries(missing.map((name) => [name, file])) };
}
