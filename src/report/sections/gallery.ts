/** The worst, median and best samples: image, truth, prediction and errors. */
import { count, figure, lossFigure } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import type { Section } from '../page/page.js';
import type { GalleryItem } from '../pictures.js';
import type { Run } from '../read-run.js';
import { legend } from './class-colours.js';
import { errorLegend } from './error-legend.js';
import { fateLegend } from './fate-legend.js';
import { type Panel, panel, PANEL_HINT } from './panel.js';
import { PART_NAMES } from './part-names.js';
import { rankingFigure } from './ranking-figure.js';
import { TRAINED_ON } from './verdict.js';

const RANKS = [
  ['worst', 'The worst'],
  ['median', 'Around the median'],
  ['best', 'The best'],
] as const;

/** The most classes that a legend names. */
const NAMED = 24;

export function gallerySection({ gallery }: Run): Section | undefined {
  if (!gallery || gallery.items.length === 0) return undefined;
  const { errorColors, classes, multiLabel, background, chosenOn, part } = gallery;
  const shown = classes.map(({ color, name }) => ({ colour: color, name }));
  const but = background !== null && ` (all classes except ${classes[background]?.name ?? 'the background'})`;
  const places = gallery.items.map((item, index) => ({ item, index }));
  return {
    id: 'gallery',
    title: 'Gallery',
    body: html`<p>
        ${PART_NAMES[part] ?? part}, ranked by
        ${rankedBy(gallery.items)}${chosenOn && '; the epoch was chosen on these images'}. ${PANEL_HINT}
      </p>
      ${
        part === 'train' &&
        html`<ul class="warnings">
          <li class="warning">${TRAINED_ON}</li>
        </ul>`
      }
      <h3 class="hidden">Colours</h3>
      ${legend([...shown.filter((_, index) => index !== background).slice(0, NAMED)])}
      <p class="aside">In the error maps${but}:</p>
      ${multiLabel === true ? errorLegend(errorColors, 2 ** classes.length, 0) : errorLegend(errorColors, classes.length, background)}
      ${
        gallery.items.some(({ fates }) => fates !== undefined) &&
        html`<p class="aside">
            In the pictures of objects, outlines of what was found; missed objects are filled:
          </p>
          ${fateLegend()}`
      }
      ${RANKS.map(([rank, title]) => {
        const cards = places.filter(({ item }) => item.rank === rank);
        return (
          cards.length > 0 &&
          html`<h3>${title}</h3>
            <div class="cards">${cards.map(({ item, index }) => card(item, index))}</div>`
        );
      })}`,
  };
}

function card(item: GalleryItem, index: number): Html {
  const { id, view, image, truth, prediction, errors, fates } = item;
  const photo = `#photo-${index}`;
  const panels: Panel[] = [
    { what: 'Image', layers: { ...view, photo: image, name: `photo-${index}`, label: id } },
    { what: 'Truth', layers: { ...view, photo, mask: truth, label: `Truth of ${id}` } },
    {
      what: 'Prediction',
      layers: {
        ...view,
        photo,
        mask: prediction,
        maskName: `prediction-${index}`,
        label: `Prediction for ${id}`,
      },
    },
    {
      what: 'Errors',
      layers: { ...view, photo, mask: errors, label: `Errors in the prediction for ${id}` },
      errors: true,
    },
  ];
  if (fates !== undefined) {
    panels.push({
      what: 'Objects',
      layers: { ...view, photo, mask: fates, label: `What became of the objects of ${id}` },
      errors: true,
    });
  }
  return html`<figure class="card" id="card-${index}">
    <div class="panels">${panels.map(panel)}</div>
    <figcaption><span class="id">${id}</span> · <span class="told">${figuresOf(item)}</span></figcaption>
  </figure>`;
}

/** The score that most items are ranked by. */
function rankedBy(items: readonly GalleryItem[]): string {
  return items.some(({ dice }) => typeof dice === 'number') ? 'Dice' : 'mean Dice';
}

/** Rank and scores of a sample in one line, the score that it is ranked by first. */
export function figuresOf(item: GalleryItem): string {
  const { place, of, meanIoU, loss, group, objects } = item;
  return [
    `${count(place)} of ${count(of)}`,
    rankingFigure(item),
    `mean IoU ${figure(meanIoU)}`,
    ...(objects === undefined ? [] : errorsOfObjects(objects)),
    ...(loss === undefined ? [] : [`loss ${lossFigure(loss)}`]),
    ...(group === undefined ? [] : [`group ${group}`]),
  ].join(' · ');
}

/** Counts of the errors with objects; empty if all were found. */
function errorsOfObjects(objects: NonNullable<GalleryItem['objects']>): string[] {
  const kinds = ['missed', 'invented', 'split', 'merged'] as const;
  return kinds.flatMap((kind) => (objects[kind] > 0 ? [`${count(objects[kind])} ${kind}`] : []));
}
