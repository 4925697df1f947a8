/** The reliability curve: how often what the model says with some probability is true. */
import type { Calibration } from '../../metrics/index.js';
import { count, figure, percent } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import { scrolling, type Section } from '../page/page.js';
import type { Run } from '../read-run.js';
import { chartFigure } from './curves.js';
import { PART_NAMES } from './part-names.js';

/** An expected calibration error up to this is good. */
export const CALIBRATED = 0.03;

export function probabilitiesSection({ judged, config }: Run): Section | undefined {
  const part = judged.find(({ scores }) => scores.calibration);
  if (!part) return undefined;
  const calibration = part.scores.calibration!;
  const { bins, expectedError } = calibration;
  const points = bins.flatMap(({ probability, frequency }): [number, number][] =>
    probability === null || frequency === null ? [] : [[probability, frequency]],
  );
  // The class that was chosen from K has a probability of at least 1 / K.
  const start = calibration.of === 'choice' ? 1 / config.classes.length : 0;
  const name = config.classes[1] ?? 'foreground';
  const chart = chartFigure({
    title: 'Reliability',
    description: `Expected calibration error ${figure(expectedError)}.`,
    series: [
      {
        name: 'as stated',
        color: 'var(--muted)',
        dash: '3,3',
        dots: false,
        points: [
          [start, start],
          [1, 1],
        ],
      },
      { name: 'model', color: 'var(--valid)', points },
    ],
    x: { label: 'probability' },
    y: { min: 0, max: 1 },
    tell: (p, f) => `probability ${figure(p, 2)}: ${percent(f)} true`,
  });
  return {
    id: 'probabilities',
    title: 'Probabilities',
    body: html`<p>${PART_NAMES[part.part]}. ${meaningOf(calibration, name)} ${judgementOf(calibration)}</p>
      <div class="charts">
        ${chart}
        <figure>
          <p class="chart-title">Share of the pixels by probability</p>
          ${shares(calibration)}
        </figure>
      </div>
      <p class="aside">
        Expected calibration error ${figure(expectedError)}: the mean distance between the curve and the
        dashed line, weighted by pixels (Guo et al. 2017), over ${count(calibration.pixels)}
        ${calibration.of === 'class' ? 'pixels and classes' : 'pixels'} at the model's input size, 15 bins.
      </p>
      <details>
        <summary>Show the curve as a table</summary>
        ${binTable(calibration)}
      </details>`,
  };
}

function meaningOf({ of }: Calibration, name: string): string {
  if (of === 'foreground') {
    return `Of the pixels to which the model gives a probability of 0.8 for ${name}, 80% should be ${name}.`;
  }
  return of === 'choice'
    ? 'Of the pixels whose class the model chose with a probability of 0.8, 80% should be right.'
    : 'Where the model gives a class a probability of 0.8, 80% of the pixels should have it.';
}

/** Whether the probabilities can be used as they are. */
export function judgementOf({ of, expectedError, bins, pixels }: Calibration): string {
  if (expectedError === null) return '';
  const off = `off by ${(100 * expectedError).toFixed(1)} points on average`;
  if (expectedError <= CALIBRATED) return `The probabilities hold: they are ${off}.`;
  const signed = bins.reduce(
    (sum, bin) => sum + (bin.pixels / pixels) * ((bin.probability ?? 0) - (bin.frequency ?? 0)),
    0,
  );
  const how = of !== 'choice' ? '' : signed > 0 ? ', mostly too high' : ', mostly too low';
  return `The probabilities are ${off}${how}: do not take them at their word.`;
}

const WIDTH = 344;
const HEIGHT = 190;

/** Bars whose heights are logarithmic: nearly all pixels are near 0 or 1. */
function shares({ bins, pixels }: Calibration): Html {
  const floor = 1e-5;
  const tall = (share: number) =>
    share <= 0
      ? 0
      : Math.max(1, ((HEIGHT - 46) * Math.log(Math.max(share, floor) / floor)) / Math.log(1 / floor));
  const width = (WIDTH - 60) / bins.length;
  const base = HEIGHT - 32;
  return html`<svg
    class="chart"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    role="img"
    aria-label="Share of the pixels by probability, on a logarithmic axis"
  >
    ${[1, 0.1, 0.01, 0.001].map(
      (share) =>
        html`<path class="grid" d="M48 ${(base - tall(share)).toFixed(1)}H${WIDTH - 12}" /><text
            x="42"
            y="${(base - tall(share) + 4).toFixed(1)}"
            text-anchor="end"
          >
            ${percent(share)}
          </text>`,
    )}
    ${bins.map(({ pixels: own }, i) => {
      const high = tall(own / pixels);
      return html`<rect
        class="bar"
        x="${(48 + i * width + 1).toFixed(1)}"
        width="${(width - 2).toFixed(1)}"
        y="${(base - high).toFixed(1)}"
        height="${high.toFixed(1)}"
      >
        <title>${percent(own / pixels)} of the pixels</title>
      </rect>`;
    })}
    ${[0, 0.5, 1].map(
      (tick) =>
        html`<text x="${(48 + tick * width * bins.length).toFixed(1)}" y="${base + 16}" text-anchor="middle">
          ${tick}
        </text>`,
    )}
    <text x="${WIDTH - 12}" y="${HEIGHT - 2}" text-anchor="end">probability</text>
  </svg>`;
}

function binTable({ bins, pixels }: Calibration): Html {
  return scrolling(
    'Calibration',
    html`<table>
      <thead>
        <tr>
          <th scope="col">Probability</th>
          <th scope="col">True</th>
          <th scope="col">Share of the pixels</th>
        </tr>
      </thead>
      <tbody>
        ${bins.map(
          ({ probability, frequency, pixels: own }) =>
            own > 0 &&
            html`<tr>
              <th scope="row">${figure(probability)}</th>
              <td>${figure(frequency)}</td>
              <td>${percent(own / pixels)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
}
