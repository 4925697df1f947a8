/** Shows predictions of several models for the same samples, a column per model. */
import { backgroundClass, hexColour, maskLook } from '../../images/palette.js';
import { maskValueCount } from '../../labels/label-set.js';
import { ERROR_COLOURS } from '../error-map.js';
import { figure, listed } from '../numbers.js';
import type { Html, HtmlValue } from '../page/html.js';
import { html } from '../page/html.js';
import { scrolling, type Section } from '../page/page.js';
import { coloursOf, legend } from '../sections/class-colours.js';
import { errorLegend } from '../sections/error-legend.js';
import { panel, PANEL_HINT } from '../sections/panel.js';
import { PART_NAMES } from '../sections/part-names.js';
import type { Column, Compared } from './compared.js';
import type { ComparedPrediction, ComparedSample, ComparedSamples } from './samples.js';
import { BEST, bestOf } from './value-table.js';

/** Maximum number of classes in a legend. */
const MAX_CLASSES = 24;

/**
 * @param shown undefined if the runs share no sample.
 * @param why samples could not be predicted.
 */
export function samplesSection(
  compared: Compared,
  shown: ComparedSamples | undefined,
  why: string | undefined,
): Section {
  const { columns } = compared;
  const head = { id: 'samples', title: 'Samples' };
  if (!shown || shown.samples.length === 0) {
    return {
      ...head,
      body: html`<p>
        ${why !== undefined && `${why} `}The runs have no pictures of the same samples, so none are shown.
      </p>`,
    };
  }
  const { source, part, samples, notes } = shown;
  const whose = columns[source]!;
  const anyTrainedOn = samples.some(({ predictions }) => predictions.some((each) => each?.trainedOn));
  const errors = samples.some(({ predictions }) => predictions.some((each) => each?.errors !== undefined));
  return {
    ...head,
    body: html`<p>
        ${PART_NAMES[part] ?? part} samples with the prediction of each model.
        ${why !== undefined && `${why} `}${notes.join(' ')} ${PANEL_HINT}
      </p>
      ${
        anyTrainedOn &&
        html`<ul class="warnings">
          <li class="warning">
            <strong>Warning. </strong>A model marked “trained on it” has seen this sample in training, so its
            prediction may be memorised.
          </li>
        </ul>`
      }
      ${classLegends(columns)} ${errors && legendOfErrors(whose)}
      <div class="comparisons" style="--models: ${columns.length + (errors ? 1 : 2)}">
        ${samples.map((sample, index) => figureOf(sample, index, compared, errors))}
      </div>`,
  };
}

/** Legends of the mask colours, one for each distinct list of classes. */
function classLegends(columns: readonly Column[]): Html[] {
  const alike = new Map<string, Column[]>();
  for (const column of columns) {
    const classes = JSON.stringify(column.run.config.classes);
    alike.set(classes, [...(alike.get(classes) ?? []), column]);
  }
  return [...alike.values()].map((group) => {
    const { run } = group[0]!;
    const { multiLabel } = run.config;
    const background = multiLabel === true ? null : backgroundClass(run.config.classes);
    const shown = coloursOf(run)
      .map((colour, index) => ({ colour, name: run.config.classes[index]! }))
      .filter((_, index) => index !== background)
      .slice(0, MAX_CLASSES);
    return html`${
      alike.size > 1 && html`<p class="aside">Classes of ${listed(group.map(({ name }) => name))}:</p>`
    }
    ${legend(shown)}`;
  });
}

function legendOfErrors({ run }: Column): Html {
  const { falsePositive, falseNegative, wrongClass } = ERROR_COLOURS;
  const colours = {
    falsePositive: hexColour(falsePositive),
    falseNegative: hexColour(falseNegative),
    wrongClass: hexColour(wrongClass),
  };
  const { config } = run;
  return html`<p class="aside">In the error maps, below the predictions:</p>
    ${errorLegend(colours, maskValueCount(config), maskLook(config).clear)}`;
}

/**
 * One sample. Image and truth come first. With error maps there are two rows: image and predictions, then truth
 * and error maps.
 */
function figureOf(
  sample: ComparedSample,
  index: number,
  { columns, sameClasses }: Compared,
  rows: boolean,
): Html {
  const { id, width, height, image, truth, predictions } = sample;
  const size = { width, height };
  const photo = `#sample-${index}`;
  const best = bestOf({
    values: predictions.map((each) => each?.meanIoU),
    write: (value) => figure(value),
    ...(sameClasses && { better: 'larger' as const }),
  });
  const first = panel({
    what: 'Image',
    layers: { ...size, photo: image, name: `sample-${index}`, label: id },
  });
  const truthPanel = panel({
    what: 'Truth',
    layers: { ...size, photo, mask: truth, label: `Truth of ${id}` },
  });
  const predicted = predictions.map((each, i) => {
    const { name } = columns[i]!;
    return each
      ? panel({
          what: captionOf(name, each, best[i]!),
          layer: name,
          layers: { ...size, photo, mask: each.mask, label: `Prediction of ${name} for ${id}` },
        })
      : emptyPanel(name);
  });
  const wrong = predictions.map((each, i) => {
    const { name } = columns[i]!;
    return each?.errors === undefined
      ? emptyPanel('')
      : panel({
          what: 'Errors',
          layer: `Errors of ${name}`,
          layers: { ...size, photo, mask: each.errors, label: `Errors of ${name} for ${id}` },
          errors: true,
        });
  });
  const cells = rows ? [first, ...predicted, truthPanel, ...wrong] : [first, truthPanel, ...predicted];
  return html`<figure>
    <figcaption class="id">${id}</figcaption>
    ${scrolling(`${id} with each model`, html`<div class="models">${cells}</div>`)}
  </figure>`;
}

function captionOf(name: string, { meanIoU, trainedOn }: ComparedPrediction, best: boolean): HtmlValue {
  return html`<span class="model">${name}</span>${
      meanIoU !== undefined &&
      html`<span class="${best ? 'best' : 'plain'}">${best && BEST}${figure(meanIoU)}</span>`
    }${trainedOn === true && html`<span class="trained-on">trained on it</span>`}`;
}

function emptyPanel(name: string): Html {
  return html`<div class="panel"><span class="what">${name !== '' && `${name}: none`}</span></div>`;
}
