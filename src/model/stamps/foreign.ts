/**
 * A machine that somebody copied from another app, config and all, brings that app's stamps along: a version that ran well
 * there, a command that ran, evidence of secrets, what persons said. None of it is about the app that it is in now.
 */
import { stampKeys } from './keys.ts';

/** Machines that were stamped before stamps had an app's name count as the app's own. */
export function isOfAnotherApp(app: string, metadata: Readonly<Record<string, string>>): boolean {
  const about = metadata[stampKeys.app];
  return about !== undefined && about !== app;
}

interface WithMetadata {
  readonly metadata?: Record<string, string> | null | undefined;
}

/** Of another app's stamps in a config nothing is left but whose they are; what others wrote stays. */
export function withoutForeignStamps<T extends WithMetadata>(app: string, config: T): T {
  const { metadata } = config;
  if (metadata == null || !isOfAnotherApp(app, metadata)) return config;
  const kept = Object.entries(metadata).filter(([key]) => key === stampKeys.app || !stamps.has(key));
  return { ...config, metadata: Object.fromEntries(kept) };
}

const stamps: ReadonlySet<string> = new Set(Object.values(stampKeys));
