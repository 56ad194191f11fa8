/** What a machine tells about the app that it is in. Who copies a machine's config into another app copies these stamps, too. */
import { stampKeys } from '../stamps/keys.ts';
import { standingKeys, type StandingKey, type StandingTexts } from './standing.ts';

type Metadata = Readonly<Record<string, string>>;

/** Nothing, where they were written about another app. Those of before words had an app's name count. */
export function textsOn(app: string, metadata: Metadata): StandingTexts {
  if (isOfAnother(app, metadata)) return {};
  return Object.fromEntries(standingKeys.flatMap((key) => (metadata[key] === undefined ? [] : [[key, metadata[key]]])));
}

/** Those that were written about another app: once the machine is stamped as one of this app they would be read as its own. */
export function foreignKeys(app: string, metadata: Metadata): readonly StandingKey[] {
  return isOfAnother(app, metadata) ? standingKeys.filter((key) => metadata[key] !== undefined) : [];
}

function isOfAnother(app: string, metadata: Metadata): boolean {
  const about = metadata[stampKeys.app];
  return about !== undefined && about !== app;
}
