/** Every image of a part: its score, whose mark opens its picture, and predicted against true areas by class. */
import { areaChart, MOST_DOTS, scoreChart } from '../charts/marks.js';
import { count, counted, figure } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import { dataBlock, scrolling, type Section } from '../page/page.js';
import type { ImageItem, ImageScoresSheet } from '../pictures.js';
import { evenly } from '../pictures.js';
import type { Run } from '../read-run.js';
import { coloursOf, swatch } from './class-colours.js';
import { PART_NAMES } from './part-names.js';

/** The most classes with a chart of areas: those with the largest areas. */
const AREA_CLASSES = 8;
/** The most rows of the table. */
const ROWS = 60;

/** The images that have a score, the worst first, and where each is in the list that the script opens. */
export interface RankedImages {
  readonly items: readonly (ImageItem & { readonly score: number })[];
  /** By id. */
  readonly opens: ReadonlyMap<string, number>;
}

/** Ranks the images of a part by their score. */
export function rankedImages({ items }: ImageScoresSheet): RankedImages {
  const ranked = items
    .filter((item): item is ImageItem & { score: number } => item.score !== null)
    .sort((a, b) => a.score - b.score);
  const opens = new Map(ranked.filter(({ picture }) => picture).map(({ id }, place) => [id, place]));
  return { items: ranked, opens };
}

/** The name of the score that images are ranked by. */
export function scoreName({ classes, background }: ImageScoresSheet): string {
  return classes.length === 2 && background !== null ? 'Dice' : 'mean Dice';
}

export function imagesSection(run: Run): Section | undefined {
  const { images } = run;
  if (!images) return undefined;
  const ranked = rankedImages(images);
  if (ranked.items.length === 0) return undefined;
  const { items, opens } = ranked;
  const name = scoreName(images);
  const middle = items[Math.floor(items.length / 2)]!.score;
  const undefinedOnes = images.items.length - items.length;
  const many = items.length > MOST_DOTS;
  const marks = items.map(({ id, score }) => ({
    value: Math.max(0, score),
    text: `${id}: ${name} ${figure(score)}`,
    opens: opens.get(id),
  }));
  const pictured =
    opens.size < items.length && opens.size > 0
      ? ` ${count(opens.size)} of them, evenly spread, have pictures.`
      : '';
  return {
    id: 'images',
    title: 'Images',
    body: html`<p>
        ${PART_NAMES[images.part] ?? images.part}: the ${name} of each of
        ${counted(items.length, 'image')}${
          undefinedOnes > 0 && `; ${counted(undefinedOnes, 'image')} without a labelled pixel left out`
        }.${pictured}
        ${
          opens.size > 0 &&
          html`<span class="hint with-mouse"
              >Click a ${many ? 'bar' : 'dot'} to open its picture, or use the arrow keys and Enter.</span
            ><span class="hint with-touch">Tap a ${many ? 'bar' : 'dot'} to open its picture.</span>`
        }
      </p>
      ${marksOf(
        `${name} of each image`,
        scoreChart(marks, { value: middle, name: 'median' }, `${name} of each image`),
        opens.size > 0,
      )}
      <details>
        <summary>Show the scores as a table</summary>
        ${scoreTable(items, name)}
      </details>
      ${areaCharts(run, images, ranked)} ${dataBlock('images-data', pictureData(images, ranked, name))}`,
  };
}

/** A chart whose marks open pictures, by pointer and by keyboard. */
function marksOf(label: string, chart: Html, opens: boolean): Html {
  if (!opens) return html`<div class="marks">${chart}</div>`;
  return html`<div
    class="marks opens"
    role="group"
    tabindex="0"
    aria-label="${label}: arrow keys choose an image, Enter opens it"
  >
    ${chart}
    <p class="chosen aside" aria-live="polite"></p>
  </div>`;
}

/** What the script needs to open the images that have pictures, the worst first. */
function pictureData({ classes }: ImageScoresSheet, { items }: RankedImages, name: string) {
  const total = items.length;
  return items.flatMap(({ id, score, meanIoU, loss, group, labelDoubt, picture }, place) =>
    picture === undefined
      ? []
      : [
          {
            id,
            text: [
              `${count(total - place)} of ${count(total)}`,
              `${name} ${figure(score)}`,
              `mean IoU ${figure(meanIoU)}`,
              ...(loss === undefined || loss === null ? [] : [`loss ${figure(loss)}`]),
              ...(group === undefined ? [] : [`group ${group}`]),
              ...(labelDoubt
                ? [
                    `boxed: the truth says ${classes[labelDoubt.truth] ?? labelDoubt.truth}, the model ${classes[labelDoubt.predicted] ?? labelDoubt.predicted}`,
                  ]
                : []),
            ].join(' · '),
            ...(labelDoubt && { box: labelDoubt.box }),
            ...picture,
          },
        ],
  );
}

function scoreTable(items: RankedImages['items'], name: string): Html {
  const shown = items.slice(0, ROWS);
  const left = items.length - shown.length;
  return html`${scrolling(
    'Scores of images',
    html`<table>
      <thead>
        <tr>
          <th scope="col">Image</th>
          <th scope="col">${name}</th>
          <th scope="col">mean IoU</th>
        </tr>
      </thead>
      <tbody>
        ${shown.map(
          ({ id, score, meanIoU }) =>
            html`<tr>
              <th scope="row" class="name id">${id}</th>
              <td>${figure(score)}</td>
              <td>${figure(meanIoU)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`,
  )}${left > 0 && html`<p class="aside">And ${counted(left, 'image')} with better scores, in samples/images.json.</p>`}`;
}

/** A chart for each class but the background, the largest first. */
function areaCharts(run: Run, { classes, background }: ImageScoresSheet, { items, opens }: RankedImages) {
  const total = (areas: ImageItem['areas']) => areas.true.reduce((sum, pixels) => sum + pixels, 0);
  const sums = (of: 'true' | 'predicted') =>
    classes.map((_, k) => items.reduce((sum, { areas }) => sum + (areas[of][k] ?? 0), 0));
  const [truth, predicted] = [sums('true'), sums('predicted')];
  const shown = classes
    .map((_, k) => k)
    .filter((k) => k !== background && truth[k]! + predicted[k]! > 0)
    .sort((a, b) => truth[b]! - truth[a]!)
    .slice(0, AREA_CLASSES);
  if (shown.length === 0) return undefined;
  const colours = coloursOf(run);
  const drawn = evenly(0, items.length - 1, MOST_DOTS).map((i) => items[i]!);
  const some = drawn.length < items.length && ` Of the images, ${count(drawn.length)} are drawn.`;
  return html`<h3>Predicted and true areas</h3>
    <p class="aside">
      A dot for each image, its areas as shares of the image on axes of square roots. On the line, as much is
      predicted as is true.${some}
    </p>
    <div class="areas">
      ${shown.map((k) => {
        const name = classes[k]!;
        const change = truth[k]! > 0 ? predicted[k]! / truth[k]! - 1 : null;
        const dots = drawn.flatMap(({ id, areas }) => {
          const all = total(areas) || 1;
          const [t, p] = [(areas.true[k] ?? 0) / all, (areas.predicted[k] ?? 0) / all];
          return t + p === 0 ? [] : [{ text: id, opens: opens.get(id), truth: t, predicted: p }];
        });
        return html`<figure>
          <p class="chart-title">${swatch(colours[k] ?? '#808080')}${name}</p>
          ${marksOf(`Areas of ${name}`, areaChart(dots, `Predicted against true areas of ${name}`), opens.size > 0)}
          <figcaption class="aside">${bias(change)}</figcaption>
        </figure>`;
      })}
    </div>`;
}

/** The total of the predicted areas against the true ones. */
function bias(change: number | null): string {
  if (change === null) return 'Never in the truth.';
  const share = Math.abs(100 * change);
  if (share < 0.5) return 'In total as much as is true.';
  return `In total ${share < 10 ? share.toFixed(1) : Math.round(share)}% ${change > 0 ? 'more' : 'less'} than is true.`;
}
