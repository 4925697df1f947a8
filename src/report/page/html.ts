/**
 * HTML templates that escape every value, unless the value was itself made by a template.
 *
 * ```ts
 * html`<p title="${name}">${name}</p>`   // name may be `"<script>`
 * ```
 *
 * Always quote attributes in templates: escaping is only safe inside quotes.
 */

/** A piece of markup. */
export class Html {
  private constructor(readonly markup: string) {}

  /** Takes markup unescaped. Only for markup that this program generates: charts, styles, scripts. */
  static trusted(markup: string): Html {
    return new Html(markup);
  }

  toString(): string {
    return this.markup;
  }
}

/** Values allowed in a template; undefined, null and false render nothing. */
export type HtmlValue = Html | string | number | undefined | null | false | readonly HtmlValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for use between tags and inside quoted attributes. */
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
