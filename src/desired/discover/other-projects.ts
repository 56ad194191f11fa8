/** Projects of other configs in the repo, which this one does not enter: how they name the apps there. */
import { isInside } from '../../sources/tree/tree-path.ts';
import type { SourceDocument } from '../documents/document.ts';
import type { Substitution } from '../documents/substitution.ts';
import { pathWithin } from '../files/paths.ts';
import { readProject } from './project.ts';

/** One project, with what those above it give besides. */
export interface OtherProject {
  /** The folder of its apps, from the repo's top. */
  readonly reach: string;
  /** Outermost first. */
  readonly substitutions: readonly Substitution[];
  /** Apps that it gives a file which names none. */
  readonly defaults: readonly string[];
  /** Apps that it gives any. */
  readonly overrides: readonly string[];
}

/** A name too many keeps an app too many. What is broken, or takes its apps from another repo, gives none. */
export function otherProjects(
  files: readonly { readonly folder: string; readonly document: SourceDocument }[],
): readonly OtherProject[] {
  const projects = files
    .flatMap(({ folder, document }) => {
      const { words } = readProject({ document, key: '' });
      const isLocal = words !== undefined && words.source.type !== 'git';
      return isLocal ? [{ folder, words, reach: pathWithin(folder, words.source.path ?? '') ?? folder }] : [];
    })
    .toSorted((one, other) => one.folder.length - other.folder.length);
  const named = (app: unknown): readonly string[] => (typeof app === 'string' ? [app.trim().toLowerCase()] : []);
  return projects.map((project) => {
    const chain = projects.filter((one) => one === project || isInside(project.folder, one.reach));
    return {
      reach: project.reach,
      substitutions: chain.flatMap(({ words }) => words.substitutions),
      defaults: chain.flatMap(({ words }) => named(words.defaults['app'])),
      overrides: chain.flatMap(({ words }) => named(words.overrides['app'])),
    };
  });
}
