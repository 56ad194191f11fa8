/** Files that FlyCD does not read and that name an app: somebody put its app.yaml away, copied it or called it otherwise. */
import { hasBrokenSyntax, readDocument, type SourceDocument } from '../documents/document.ts';
import { substitute, type Substitution } from '../documents/substitution.ts';
import type { ConfigFile } from '../files/config-files.ts';
import { isIgnored, type Walking } from './discovery.ts';
import { standsAlone } from './overlooked.ts';

/**
 * The file that still names an app, where no app.yaml stands beside it. They are read when the first app is asked for, which is
 * one that git no longer names: there may be thousands of them. Throws the tree's Faults.
 */
export function putAwayFiles(walking: Walking): (app: string) => Promise<string | undefined> {
  let reading: Promise<ReadonlyMap<string, string>> | undefined;
  return async (app) => {
    reading ??= filesByApp(walking);
    try {
      return (await reading).get(app);
    } catch (error) {
      // Tried again for the next one.
      reading = undefined;
      throw error;
    }
  };
}

async function filesByApp(walking: Walking): Promise<ReadonlyMap<string, string>> {
  const chains = walking.projects
    .map((project) => [...(walking.entered.get(project.name)?.chain ?? []), project])
    .map((chain) => chain.flatMap((project) => project.substitutions));
  // One that the walk came by is there a second time, from whoever looked for what it did not.
  const candidates = new Map(walking.nearMisses.map((nearMiss) => [nearMiss.file.name, nearMiss]));
  const found = new Map<string, string>();
  for (const { file, by } of candidates.values()) {
    if (by !== 'aside' || isIgnored(walking, file) || !(await standsAlone(walking, { file, kind: 'app' }))) continue;
    for (const app of await appsOf(walking, file, chains)) if (!found.has(app)) found.set(app, file.name);
  }
  return found;
}

/** As it stands, and as each project would have it. */
async function appsOf(
  { files }: Walking,
  file: ConfigFile,
  chains: readonly (readonly Substitution[])[],
): Promise<readonly string[]> {
  const reading = await files.document(file);
  if (reading.state !== 'read') return [];
  const { document } = reading.value;
  const written = appsIn(document);
  // Most files of other tools end here.
  if (written.length === 0) return [];
  const { text, format } = document;
  const bytes = new TextEncoder().encode(text);
  const substituted = chains
    .filter((substitutions) => substitutions.length > 0)
    .flatMap((substitutions) => appsIn(readDocument({ file: file.name, format, bytes, substitutions })));
  return [...written, ...substituted];
}

/** Of a file that says nothing that can be parsed: a name too many keeps an app too many. */
const appsWritten = /^(?:#[ \t]*)?(?:["']?app["']?|[ \t]*\{?[ \t]*"app")[ \t]*[:=][ \t]*["']?([a-z0-9-]+)/gim;

function appsIn(document: SourceDocument): readonly string[] {
  const app = document.fields?.['app'];
  if (document.fields !== undefined && !hasBrokenSyntax(document))
    return typeof app === 'string' ? [app.trim().toLowerCase()] : [];
  const { text } = substitute(document.text, document.substitutions);
  return [...text.matchAll(appsWritten)].flatMap(([, name]) => name?.toLowerCase() ?? []);
}
