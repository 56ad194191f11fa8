import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { fingerprintOf, knownHostsText } from '../../../src/sources/access/known-hosts.ts';
import { shippedHosts } from '../../../src/sources/access/shipped-hosts.ts';

/** As the hosts publish them, copied from their pages (`page` of each host), not made from the keys. */
const published: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'github.com': {
    'ssh-ed25519': 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU',
    'ecdsa-sha2-nistp256': 'SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM',
    'ssh-rsa': 'SHA256:uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s',
  },
  'gitlab.com': {
    'ssh-ed25519': 'SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8',
    'ecdsa-sha2-nistp256': 'SHA256:HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw',
    'ssh-rsa': 'SHA256:ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ',
  },
  'bitbucket.org': {
    'ssh-ed25519': 'SHA256:ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM',
    'ecdsa-sha2-nistp256': 'SHA256:FC73VB6C4OQLSCrjEayhMp9UMxS97caD/Yyi2bhW/J0',
    'ssh-rsa': 'SHA256:46OSHA1Rmj8E8ERTC6xkNcmGOw9oFxYr0WF6zWW8l1E',
  },
  'codeberg.org': {
    'ssh-ed25519': 'SHA256:mIlxA9k46MmM6qdJOdMnAQpzGxF4WIVVL+fj+wZbw0g',
    'ecdsa-sha2-nistp256': 'SHA256:T9FYDEHELhVkulEKKwge5aVhVTbqCW0MIRwAfpARs/E',
    'ssh-rsa': 'SHA256:6QQmYi4ppFS4/+zSZ5S4IU+4sa6rwvQ4PbhCtPEBekQ',
  },
};

test.each(Object.keys(published))('the keys that come with FlyCD are those that %s publishes, all of them', (name) => {
  const host = shippedHosts.find(({ names }) => names[0] === name);
  const shipped = host?.keys.map((line) => {
    const [type = '', key = '', ...rest] = line.split(' ');
    expect(rest).toEqual([]);
    // By a way of its own: what shows a fingerprint in an error is not what this trusts.
    const bytes = Buffer.from(key, 'base64');
    expect(bytes.toString('base64')).toBe(key);
    const digest = createHash('sha256').update(bytes).digest('base64').replace('=', '');
    expect(fingerprintOf(key)).toBe(`SHA256:${digest}`);
    return [type, `SHA256:${digest}`];
  });
  expect(Object.fromEntries(shipped ?? [])).toEqual(published[name]);
});

test('the hosts are there under all their addresses, and nobody else', () => {
  expect(shippedHosts.flatMap(({ names }) => names)).toEqual([
    'github.com',
    '[ssh.github.com]:443',
    'gitlab.com',
    '[altssh.gitlab.com]:443',
    'bitbucket.org',
    '[altssh.bitbucket.org]:443',
    'codeberg.org',
  ]);
});

test('keys that leaked and were replaced are not among them', () => {
  const retired = ['nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8', 'zzXQOXSRBEiUtuE8AikJYKwbHaxvSc0ojez9YXaGp1A'];
  const prints = shippedHosts.flatMap(({ keys }) => keys.map((key) => fingerprintOf(key.split(' ')[1] ?? '')));
  expect(prints.filter((print) => retired.some((one) => print.includes(one)))).toEqual([]);
});

test("the operator's lines stand after them", () => {
  const lines = knownHostsText(['git.example.com ssh-ed25519 AAAA']).trimEnd().split('\n');
  expect(lines).toHaveLength(13);
  expect(lines[0]).toMatch(/^github\.com,\[ssh\.github\.com\]:443 ssh-ed25519 AAAA/);
  expect(lines.at(-1)).toBe('git.example.com ssh-ed25519 AAAA');
});
