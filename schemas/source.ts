/** Where an app's or a project's content comes from. */
import { z } from 'zod';
import { listOf } from './written.ts';

/** Named in quotes: 1.10 would be read as the number 1.1, and 12e4 as 120000. */
const name = z.string().min(1);

export const GitRef = z.strictObject({
  branch: name.optional().describe('Follows a branch.'),
  tag: name.optional().describe('Follows a tag; wins over branch.'),
  commit: name.optional().describe('Stays at a commit; wins over tag and branch.'),
});
export type GitRef = z.infer<typeof GitRef>;

export const Source = z
  .strictObject({
    type: z
      .enum(['git', 'local', 'inline-docker-file', 'image'])
      .describe(
        'git: build a repo; local: build a folder of this repo; inline-docker-file: build `inline`; image: run `image`.',
      ),
    repo: z.string().min(1).optional().describe('URL of the git repo (https or ssh), for type git.'),
    path: z
      .string()
      .optional()
      .describe('Folder to build: from the repo’s root (git) or this file’s folder (local). Default: that folder.'),
    ref: GitRef.optional().describe('Which commit, for type git. Default: the repo’s default branch.'),
    watch: listOf(z.string().min(1))
      .optional()
      .describe('Paths of the repo that count as a change, beside `path`. Default: the whole repo, or `path`.'),
    inline: z.string().min(1).optional().describe('The Dockerfile’s text, for type inline-docker-file.'),
    image: z.string().min(1).optional().describe('Image reference, for type image: ghcr.io/me/app:1.2.'),
  })
  .superRefine((source, context) => {
    const needed = { git: 'repo', local: undefined, 'inline-docker-file': 'inline', image: 'image' } as const;
    const key = needed[source.type];
    if (key !== undefined && source[key] === undefined) {
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `expected ${key} for type ${source.type}, found nothing`,
      });
    }
  });
export type Source = z.infer<typeof Source>;
