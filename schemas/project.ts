/** project.yaml: a set of apps, where they are, and what they have in common. */
import { z } from 'zod';
import { SyncWritten } from './policy.ts';
import { GitRef } from './source.ts';
import { label } from './written.ts';

/** How lists of a later part meet lists of an earlier one. */
const listModes = ['append', 'replace', 'by_key'] as const;
export type ListMode = (typeof listModes)[number];

const part = z.record(z.string(), z.unknown());

export const ProjectSource = z
  .strictObject({
    type: z.enum(['git', 'local']).describe('git: another repo; local: a folder of this repo.'),
    repo: z.string().min(1).optional().describe('URL of the git repo (https or ssh).'),
    path: z
      .string()
      .optional()
      .describe(
        'Folder with the apps: from this file’s folder (local) or the repo’s root (git). Default: that folder.',
      ),
    ref: GitRef.optional().describe('Which commit of the git repo. Default: its default branch.'),
  })
  .refine((source) => source.type !== 'git' || source.repo !== undefined, {
    path: ['repo'],
    error: 'expected the URL of the git repo, found nothing',
  });
export type ProjectSource = z.infer<typeof ProjectSource>;

const Common = z.strictObject({
  substitutions: part
    .optional()
    .describe(
      'Regular expressions (RE2) and their replacements, applied to the text of each app.yaml in the order written, outer projects first. $1 and ${name} expand.',
    ),
  app_defaults: part.optional().describe('Laid under each app.yaml.'),
  app_overrides: part.optional().describe('Laid over each app.yaml.'),
  lists: z
    .enum(listModes)
    .optional()
    .describe(
      'How lists merge. append: add what is not there yet; replace: the later list wins; by_key: items with the same name, internal_port, port, source or path merge. Default: append.',
    ),
});
type Common = z.infer<typeof Common>;

export const Project = z.strictObject({
  project: label().describe('Name of the project: letters, digits, inner hyphens. Each name once in a config repo.'),
  fleet: label()
    .optional()
    .describe('In the root project.yaml only: name under which machines are owned. Default: the root project’s name.'),
  source: ProjectSource.describe('Where the project’s apps are.'),
  common: Common.optional().describe('What all apps of the project have in common.'),
  sync: SyncWritten.optional().describe('Policy for the project’s apps, over the outer project’s.'),
  ignore: z
    .array(z.string().min(1))
    .optional()
    .describe(
      'Paths that hold no apps, from the folder where the project’s apps are, and inside of it: other repositories (submodules, or repositories inside this one; any other is an error, since FlyCD does not read what is in it), links, and files whose names look like FlyCD’s.',
    ),
});
export type Project = z.infer<typeof Project>;
