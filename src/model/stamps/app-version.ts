/** What a release brings to an app's machines: the image and what all its groups' configs are, as one. */
export interface AppVersion {
  /** 32 hex: hash of the groups' config versions. */
  readonly config: string;
  /** `sha256:…`; empty: nobody knows. */
  readonly digest: string;
  /** 32 hex: hash of the image as git names it, for when a digest is not known. */
  readonly image: string;
}

export interface GoodVersion extends AppVersion {
  /** The config repo's commit that it was computed from: `<commit>`, `<commit>-dirty` or `content:<hash>`. */
  readonly revision: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface FailedVersion extends AppVersion {
  /** 32 hex: version of the release command that failed; empty: its machines did. */
  readonly command: string;
  readonly at: number;
}

/** The two are one release. Where either digest is unknown, the image as it is written decides. */
export function isSameVersion(one: AppVersion, other: AppVersion): boolean {
  if (one.config !== other.config) return false;
  if (one.digest !== '' && other.digest !== '') return one.digest === other.digest;
  return one.image === other.image;
}

export function formatGood({ revision, config, digest, image, at }: GoodVersion): string {
  return [revision, config, digest, image, at].join(':');
}

const goodForm = /^(.+):([0-9a-f]{32}):(sha256:[0-9a-f]{64}|):([0-9a-f]{32}):([0-9]{1,15})$/;

export function parseGood(text: string | undefined): GoodVersion | undefined {
  const [, revision = '', config = '', digest = '', image = '', at] = goodForm.exec(text ?? '') ?? [];
  return at === undefined ? undefined : { revision, config, digest, image, at: Number(at) };
}

export function formatFailed({ config, digest, image, command, at }: FailedVersion): string {
  return [config, digest, image, command, at].join(':');
}

const failedForm = /^([0-9a-f]{32}):(sha256:[0-9a-f]{64}|):([0-9a-f]{32}):([0-9a-f]{32}|):([0-9]{1,15})$/;

export function parseFailed(text: string): FailedVersion | undefined {
  const [, config = '', digest = '', image = '', command = '', at] = failedForm.exec(text) ?? [];
  return at === undefined ? undefined : { config, digest, image, command, at: Number(at) };
}
