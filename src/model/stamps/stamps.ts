/** What we sent: the group's config version and a hash of the image reference as written. */
export interface Sent {
  readonly config: string;
  readonly image: string;
}

export function formatSent(sent: Sent): string {
  return `s1:${sent.config}:${sent.image}`;
}

export function parseSent(text: string | undefined): Sent | undefined {
  const parts = /^s1:([0-9a-f]{32}):([0-9a-f]{32})$/.exec(text ?? '');
  return parts === null ? undefined : { config: parts[1] ?? '', image: parts[2] ?? '' };
}

/** Of `replaces`. */
export function parseIds(text: string | undefined): readonly string[] {
  return (text ?? '').split(',').filter((id) => id !== '');
}

/** A record on Fly that FlyCD made: the app's version that it tells of is what `toldVersion` says. */
export interface Told {
  readonly id: string;
  /** The release's, 1, 2, … of its app. */
  readonly number: number;
  readonly version: string;
}

export function formatTold({ id, number, version }: Told): string {
  return `${id}:${number}:${version}`;
}

export function parseTold(text: string | undefined): Told | undefined {
  const parts = /^(.+):([0-9]{1,9}):([0-9a-f]{32})$/.exec(text ?? '');
  return parts === null ? undefined : { id: parts[1] ?? '', number: Number(parts[2]), version: parts[3] ?? '' };
}

const readScheme = 'r1:';

export function formatRead(hash: string): string {
  return `${readScheme}${hash}`;
}
