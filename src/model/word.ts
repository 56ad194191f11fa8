import type { Trigger } from './run.ts';

/** A person's word on one app: said in a moment, it stands from then on, whoever is at work on the app. */
export function isWord(trigger: Trigger): boolean {
  return trigger === 'rollback' || trigger === 'suspend' || trigger === 'resume';
}
