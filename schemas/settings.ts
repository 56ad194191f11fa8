/** flycd.yaml: the operator's settings. From the config repo's own flycd.yaml only `fleet`, `sync` and `allow_secrets` are read. */
import { z } from 'zod';
import { Credential, knownHostsLine, repositoryPrefix } from './operator/git-access.ts';
import { SyncWritten } from './policy.ts';
import { duration, label, listOf, wholeNumber } from './written.ts';

/** A name, or what names begin with and `_*`. A bare `*` would be all that FlyCD has. */
const namePattern = /^[^*]+(?:_\*)?$/;

export const AllowSecrets = z
  .record(
    label(),
    listOf(
      z.string().regex(namePattern, {
        error: 'expected the name of a variable, such as SHOP_TOKEN, or how names begin, such as SHOP_*',
      }),
    ),
  )
  .describe(
    'Environment variables that secrets of type env may read in a project with a git source, by the project’s name: names, or how names begin (SHOP_*). Default: none.',
  );
export type AllowSecrets = z.infer<typeof AllowSecrets>;

export const Settings = z.strictObject({
  config_repo: z
    .string()
    .min(1)
    .optional()
    .describe('The config repo: a folder or a git URL. An argument and FLYCD_CONFIG_REPO win over it.'),
  ref: z
    .string()
    .min(1)
    .optional()
    .describe('Branch, tag or commit of a git config repo. Default: its default branch.'),
  data_dir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder for the database and git mirrors. --data-dir and FLYCD_DATA_DIR win over it. Default: $XDG_STATE_HOME/flycd.',
    ),
  interval: duration()
    .optional()
    .describe('Time between two passes of serve and sync: 30s, 3m, 1h, or seconds. Default: 3m.'),
  concurrency: wholeNumber({ min: 1, max: 64 })
    .optional()
    .describe('Apps that sync at the same time, 1 to 64. Default: 8.'),
  webhook: z
    .strictObject({
      port: wholeNumber({ min: 0, max: 65_535 })
        .optional()
        .describe('TCP port of serve; 0 takes a free one. Default: 80.'),
      path: z.string().startsWith('/').optional().describe('Path of the webhook. Default: /webhook.'),
      interface: z.string().min(1).optional().describe('Address to listen on. Default: all.'),
    })
    .optional()
    .describe('Where serve listens. The secret comes from FLYCD_WEBHOOK_SECRET only.'),
  history: z
    .strictObject({
      keep_days: wholeNumber({ min: 1, max: 3650 })
        .optional()
        .describe('Days for which every run is kept, 1 to 3650. Default: 90.'),
      keep_runs: wholeNumber({ min: 1, max: 10_000 })
        .optional()
        .describe('Runs of each app that are kept however old they are, 1 to 10000. Default: 100.'),
    })
    .optional()
    .describe('How long runs are kept. One whose version ran well is kept in any case.'),
  mirror: z
    .strictObject({
      max_mb: wholeNumber({ min: 1, max: 1_000_000 })
        .optional()
        .describe('What the history of one git repository may take on disk, in MB. Default: 1024.'),
    })
    .optional()
    .describe('Copies of git repositories. A project whose repository is too large is not read; all others go on.'),
  allow_hosts: z
    .array(
      z.string().regex(/^(?:\*\.)?[\w.:[\]-]+(?:\/\d{1,3})?$/, 'a host name, an address, or a range as 10.0.0.0/8'),
    )
    .optional()
    .describe(
      'Private hosts that repositories and images in config may lead to: names (`*.` before one: all below it), addresses and CIDRs. FLYCD_ALLOW_HOSTS adds to it, with commas between. Default: public hosts only.',
    ),
  known_hosts: listOf(knownHostsLine())
    .optional()
    .describe(
      'SSH host keys, beside those of GitHub, GitLab, Bitbucket and Codeberg, which FlyCD knows: lines as in ssh’s known_hosts. FLYCD_KNOWN_HOSTS adds more, one a line.',
    ),
  credentials: z
    .record(repositoryPrefix(), Credential)
    .optional()
    .describe(
      'What opens private git repositories: host, organization or repository, and the NAME of an environment variable. The longest that fits counts. FLYCD_CREDENTIALS adds more.',
    ),
  fleet: label()
    .optional()
    .describe('Name under which machines are owned. Default: the root project’s name, else flycd.'),
  sync: SyncWritten.optional().describe('Policy for every app, unless a project or an app says otherwise.'),
  allow_secrets: AllowSecrets.optional(),
});
export type Settings = z.infer<typeof Settings>;
