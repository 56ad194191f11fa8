/** Links that git wrote as files with the path in them, where it makes none (core.symlinks=false). */
import { join } from 'node:path';
import { circle, linkBytesMax, linkDestination, linksMax, rebased } from '../tree/links.ts';
import { cleanPath } from '../tree/tree-path.ts';
import { readFile } from './read-file.ts';

export interface TextLinks {
  /** A path with such links on the way taken for what they are. Throws a stalled Fault where one leads out. */
  past(path: string): string;
  /** What is written in one. */
  target(link: string): string;
}

export function textLinks(request: {
  readonly root: string;
  /** The tree's. */
  readonly name: string;
  readonly links: ReadonlySet<string>;
}): TextLinks {
  const { root, name, links } = request;
  const target = (link: string): string =>
    new TextDecoder().decode(readFile({ file: join(root, link), path: link, bytesMax: linkBytesMax }));
  return {
    target,
    past(path) {
      if (links.size === 0) return path;
      let clean = cleanPath(path, name);
      for (let followed = 0; ; followed += 1) {
        const steps = clean.split('/').map((_step, index, all) => all.slice(0, index + 1).join('/'));
        const link = steps.find((step) => links.has(step));
        if (link === undefined) return clean;
        if (followed === linksMax) throw circle(link, path, name);
        const to = linkDestination({ link, target: target(link), path, name });
        clean = rebased(clean, { from: link, to });
      }
    },
  };
}
