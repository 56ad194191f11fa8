/** Which git hosts FlyCD believes, and what opens which repository: the operator's word alone. */
import { z } from 'zod';

/** A line of ssh's known_hosts: hosts, type, key. Whether the key is whole, too: ssh passes over one that was cut. */
export function knownHostsLine() {
  return z.string().refine(isKnownHostsLine, {
    error:
      'not a line of known_hosts: write the host, the type of its key and the key, as `ssh-keyscan HOST` prints them',
  });
}

function isKnownHostsLine(line: string): boolean {
  const [, type = '', key = ''] =
    /^(?:@(?:cert-authority|revoked) +)?\S+ +([a-z0-9@.-]+) +([A-Za-z0-9+/]{40,}={0,2})(?: .*)?$/.exec(line.trim()) ??
    [];
  return key !== '' && key.length % 4 === 0 && typeOfKey(key) === type;
}

/** A key is fields with their length before each, the first of them its type. undefined: it was cut, or is none. */
function typeOfKey(key: string): string | undefined {
  const bytes = Uint8Array.from(atob(key), (byte) => byte.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const fields: string[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + view.getUint32(at);
    fields.push(String.fromCharCode(...bytes.subarray(at + 4, end)));
    at = end;
  }
  return at === bytes.length ? fields[0] : undefined;
}

const authority = /(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/;
const repositoryPath = /(?:\/(?!\.{1,2}(?:\/|$))[^\s/\\%?#@:=,]+)*\/?/;

/** A host, an organization or a repository, as it stands in an address behind `https://`. */
export function repositoryPrefix() {
  return z.string().regex(new RegExp(`^${authority.source}${repositoryPath.source}$`), {
    error:
      'expected a host, or what an address has behind it: gitlab.com, github.com/acme, git.example.com:8443/acme/shop',
  });
}

/** In capitals, as they are by custom: a token that stands here by mistake is told from a name, and is not repeated. */
function variableName() {
  return z.string().regex(/^[A-Z_][A-Z0-9_]*$/, {
    error: 'not the name of an environment variable in capitals, such as GITLAB_TOKEN: what it holds never stands here',
  });
}

/** What opens the repositories under one prefix; a name alone is a token's. */
export const Credential = z.union(
  [
    variableName(),
    z.strictObject({
      token: variableName().optional().describe('Environment variable with a token for https.'),
      user: z
        .string()
        .regex(/^[\w.+-]+$/, { error: 'a user is letters, digits, dots, dashes, underscores and plus signs' })
        .optional()
        .describe('User beside the token. Default: what the host takes.'),
      ssh_key: variableName()
        .optional()
        .describe('Environment variable with a private key for ssh, without passphrase.'),
    }),
  ],
  {
    error:
      'not a credential: write the NAME of an environment variable in capitals, or { token: NAME, user: USER, ssh_key: NAME }; what a variable holds never stands here',
  },
);
export type Credential = z.infer<typeof Credential>;
