/** The HTML document around a report's sections. It loads nothing from elsewhere. */
import { createHash } from 'node:crypto';
import type { HtmlValue } from './html.js';
import { Html, html } from './html.js';
import { SCRIPT } from './script.js';
import { STYLE } from './style.js';

export interface Section {
  /** Anchor of the section. */
  readonly id: string;
  readonly title: string;
  readonly body: HtmlValue;
}

export interface Page {
  readonly title: string;
  /** Small text above the title. */
  readonly kicker: string;
  readonly sections: readonly Section[];
  readonly footer: HtmlValue;
}

/** By this text in its head, a page is known to be replaceable. */
export const PAGE_MARK = 'Pixelwise';

/** Must match the digest in the policy exactly: one more space and the script would be blocked. */
const OUR_SCRIPT = Html.trusted(`<script>${SCRIPT}</script>`);
const digest = createHash('sha256').update(SCRIPT).digest('base64');

/** Content security policy: nothing is loaded, only our script runs. Inline styles are needed for bar widths. */
const POLICY = [
  "default-src 'none'",
  'img-src data:',
  "style-src 'unsafe-inline'",
  `script-src 'sha256-${digest}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The complete document. */
export function page({ title, kicker, sections, footer }: Page): string {
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="generator" content="${PAGE_MARK}" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>${title} · ${kicker}</title>
        <style>
          ${Html.trusted(STYLE)}
        </style>
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header>
          <div class="bar masthead">
            <p class="kicker">${kicker}</p>
            <h1>${title}</h1>
          </div>
        </header>
        <nav aria-label="Sections">
          <ul id="sections">
            ${sections.map(({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`)}
          </ul>
        </nav>
        <main id="content" tabindex="-1">
          ${sections.map(
            ({ id, title: name, body }) =>
              html`<section id="${id}" aria-labelledby="${id}-title">
                <h2 id="${id}-title">${name}</h2>
                ${body}
              </section> `,
          )}
        </main>
        <footer>${footer}</footer>
        ${OUR_SCRIPT}
      </body>
    </html> `;
  return document.markup;
}

/** JSON data for the script. `<` is escaped so that the data cannot close the element. */
export function dataBlock(id: string, data: unknown): Html {
  const text = JSON.stringify(data).replace(/</g, '\\u003c');
  return html`<script type="application/json" id="${id}">
    ${Html.trusted(text)}
  </script>`;
}

/** Lets a wide table scroll horizontally, also by keyboard. */
export function scrolling(label: string, table: Html): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${table}</div>`;
}
