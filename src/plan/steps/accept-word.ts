/** The words of `--accept-only`: an app by its name, or a reason of holds. */
import { shellWord } from '../../model/base/shell.ts';
import { statusByReason } from './status.ts';

/** The app that a word means. undefined: it is a reason. */
export function appOf(word: string): string | undefined {
  if (word.startsWith('app:')) return word.slice('app:'.length);
  return Object.hasOwn(statusByReason, word) ? undefined : word;
}

/** Of an app that is called like a reason the name alone means the reason. */
export function wordOf(app: string): string {
  return appOf(app) === app ? app : `app:${app}`;
}

/** What a person runs to have this app's holds released, for a sentence. */
export function acceptCommand(app: string): string {
  return `flycd sync --once --accept-only ${shellWord(wordOf(app))}`;
}
