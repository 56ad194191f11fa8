import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { GitError } from '../../../src/sources/git/git-command.ts';
import { mirrorFault } from '../../../src/sources/git/git-fault.ts';
import { admittedLocation } from '../../../src/sources/tree/admitted-location.ts';

test.each([
  ['git@gitlab.com:x:{"token":"GITLAB_TOKEN"},"evil.example":"GITLAB_TOKEN",y/z.git', 'gitlab.com'],
  ['https://gitlab.com/a,b#c/z.git'.replace('#', '%23'), 'gitlab.com'],
  ['https://gitlab.com/gr%20oup/z.git', 'gitlab.com'],
  ['https://gitlab.com/a: b/z.git'.replace(' ', ''), 'gitlab.com'],
  ['https://gitlab.com/acme/sub/z.git', 'gitlab.com/acme/sub'],
  ['https://git.example.com:8443/acme/z.git', 'git.example.com:8443/acme'],
])('the line that gives a credential for %s names one place', (url, prefix) => {
  const location = admittedLocation({ url, trust: 'config' });
  const { next = '' } = mirrorFault(new GitError('fatal: Authentication failed', 'failed'), location);
  const [, line = ''] = /flycd\.yaml: (credentials: \{.*\})/.exec(next) ?? [];
  const { credentials } = parse(line) as { credentials: object };
  expect(Object.keys(credentials), next).toEqual([prefix]);
});
