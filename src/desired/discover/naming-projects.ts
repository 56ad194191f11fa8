/** How projects name the apps of a file, those of this config and of others in the repo, which it does not enter. */
import { isInside } from '../../sources/tree/tree-path.ts';
import type { Tree } from '../../sources/tree/tree.ts';
import type { SourceDocument } from '../documents/document.ts';
import type { Substitution } from '../documents/substitution.ts';
import { pathWithin } from '../files/paths.ts';
import type { Walking } from './discovery.ts';
import { readProject, type Project } from './project.ts';

/** One project, with what those above it give besides. */
export interface NamingProject {
  /** The folder of its apps, and the tree that it is in. */
  readonly tree: Tree;
  readonly reach: string;
  /** Outermost first. */
  readonly substitutions: readonly Substitution[];
  /** Apps that it gives a file which names none. */
  readonly defaults: readonly string[];
  /** Apps that it gives any. */
  readonly overrides: readonly string[];
}

/** Those that were entered. */
export function ownProjects({ starts }: Pick<Walking, 'starts'>): readonly NamingProject[] {
  return starts.flatMap(({ tree, path, chain }) => (chain.length === 0 ? [] : [naming(tree, path, chain)]));
}

/**
 * Those of a tree's files that were not entered. A name too many keeps an app too many: a project that takes its apps from a
 * repo may take them from this one, by another address of it. What is broken gives none.
 */
export function otherProjects(
  tree: Tree,
  files: readonly { readonly folder: string; readonly document: SourceDocument }[],
): readonly NamingProject[] {
  const projects = files
    .flatMap(({ folder, document }) => {
      const { words } = readProject({ document, key: '' });
      if (words === undefined) return [];
      const { type, path = '' } = words.source;
      return [{ folder, words, reach: pathWithin(type === 'git' ? '' : folder, path) ?? folder }];
    })
    .toSorted((one, other) => one.folder.length - other.folder.length);
  return projects.map((project) => {
    const chain = projects.filter((one) => one === project || isInside(project.folder, one.reach));
    return naming(
      tree,
      project.reach,
      chain.map(({ words }) => words),
    );
  });
}

function naming(
  tree: Tree,
  reach: string,
  chain: readonly Pick<Project, 'substitutions' | 'defaults' | 'overrides'>[],
): NamingProject {
  const named = (app: unknown): readonly string[] => (typeof app === 'string' ? [app.trim().toLowerCase()] : []);
  return {
    tree,
    reach,
    substitutions: chain.flatMap(({ substitutions }) => substitutions),
    defaults: chain.flatMap(({ defaults }) => named(defaults['app'])),
    overrides: chain.flatMap(({ overrides }) => named(overrides['app'])),
  };
}
