/** How the objects that were found match the true ones: scores, fates, count against count, sizes. */
import type { ObjectScores } from '../../objects/index.js';
import type { FinalScores } from '../../training/index.js';
import { ERROR_FATES } from '../fate-examples.js';
import { count, figure } from '../numbers.js';
import { type Html, html } from '../page/html.js';
import { scrolling, type Section } from '../page/page.js';
import type { FateExample } from '../pictures.js';
import type { Run } from '../read-run.js';
import { fateLegend } from './fate-legend.js';
import { type Panel, panel, PANEL_HINT } from './panel.js';
import { PART_NAMES } from './part-names.js';

export function objectsSection({ judged, gallery }: Run): Section | undefined {
  const part = judged.find(({ scores }) => scores.objects);
  if (!part) return undefined;
  const { objects, objectCounts = [] } = part.scores;
  return {
    id: 'objects',
    title: 'Objects',
    body: html`<p class="aside">
        ${PART_NAMES[part.part]}: ${count(objects!.counted)} objects found, ${count(objects!.true)} are true.
      </p>
      ${scoreTable(objects!)} ${objectCounts.length > 0 && countChart(objectCounts)} ${sizeChart(objects!)}
      ${gallery && examplesOf(gallery)}`,
  };
}

/** How an error is introduced. */
const ERROR_TITLES: Readonly<Record<FateExample['fate'], string>> = {
  missed: 'Missed: true objects without a match',
  invented: 'Invented: found objects without a match',
  split: 'Split: true objects found as several',
  merged: 'Merged: found objects that cover several true ones',
};

/** The worst examples of each error. */
function examplesOf({ examples = [], part }: NonNullable<Run['gallery']>): Html | false {
  if (examples.length === 0) return false;
  const places = examples.map((example, index) => ({ example, index }));
  return html`<h3>Examples of errors</h3>
    <p class="aside">
      ${PART_NAMES[part] ?? part}: the largest objects in the images with the most errors of each kind. The
      colour of an outline shows whether the object was found, missed, invented, split or merged.
      ${PANEL_HINT}
    </p>
    ${fateLegend()}
    ${ERROR_FATES.map((fate) => {
      const shown = places.filter(({ example }) => example.fate === fate);
      return (
        shown.length > 0 &&
        html`<h4>${ERROR_TITLES[fate]}</h4>
          <div class="cards fates">${shown.map(({ example, index }) => exampleCard(example, index))}</div>`
      );
    })}`;
}

function exampleCard({ id, area, fate, view, image, truth, found }: FateExample, index: number): Html {
  const name = `fate-photo-${index}`;
  const panels: Panel[] = [
    {
      what: 'Truth',
      layers: { ...view, photo: image, name, mask: truth, label: `True objects of ${id}` },
      errors: true,
    },
    {
      what: 'Found',
      layers: { ...view, photo: `#${name}`, mask: found, label: `Objects found in ${id}` },
      errors: true,
    },
  ];
  return html`<figure class="card">
    <div class="panels">${panels.map(panel)}</div>
    <figcaption>
      <span class="id">${id}</span> · <span class="told">${fate}, ${count(area)} pixels</span>
    </figcaption>
  </figure>`;
}

function scoreTable(objects: ObjectScores): Html {
  const rows: [label: string, value: string, meaning: string][] = [
    ['AP at 0.5', figure(objects.ap50), 'TP / (TP + FP + FN) of an image, IoU above 0.5; mean over images'],
    ['AP 0.5–0.95', figure(objects.ap), 'the mean over ten limits of the IoU'],
    ['F1', figure(objects.f1), 'at 0.5, over all images'],
    ['Panoptic quality', figure(objects.panopticQuality), 'F1 times the mean IoU of the matches'],
    [
      'Aggregated Jaccard',
      figure(objects.aggregatedJaccard),
      'intersections by unions, all objects together',
    ],
    ['Count error', figure(objects.countError), 'differences of the images by the number of true objects'],
    ['Matched', count(objects.true - objects.missed), 'true objects with a match at 0.5'],
    ['Missed', count(objects.missed), 'true objects without a match'],
    ['Invented', count(objects.invented), 'found objects without a match'],
    ['Split', count(objects.split), 'true objects found as several'],
    ['Merged', count(objects.merged), 'found objects that cover several true ones'],
  ];
  return scrolling(
    'Scores of objects',
    html`<table class="wide">
      <caption class="hidden">
        Scores of objects
      </caption>
      <tbody>
        ${rows.map(
          ([label, value, meaning]) =>
            html`<tr>
              <th scope="row">${label}</th>
              <td>${value}</td>
              <td>${meaning}</td>
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
}

const SIDE = 260;
const MARGIN = 30;

/** A dot for each image; on the line, as many objects are found as there are. */
function countChart(images: NonNullable<FinalScores['objectCounts']>): Html {
  const most = Math.max(1, ...images.map((image) => Math.max(image.counted, image.true)));
  const at = (value: number): string => (MARGIN + (value / most) * (SIDE - 2 * MARGIN)).toFixed(1);
  const up = (value: number): string => (SIDE - Number(at(value))).toFixed(1);
  return html`<figure>
    <figcaption>True objects (across) and objects found (up) of each image, up to ${count(most)}</figcaption>
    <svg
      viewBox="0 0 ${SIDE} ${SIDE}"
      width="${SIDE}"
      height="${SIDE}"
      role="img"
      aria-label="Objects found against true objects"
    >
      <path d="M${at(0)} ${up(0)}L${at(most)} ${up(most)}" stroke="currentColor" opacity=".4" />
      ${images.map(
        ({ id, counted, true: trues }) =>
          html`<circle cx="${at(trues)}" cy="${up(counted)}" r="3" fill="currentColor" opacity=".6">
            <title>${id}: ${count(counted)} found, ${count(trues)} true</title>
          </circle>`,
      )}
    </svg>
  </figure>`;
}

/** Two bars for each range of areas: true objects, and those found. */
function sizeChart({ sizes }: ObjectScores): Html | false {
  const length = Math.max(sizes.true.length, sizes.counted.length);
  const first = Array.from({ length }, (_, k) => (sizes.true[k] ?? 0) + (sizes.counted[k] ?? 0)).findIndex(
    Boolean,
  );
  if (first < 0) return false;
  const bins = Array.from({ length: length - first }, (_, i) => first + i);
  const most = Math.max(...sizes.true, ...sizes.counted);
  return scrolling(
    'Sizes of objects',
    html`<table class="wide">
      <caption>
        Objects by their area in pixels
      </caption>
      <thead>
        <tr>
          <th scope="col">Area from</th>
          <th scope="col">True</th>
          <th scope="col">Found</th>
          <th scope="col"><span class="hidden">Bars</span></th>
        </tr>
      </thead>
      <tbody>
        ${bins.map((k) => {
          const [trues, found] = [sizes.true[k] ?? 0, sizes.counted[k] ?? 0];
          const width = (value: number): string => ((160 * value) / most).toFixed(1);
          return html`<tr>
            <th scope="row">${count(Math.ceil(2 ** (k / 2)))}</th>
            <td>${count(trues)}</td>
            <td>${count(found)}</td>
            <td>
              <svg viewBox="0 0 160 14" width="160" height="14" aria-hidden="true">
                <rect width="${width(trues)}" height="6" fill="currentColor" opacity=".35" />
                <rect y="8" width="${width(found)}" height="6" fill="currentColor" opacity=".8" />
              </svg>
            </td>
          </tr>`;
        })}
      </tbody>
    </table>`,
  );
}
