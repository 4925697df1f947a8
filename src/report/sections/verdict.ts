/** The first section: what was trained, how good it is, and the warnings. */
import { hasModel, modelEntry } from '../../models/index.js';
import { count, counted, figure, intervalText, listed } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import { scrolling, type Section } from '../page/page.js';
import type { GalleryItem } from '../pictures.js';
import type { Judged, Run } from '../read-run.js';
import { scoreNames, scoreOf, writtenScore } from '../scores-table.js';
import type { Warning } from '../warnings.js';
import { warningsAbout } from '../warnings.js';
import { rankingFigure } from './ranking-figure.js';
import { panel } from './panel.js';
import { PART_NAMES } from './part-names.js';
import { publishedTable } from './published.js';

/** The caveat for pictures of training samples. */
export const TRAINED_ON =
  'The model was trained on these samples, so they do not show how it does on new images.';

/** The most classes that the summary names. */
const NAMED_CLASSES = 12;
const HEADLINES = 4;

export function verdictSection(run: Run): Section {
  const [first] = run.judged;
  return {
    id: 'verdict',
    title: 'Verdict',
    body: html`<p class="lede">${storyOf(run)}</p>
      ${first && headlines(first)}
      <div class="beside">${warningList(warningsAbout(run))} ${run.judged.length > 0 && scoreTable(run)}</div>
      ${publishedTable(run)} ${trio(run)}`,
  };
}

/** A summary of the run in a few sentences. */
export function storyOf({ config, history, bestEpoch }: Run): string {
  const { model, classes, data, training, size, patch } = config;
  const named = classes.length <= NAMED_CLASSES ? ` (${listed(classes.map((name) => name))})` : '';
  const dataName = data.path.split(/[\\/]/).filter(Boolean).at(-1) ?? data.path;
  const held = [
    ...(data.valid > 0 ? [`${count(data.valid)} were used to choose the best epoch`] : []),
    ...(data.test > 0 ? [`${count(data.test)} were set aside for testing`] : []),
  ];
  const done = history.length;
  const epochs =
    done === training.epochs
      ? counted(done, 'epoch')
      : `${count(done)} of ${counted(training.epochs, 'epoch')}`;
  const best =
    data.valid === 0 || bestEpoch === undefined
      ? ''
      : bestEpoch === 0
        ? ' No epoch was better than the model that training started from, which was kept.'
        : ` Epoch ${bestEpoch} was the best.`;
  return (
    `The ${hasModel(model.name) ? modelEntry(model.name).title : `model ${model.name}`} was trained to segment ${counted(classes.length, 'class', 'classes')}${named} ` +
    `on ${counted(data.train, 'image')} of ${dataName} ${patch ? 'in patches of' : 'at'} ${size.width}×${size.height} pixels for ${epochs}.` +
    (held.length > 0 ? ` Of the other images, ${listed(held)}.` : '') +
    best
  );
}

/** How the scores of a part were computed. */
export function worthOf({ part, chosenOn, scoreAt, scores }: Judged): string {
  const size = scoreAt === 'source' ? 'at original size' : "at the model's input size";
  if (part === 'train') return `${counted(scores.samples, 'image')}, augmented, ${size}, during training`;
  return `${counted(scores.samples, 'image')}, ${size}, ${chosenOn ? 'used to choose the epoch' : 'not used for any choice'}`;
}

function headlines(judged: Judged): Html {
  const names = scoreNames(judged.scores).filter(({ better }) => better === 'larger');
  const shown = ['meanIoU', 'meanDice', 'dice', 'meanGroupDice', 'pixelAccuracy']
    .flatMap((key) => names.filter((name) => name.key === key))
    .slice(0, HEADLINES);
  const { intervals } = judged.scores;
  return html`<dl class="figures">
      ${shown.map(
        ({ key, label }) =>
          html`<div>
            <dt>${label}</dt>
            <dd>${figure(scoreOf(judged.scores, key))}${intervalOf(judged, key)}</dd>
          </div>`,
      )}
    </dl>
    <p class="aside">
      ${PART_NAMES[judged.part]}:
      ${worthOf(judged)}.${intervals && ` Below each score is its 95% interval: ${count(intervals.resamples)} times, as many ${intervals.of} were drawn with replacement from the ${count(intervals.count)} and scored.`}
    </p>`;
}

/** The interval of a score, below it. */
function intervalOf({ scores: { intervals } }: Judged, key: string): Html | undefined {
  const interval = intervals?.scores[key];
  return interval && html`<span class="interval">${intervalText(interval)}</span>`;
}

/** A list of warnings; undefined if there are none. */
export function warningList(warnings: readonly Warning[]): Html | undefined {
  if (warnings.length === 0) return undefined;
  return html`<ul class="warnings" aria-label="Warnings and notes">
    ${warnings.map(
      ({ level, text }) =>
        html`<li class="${level}">${level === 'warning' && html`<strong>Warning. </strong>`}${text}</li>`,
    )}
  </ul>`;
}

function scoreTable({ judged }: Run): Html {
  const names = scoreNames(judged[0]!.scores);
  return scrolling(
    'Scores by part',
    html`<table>
      <caption class="hidden">
        Scores by part of the data
      </caption>
      <thead>
        <tr>
          <th scope="col">Score</th>
          ${judged.map(({ part }) => html`<th scope="col">${PART_NAMES[part]}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${names.map(
          (name) =>
            html`<tr>
              <th scope="row" class="score">
                ${name.label}${name.meaning !== undefined && html`<span class="meaning">${name.meaning}</span>`}
              </th>
              ${judged.map(({ scores }) => html`<td>${writtenScore(name, scoreOf(scores, name.key))}</td>`)}
            </tr>`,
        )}
        <tr>
          <th scope="row">Images</th>
          ${judged.map(({ scores }) => html`<td>${count(scores.samples)}</td>`)}
        </tr>
        <tr>
          <th scope="row" class="score">Compared at the size of</th>
          ${judged.map(({ scoreAt }) => html`<td>${scoreAt === 'source' ? 'images' : 'model'}</td>`)}
        </tr>
      </tbody>
    </table>`,
  );
}

/** The worst, the median and the best prediction; their pictures are in the gallery. */
function trio({ gallery }: Run): Html | undefined {
  if (!gallery) return undefined;
  const places = gallery.items.map((item, index) => ({ item, index }));
  const of = (rank: GalleryItem['rank']) => places.filter(({ item }) => item.rank === rank);
  const shown = [of('worst')[0], of('median')[0], of('best').at(-1)].filter((place) => place !== undefined);
  if (shown.length === 0) return undefined;
  const words = { worst: 'Worst', median: 'Median', best: 'Best' };
  return html`<h3>Worst, median and best prediction</h3>
    ${gallery.part === 'train' && html`<p class="aside">${TRAINED_ON}</p>`}
    <div class="trio">
      ${shown.map(
        ({ item, index }) =>
          html`<figure>
            ${panel({
              card: `card-${index}`,
              layer: 'Prediction',
              layers: {
                ...item.view,
                photo: `#photo-${index}`,
                mask: `#prediction-${index}`,
                label: `${words[item.rank]} prediction, laid over ${item.id}`,
              },
            })}
            <figcaption>
              ${words[item.rank]}: ${rankingFigure(item)}<br /><span class="id">${item.id}</span>
            </figcaption>
          </figure>`,
      )}
    </div>`;
}
