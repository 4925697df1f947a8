import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { expect, it } from 'vitest';
import { Html, html } from './html.js';

it('shows any text as text, between tags and in attributes', () => {
  const text = fc.oneof(
    fc.constantFrom('<script>alert(1)</script>', '"onload="x', "it's", '&amp;', '</p>', '🐈 "<b>"'),
    // No parser keeps these as they are: control characters, and a line break at the start.
    fc.string({ unit: 'grapheme' }).filter((string) => !/[\p{Cc}\p{Cs}]/u.test(string)),
  );
  fc.assert(
    fc.property(text, (value) => {
      const { document } = parseHTML(
        `${html`<html>
          <body>
            <p title="${value}">${value}</p>
          </body>
        </html>`}`,
      );
      const paragraph = document.querySelector('p')!;
      expect(document.body.children.length).toBe(1);
      expect(paragraph.children.length).toBe(0);
      expect(paragraph.textContent).toBe(value);
      expect(paragraph.getAttribute('title')).toBe(value);
    }),
  );
});

it('takes templates, lists and numbers as they are, and writes nothing for what is absent', () => {
  const items = [1, undefined, html`<b>${'<'}</b>`, null, false as const];
  expect(`${html`<p>${items}${Html.trusted('<i></i>')}</p>`}`).toBe('<p>1<b>&lt;</b><i></i></p>');
});
