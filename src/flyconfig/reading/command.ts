/**
 * Splits a command line into words as flyctl does (google/shlex): single quotes keep everything, double quotes keep all
 * but a backslash, which takes the next character as it is; `#` at the start of a word begins a comment. No variables,
 * no globs, no pipes: they reach the program as words.
 */
export type CommandWords =
  | { readonly ok: true; readonly words: readonly string[] }
  | { readonly ok: false; readonly problem: string };

const space = /[ \t\r\n]/;

export function splitCommand(command: string): CommandWords {
  const words: string[] = [];
  let at = 0;
  while (at < command.length) {
    const character = command.charAt(at);
    if (space.test(character)) at += 1;
    else if (character === '#') at = endOfLine(command, at);
    else {
      const word = readWord(command, at);
      if (!word.ok) return word;
      words.push(word.text);
      at = word.end;
    }
  }
  return { ok: true, words };
}

function endOfLine(command: string, from: number): number {
  const end = command.indexOf('\n', from);
  return end === -1 ? command.length : end;
}

type Word =
  | { readonly ok: true; readonly text: string; readonly end: number }
  | { readonly ok: false; readonly problem: string };

function readWord(command: string, from: number): Word {
  const pieces: string[] = [];
  let quote = '';
  let at = from;
  for (; at < command.length; at += 1) {
    const character = command.charAt(at);
    if (quote === '' && space.test(character)) break;
    if (character === '\\' && quote !== "'") {
      at += 1;
      if (at >= command.length) return { ok: false, problem: 'it ends with a backslash' };
      pieces.push(command.charAt(at));
    } else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = '';
    else pieces.push(character);
  }
  if (quote !== '') return { ok: false, problem: `a ${quote} is never closed` };
  return { ok: true, text: pieces.join(''), end: at };
}
