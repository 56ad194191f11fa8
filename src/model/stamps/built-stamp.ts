/** An image that FlyCD did not build, and the key it would have built it under. */
export interface Built {
  readonly key: string;
  /** `sha256:…` */
  readonly digest: string;
}

export function formatBuilt({ key, digest }: Built): string {
  return `${key}:${digest}`;
}

export function parseBuilt(text: string | undefined): Built | undefined {
  const parts = /^([0-9a-f]{32}):(sha256:[0-9a-f]{64})$/.exec(text ?? '');
  return parts === null ? undefined : { key: parts[1] ?? '', digest: parts[2] ?? '' };
}
