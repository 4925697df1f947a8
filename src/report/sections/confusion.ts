/**
 * The confusion matrix as a heat map: a table whose cells are shaded by the share of the true class's pixels. A table
 * works on screens, in screen readers and on paper.
 */
import { maskValueName } from '../../labels/label-set.js';
import { count, percent } from '../numbers.js';
import { html } from '../page/html.js';
import { scrolling, type Section } from '../page/page.js';
import type { Run } from '../read-run.js';
import { PART_NAMES } from './part-names.js';

/** The most classes shown. With more classes, those with the most wrong pixels are shown. */
const CLASSES = 24;
/** Cells with a larger share get light text. */
const STRONG = 0.55;
/** With more columns than this, their names are written vertically. */
const LEVEL_NAMES = 4;

export function confusionSection({ judged, config }: Run): Section | undefined {
  const part = judged.find(({ scores }) => scores.confusion);
  if (!part) return undefined;
  const rows = part.scores.confusion!;
  const names = rows.map((_, value) => maskValueName(config, value));
  const shown = mostConfused(rows, CLASSES);
  const left = names.length - shown.length;
  const upright = shown.length > LEVEL_NAMES;
  return {
    id: 'confusion',
    title: 'Confusion',
    body: html`<p class="aside">
        ${PART_NAMES[part.part]}. Rows are true ${config.multiLabel ? 'sets of classes' : 'classes'}, columns
        are predicted ones. Cells give the share of the true class's pixels; the diagonal is
        correct.${left > 0 && ` Of ${names.length} classes, the ${CLASSES} with the most wrong pixels are shown.`}
      </p>
      ${scrolling(
        'Confusion matrix',
        html`<table class="heat">
          <caption class="hidden">
            Confusion matrix: share of the pixels of each true class (rows) by predicted class (columns)
          </caption>
          <thead>
            <tr>
              <td></td>
              ${shown.map(
                (p) =>
                  html`<th scope="col" ${upright && html` class="upright"`}><span>${names[p]}</span></th>`,
              )}
            </tr>
          </thead>
          <tbody>
            ${shown.map((t) => {
              const pixels = rows[t]!.reduce((sum, cell) => sum + cell, 0);
              return html`<tr>
                <th scope="row">${names[t]}</th>
                ${shown.map((p) => {
                  const share = pixels > 0 ? rows[t]![p]! / pixels : 0;
                  const kind = [share > STRONG ? 'strong' : '', t === p ? 'right' : ''].join(' ').trim();
                  const told = `${count(rows[t]![p]!)} pixels`;
                  return html`<td${kind !== '' && html` class="${kind}"`} style="--share: ${share.toFixed(3)}" title="${told}">${pixels > 0 ? percent(share) : '–'}</td>`;
                })}
              </tr>`;
            })}
          </tbody>
        </table>`,
      )}`,
  };
}

/** Indices of at most `most` classes in their order: those with the most wrong pixels. */
export function mostConfused(rows: readonly (readonly number[])[], most: number): number[] {
  const wrong = rows.map((row, index) =>
    row.reduce((sum, cell, other) => sum + (other === index ? 0 : cell + rows[other]![index]!), 0),
  );
  return rows
    .map((_, index) => index)
    .sort((a, b) => wrong[b]! - wrong[a]!)
    .slice(0, most)
    .sort((a, b) => a - b);
}
