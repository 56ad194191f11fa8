/** What FlyCD prints for people to copy into a shell: a value stays one word there, whatever git or Fly says it is. */
import { plain } from './plain.ts';

/** What no shell takes for anything but itself. zsh looks for a program behind a leading `=`, others behind `~` and `%`. */
const bare = /^[A-Za-z0-9_@:,./+-]+$/;

/**
 * One word of sh, bash, zsh and fish that gives the program this very text. Most names stand as they are. Control and other
 * unseen characters are written as `plain` shows them: such a command names nothing, and no terminal is steered by it. An
 * option of FlyCD's and of Fly's takes the word after it even where that begins with a dash.
 */
export function shellWord(text: string): string {
  const shown = plain(text);
  if (shown === '') return "''";
  if (bare.test(shown)) return shown;
  // Inside single quotes fish reads a backslash as an escape, and sh none: both read one outside of them alike.
  return shown.replaceAll(/[^'\\]+|['\\]/g, (part) => (part === "'" || part === '\\' ? `\\${part}` : `'${part}'`));
}
