/** A table with a column per run. The best value of a row is bold and has a star. */
import { DASH } from '../numbers.js';
import type { Html, HtmlValue } from '../page/html.js';
import { html } from '../page/html.js';
import { scrolling } from '../page/page.js';
import type { Column } from './compared.js';

export interface ValueRow {
  readonly label: HtmlValue;
  /** One per run; null if the score is undefined, undefined if there is none. */
  readonly values: readonly (number | null | undefined)[];
  readonly write: (value: number | null | undefined) => string;
  /** Which value is the best. If absent, no value is marked. */
  readonly better?: 'larger' | 'smaller';
}

/** A row of text. */
export interface TextRow {
  readonly label: HtmlValue;
  readonly texts: readonly string[];
}

/** @param first heading of the first column. */
export function valueTable(
  caption: string,
  first: string,
  columns: readonly Column[],
  rows: readonly (ValueRow | TextRow)[],
): Html {
  return scrolling(
    caption,
    html`<table class="runs">
      <caption class="hidden">
        ${caption}
      </caption>
      <thead>
        <tr>
          <th scope="col">${first}</th>
          ${columns.map(({ name }) => html`<th scope="col" class="name">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              <th scope="row" class="name">${row.label}</th>
              ${cells(row)}
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
}

function cells(row: ValueRow | TextRow): Html[] {
  if ('texts' in row) return row.texts.map((text) => html`<td class="words">${text}</td>`);
  const best = bestOf(row);
  return row.values.map((value, index) =>
    best[index]
      ? html`<td class="best">${BEST}${row.write(value)}</td>`
      : html`<td>${value === undefined ? DASH : row.write(value)}</td>`,
  );
}

/** The star of the best value, with text for screen readers. */
export const BEST = html`<span class="star" aria-hidden="true">★</span><span class="hidden">best: </span>`;

/**
 * Marks the best values of a row. Values that are formatted alike count as equal. If all are equal, none is
 * marked.
 */
export function bestOf({ values, write, better }: Pick<ValueRow, 'values' | 'write' | 'better'>): boolean[] {
  const numbers = values.filter((value) => typeof value === 'number');
  const nowhere = values.map(() => false);
  if (better === undefined || numbers.length < 2) return nowhere;
  const best = write(better === 'larger' ? Math.max(...numbers) : Math.min(...numbers));
  const marks = values.map((value) => typeof value === 'number' && write(value) === best);
  return marks.filter(Boolean).length === numbers.length ? nowhere : marks;
}
