import pc from 'picocolors';
import { expect, test } from 'vitest';
import { terminalLine, terminalText } from './terminal-text.js';

test('escapes what controls a terminal, and keeps text and own colours', () => {
  const { bold, red, dim } = pc.createColors(true);
  const own = `${bold('a')} ${red('b')} ${dim('c')}\té\n😀`;
  expect(terminalText(own)).toBe(own);
  expect(terminalText('\x1b]0;title\x07')).toBe('\\u{1b}]0;title\\u{07}');
  expect(terminalText('\x1b[8mhidden\x1b[2J\r\x9b1A')).toBe('\\u{1b}[8mhidden\\u{1b}[2J\\u{0d}\\u{9b}1A');
  expect(terminalText('a\u202egnp.exe')).toBe('a\\u{202e}gnp.exe');
  expect(terminalLine('one\nerror: two')).toBe('one\\nerror: two');
});
