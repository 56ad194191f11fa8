/** What config files are called by a slip of the pen, or where somebody put them away. */
import { editDistance } from '../../flyconfig/reading/spelling.ts';
import { fileNames, type ConfigKind } from './file-names.ts';

const names: ReadonlySet<string> = new Set(Object.values(fileNames).flat());

export interface NearMiss {
  readonly kind: ConfigKind;
  readonly meant: string;
  /**
   * What tells that it is FlyCD's: its name, or what is in it, where others have such names. aside: somebody may have
   * put it away; it is no slip, but whoever is named in it is not forgotten yet.
   */
  readonly by: 'name' | 'content' | 'aside';
}

/** A part of a name, and how sure it is that it was meant so. */
interface Guess<Meant extends string> {
  readonly meant: Meant;
  readonly isSure: boolean;
}

/**
 * `App.yaml`, `apps.yml`, `app.ymal`, `app,yaml`, `app.yaml.txt`: what a file was meant to be called. `app.yaml~` is one,
 * since an editor that is saving gives the file that name for a moment. `app.json` and `ap.yaml` are where they say what
 * FlyCD reads. `project.yaml.bak` and the like may be put away. undefined: it has its name, or is something else.
 */
export function nearMissOf(name: string): NearMiss | undefined {
  if (names.has(name)) return undefined;
  const looks = lookOf(name);
  return slipOf(looks.replace(/(?:~|\.txt)$/, '')) ?? asideOf(looks);
}

/** As it looks to whoever reads it: small letters of the Latin alphabet, without what cannot be seen. */
function lookOf(name: string): string {
  // Every file of a large repo comes by here.
  if (/^[\x21-\x7E]*$/.test(name)) return name.toLowerCase();
  return name
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}\p{Cc}]/gu, '')
    .toLowerCase()
    .replaceAll(/[^\0-\x7F]/g, (letter) => latin.get(letter) ?? letter)
    .trim();
}

/** Each letter of the names before its twins in Cyrillic, Greek and elsewhere; of capitals, their small letter. */
const twins = [
  'a\u0430\u03B1\u0251',
  'c\u0441\u03F2\u03C2',
  'd\u0501',
  'e\u0435',
  'f\u0192',
  'j\u0458\u03F3',
  'l\u04CF\u0131',
  'm\u043C\u03BC',
  'o\u043E\u03BF\u0585',
  'p\u0440\u03C1',
  't\u0442\u03C4',
  'y\u0443\u04AF\u03B3\u03C5',
];
const latin = new Map(twins.flatMap(([letter = '', ...others]) => others.map((other) => [other, letter])));

function slipOf(looks: string): NearMiss | undefined {
  const joined = /^(app|project|flycd)(ya?ml|toml)$/.exec(looks);
  const [, stem, form] = joined ?? /^([a-z]+)[\s.,;:_-]+([a-z]+)$/.exec(looks) ?? [];
  const kind = kindOf(stem ?? '');
  const ending = formOf(form ?? '');
  if (kind === undefined || ending === undefined) return undefined;
  const by = kind.isSure && ending.isSure ? 'name' : 'content';
  return { kind: kind.meant, meant: `${kind.meant}.${ending.meant}`, by };
}

/** Three letters are too few to count edits by: api, map and tap are one away. These mean nothing else. */
const nearlyApp: ReadonlySet<string> = new Set('ap pp aap aapp appp apps pap spp qpp zpp apo aop'.split(' '));

/** Another word that is one edit away. */
const otherWords: ReadonlySet<string> = new Set(['protect', 'protects']);

function kindOf(stem: string): Guess<ConfigKind> | undefined {
  const [, exact] = /^(app|project|flycd)s?$/.exec(stem) ?? [];
  if (exact !== undefined) return { meant: exact as ConfigKind, isSure: true };
  if (nearlyApp.has(stem)) return { meant: 'app', isSure: false };
  if (otherWords.has(stem)) return undefined;
  // fly.yaml is two away.
  const near = (['project', 'flycd'] as const).find((word) => editDistance(stem, word) === 1);
  return near === undefined ? undefined : { meant: near, isSure: false };
}

/** Of xml, html, ml and ts nobody thinks that they were meant so: the first letter stands, or all are there. */
function formOf(form: string): Guess<'yaml' | 'yml' | 'toml'> | undefined {
  if (form === 'yaml' || form === 'yml' || form === 'toml') return { meant: form, isSure: true };
  if (form === 'json') return { meant: 'yaml', isSure: false };
  const lettersOf = (text: string): string => text.split('').toSorted().join('');
  const isNear = (meant: string, edits: number): boolean =>
    lettersOf(form) === lettersOf(meant) || (form[0] === meant[0] && editDistance(form, meant) <= edits);
  if (isNear('yaml', 1)) return { meant: 'yaml', isSure: true };
  if (isNear('yml', 1)) return { meant: 'yml', isSure: true };
  if (isNear('toml', 1)) return { meant: 'toml', isSure: false };
  return isNear('yaml', 2) ? { meant: 'yaml', isSure: false } : undefined;
}

/** Nobody puts a project away under such a name: it shows readers how one is written, and no app is anybody's for it. */
const isSample = /[^a-z0-9](?:example|sample|template|tmpl|dist)(?:[^a-z0-9]|$)/;

/** It shows how one is written, or is what an app takes secrets from. A template may be what a file is made from. */
const isExample = /[^a-z0-9](?:example|sample|secrets?)(?:[^a-z0-9]|$)/;

/** Its form stands somewhere in the name, as in `app.yaml.bak` and `Copy of app.yml`. */
const formIn = /\.(ya?ml|toml|json)(?![a-z])/;

/** It may be a project's that somebody put away or copied: what is in it tells. Settings that are put away hold nothing. */
function asideOf(looks: string): NearMiss | undefined {
  const form = formIn.exec(looks)?.[1];
  if (!looks.includes('proj') || isSample.test(looks)) return undefined;
  if (form === undefined && !/^projects?[^a-z]/.test(looks)) return undefined;
  return { kind: 'project', meant: `project.${form === undefined || form === 'json' ? 'yaml' : form}`, by: 'aside' };
}

/** How people mark a file that they put away and took the form from. */
const putAsideAs =
  /^[^a-z0-9]*apps?(?:[^a-z0-9](?:bak|backup|old|orig|off|disabled?|saved?|copy|tmp|txt|conf|cfg|removed|deleted|archived?|[0-9]+))*[^a-z0-9]*$/;

/**
 * true: it may be an app's file that somebody put away, copied or called otherwise.
 */
export function mayNameApp(name: string): boolean {
  const looks = lookOf(name);
  if (formIn.test(looks)) return !isFlyConfig(name);
  return putAsideAs.test(looks) || /app[^/]*(?:ya?ml|toml)/.test(looks) || looks.endsWith('.jsonc');
}

/** true: flyctl may deploy by it: a fly.toml, under whatever name. */
export function isFlyConfig(name: string): boolean {
  const looks = lookOf(name);
  const form = formIn.exec(looks)?.[1];
  if (/^[^a-z0-9]*fly(?:[^a-z0-9]|$)/.test(looks)) return form !== undefined;
  return form === 'toml' && !looks.includes('app');
}

/** true: little else is called so. */
export function isLikelyApp(name: string): boolean {
  return (
    !isExample.test(lookOf(name)) &&
    /^[^a-z0-9]*app(?:[^a-z0-9].*)?\.(?:ya?ml|toml)(?:[^a-z0-9].*)?$/.test(lookOf(name))
  );
}
