/** Scores by class, and by group if the data has groups. */
import type { GroupScores } from '../../metrics/index.js';
import { sparkline } from '../charts/sparkline.js';
import { count, counted, figure, intervalText, percent } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import { scrolling, type Section } from '../page/page.js';
import type { Judged, Run } from '../read-run.js';
import { coloursOf, swatch } from './class-colours.js';
import { PART_NAMES } from './part-names.js';
import { worthOf } from './verdict.js';

/** The most groups listed, worst first. */
const GROUPS = 40;

export function classesSection(run: Run): Section | undefined {
  const [judged] = run.judged;
  if (!judged) return undefined;
  const { groups } = judged.scores;
  return {
    id: 'classes',
    title: 'Classes',
    body: html`<p class="aside">
        ${PART_NAMES[judged.part]}: ${worthOf(judged)}. A dash means undefined: the class is in neither the
        truth nor the prediction.${judged.scores.intervals && ' Below each IoU is its 95% interval.'}
      </p>
      ${classTable(run, judged)} ${groups && groups.length > 0 && groupTable(groups)}`,
  };
}

function classTable(run: Run, { scores, part }: Judged): Html {
  const all = scores.classes.reduce((sum, { pixels }) => sum + pixels, 0);
  // Curves of the monitored part, because the test part has none.
  const watched = part === 'train' || !run.history.some(({ valid }) => valid) ? 'train' : 'valid';
  const course = run.history.length > 1;
  const colours = coloursOf(run);
  const columns = ['IoU', 'Dice', 'Precision', 'Recall', 'Share of pixels'];
  return scrolling(
    'Scores by class',
    html`<table class="wide">
      <caption class="hidden">
        Scores by class
      </caption>
      <thead>
        <tr>
          <th scope="col">Class</th>
          ${columns.map((name) => html`<th scope="col">${name}</th>`)}${
            course && html`<th scope="col">${PART_NAMES[watched]} IoU by epoch</th>`
          }
        </tr>
      </thead>
      <tbody>
        ${scores.classes.map(({ name, iou, dice, precision, recall, pixels }, index) => {
          const values = run.history.map((record) => record[watched]?.classes[index]?.iou ?? null);
          return html`<tr>
            <th scope="row" class="name">${swatch(colours[index] ?? '#808080')}${name}</th>
            <td>
              ${
                iou !== null && html`<span class="meter" style="--share: ${iou.toFixed(3)}"></span>`
              }${figure(iou)}${
                scores.intervals?.classes[index] &&
                html`<span class="interval">${intervalText(scores.intervals.classes[index])}</span>`
              }
            </td>
            <td>${figure(dice)}</td>
            <td>${figure(precision)}</td>
            <td>${figure(recall)}</td>
            <td>${percent(all > 0 ? pixels / all : null)}</td>
            ${
              course &&
              html`<td>
                ${sparkline(values, `IoU of ${name} from ${figure(values.find((v) => v !== null))} to ${figure(values.findLast((v) => v !== null))}`)}
              </td>`
            }
          </tr>`;
        })}
      </tbody>
    </table>`,
  );
}

function groupTable(groups: readonly GroupScores[]): Html {
  const ranked = groups
    .filter(({ dice }) => dice !== null)
    .sort((a, b) => a.dice! - b.dice! || a.name.localeCompare(b.name));
  const shown = ranked.slice(0, GROUPS);
  const empty = groups.length - ranked.length;
  const notes = [
    ...(shown.length < ranked.length ? [`the worst ${GROUPS} of ${count(ranked.length)} are listed`] : []),
    ...(empty > 0
      ? [`${counted(empty, 'group')} without foreground in truth and prediction are left out`]
      : []),
  ];
  return html`<h3>Groups, worst first</h3>
    <p class="aside">Dice of all foreground pixels of a group together${notes.map((note) => `; ${note}`)}.</p>
    ${scrolling(
      'Dice by group',
      html`<table>
        <caption class="hidden">
          Dice by group
        </caption>
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col">Dice</th>
          </tr>
        </thead>
        <tbody>
          ${shown.map(
            ({ name, dice }) =>
              html`<tr>
                <th scope="row" class="name">${name}</th>
                <td><span class="meter" style="--share: ${dice!.toFixed(3)}"></span>${figure(dice)}</td>
              </tr>`,
          )}
        </tbody>
      </table>`,
    )}`;
}
