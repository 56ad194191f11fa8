/** Which app a file means. Where that cannot be told, any app of Fly's may be the one, and none is removed. */
import { isObject } from '../../model/base/json.ts';
import { shortened } from '../../model/base/text.ts';
import type { SourceDocument } from '../documents/document.ts';
import { hasBrokenSyntax } from '../documents/document.ts';
import type { Finding } from '../documents/finding.ts';
import { parseYaml } from '../documents/yaml.ts';
import { substitute } from '../documents/substitution.ts';

/**
 * v0's, without the capitals that Fly refuses as it refuses underscores. Fly has made apps with longer names, but their
 * addresses are none.
 */
const appNamePattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Why no app of Fly's is called so; undefined: one may be. */
export function strangeAppName(written: string): Pick<Finding, 'message' | 'hint'> | undefined {
  if (appNamePattern.test(written)) return undefined;
  const found = JSON.stringify(shortened(written));
  const meant = nearestAppName(written);
  const ask = meant === undefined ? '' : `did you mean ${meant}? `;
  return {
    message: `expected small letters, digits and inner hyphens, at most 63, found ${found}`,
    hint: `${ask}FlyCD removes no app until the name is valid`,
  };
}

/** As `fly launch` makes a name of a folder's. */
function nearestAppName(written: string): string | undefined {
  const letters = written
    .slice(0, 200)
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .toLowerCase();
  const name = letters.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '');
  return appNamePattern.test(name) ? name : undefined;
}

export interface NamedFile {
  readonly document: SourceDocument;
  readonly layers: { readonly defaults: unknown; readonly overrides: unknown };
  readonly draft: { readonly name: string | undefined };
}

/** The app that a file means, as far as can be told where it is broken. undefined: nobody knows. */
export function meantApp({ document, layers, draft }: NamedFile): string | undefined {
  const isSure = !hasBrokenSyntax(document) && document.problems.every(({ path }) => path[0] !== 'app');
  // Of one that is read whole a number, a truth value or nothing names nobody, whatever its line looks like.
  if (isSure) return draft.name;
  const overridden = appIn(layers.overrides);
  if (overridden !== undefined) {
    return typeof overridden === 'string' && appNamePattern.test(overridden) ? overridden : undefined;
  }
  return appIn(layers.defaults) === undefined ? nameAtAGlance(document) : undefined;
}

function appIn(layer: unknown): unknown {
  return isObject(layer) ? (layer['app'] ?? undefined) : undefined;
}

/**
 * From the text, for a file that cannot be parsed: a field at the very left of a YAML file is a top-level one. Two of
 * them, as a conflict of git leaves them, name nobody.
 */
function nameAtAGlance({ text, substitutions }: SourceDocument): string | undefined {
  const substituted = substitute(text, substitutions);
  if (substituted.over !== undefined) return undefined;
  const [line, other] = substituted.text.match(/^(?:"app"|'app'|app)[ \t]*:.*$/gm) ?? [];
  if (line === undefined || other !== undefined) return undefined;
  const value = /^\S+?[ \t]*:[ \t]*(?:&\S+[ \t]+)?(["']?)([a-z0-9-]+)\1[ \t]*(?:[ \t]#.*)?\r?$/.exec(line);
  const [, quote = '', name = ''] = value ?? [];
  const isText = quote !== '' || typeof parseYaml(name).value === 'string';
  return isText && appNamePattern.test(name) ? name : undefined;
}
