/** The frame around a report's sections: one document that needs nothing but itself. */
import { createHash } from 'node:crypto';
import type { HtmlValue } from './html.js';
import { Html, html } from './html.js';
import { SCRIPT } from './script.js';
import { STYLE } from './style.js';

export interface Section {
  /** Its anchor. */
  readonly id: string;
  readonly title: string;
  readonly body: HtmlValue;
}

export interface Page {
  readonly title: string;
  /** What stands above the title. */
  readonly kicker: string;
  readonly sections: readonly Section[];
  readonly footer: HtmlValue;
}

/** To the letter what the policy knows by its digest: a space more, and it would not run. */
const OUR_SCRIPT = Html.trusted(`<script>${SCRIPT}</script>`);
const digest = createHash('sha256').update(SCRIPT).digest('base64');

/** Nothing is fetched, no script runs but ours; styles stand in elements too (how full a bar is). */
const POLICY = [
  "default-src 'none'",
  'img-src data:',
  "style-src 'unsafe-inline'",
  `script-src 'sha256-${digest}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The whole file. */
export function page({ title, kicker, sections, footer }: Page): string {
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
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
          <ul>
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

/** Data for the script, which no `<` in it can end. */
export function dataBlock(id: string, data: unknown): Html {
  const text = JSON.stringify(data).replace(/</g, '\\u003c');
  return html`<script type="application/json" id="${id}">
    ${Html.trusted(text)}
  </script>`;
}

/** A table that is wider than a phone scrolls by itself, by keyboard too. */
export function scrolling(label: string, table: Html): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${table}</div>`;
}
