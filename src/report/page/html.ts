/**
 * HTML that cannot hold what it was not meant to: whatever is put into a template is text, and is escaped,
 * unless it was made by a template itself.
 *
 * ```ts
 * html`<p title="${name}">${name}</p>`   // name may be `"<script>`
 * ```
 *
 * Attributes are always quoted in the templates: escaping holds inside of quotes only.
 */

/** A piece of markup. */
export class Html {
  private constructor(readonly markup: string) {}

  /** Takes markup as it is. For what a program of ours wrote: charts, styles, scripts. */
  static trusted(markup: string): Html {
    return new Html(markup);
  }

  toString(): string {
    return this.markup;
  }
}

/** What may stand in a template; nothing is written for what is absent. */
export type HtmlValue = Html | string | number | undefined | null | false | readonly HtmlValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as markup that shows it, between tags and inside of quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** A template of markup. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return Html.trusted(String.raw({ raw: strings }, ...values.map(written)));
}

function written(value: HtmlValue): string {
  if (value === undefined || value === null || value === false) return '';
  if (value instanceof Html) return value.markup;
  if (typeof value === 'object') return value.map(written).join('');
  return escapeHtml(String(value));
}
