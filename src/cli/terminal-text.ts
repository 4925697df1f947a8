/**
 * Text that is safe on a terminal. Names of files, classes and runs, and messages about them, may come from strangers
 * and contain sequences that move the cursor, change the title or hide what is written.
 */

/** The codes of picocolors for colour and weight, which this program writes itself. They cannot hide text. */
const COLOUR = /^\x1b\[(?:0|1|2|22|3[1-79]|9[0-7])m/;

/** C0 and C1 control characters except tab and newline, and characters that change the direction of text. */
const UNSAFE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const escaped = (character: string): string =>
  `\\u{${character.codePointAt(0)!.toString(16).padStart(2, '0')}}`;

/** Replaces control characters by visible escapes; newlines and this program's own colours are kept. */
export function terminalText(text: string): string {
  return text.replace(UNSAFE, (character, at: number) =>
    COLOUR.test(text.slice(at, at + 5)) ? character : escaped(character),
  );
}

/** As {@link terminalText}, for text that must stay on its line. */
export const terminalLine = (text: string): string => terminalText(text).replaceAll('\n', '\\n');
