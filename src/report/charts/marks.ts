/**
 * Charts with a mark for each image, whose marks open its picture: scores as stacked dots, or as a histogram where there
 * are many images, and predicted against true areas.
 */
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';

/** A mark of an image. */
export interface Mark {
  /** Its name and value, for the tooltip. */
  readonly text: string;
  /** Place of its picture in the list that the page's script opens; undefined if it has none. */
  readonly opens?: number | undefined;
}

/** More images than this are drawn as a histogram. */
export const MOST_DOTS = 400;
const WIDTH = 640;
const PAD = 14;
const AXIS = 34;
const TALLEST = 190;
const BINS = 25;

/**
 * Scores in 0 … 1 along an axis, a dot for each image; a histogram for more than {@link MOST_DOTS}, whose bars open their
 * first image.
 *
 * @param values sorted. @param middle a value to point out, with its name.
 */
export function scoreChart(
  values: readonly (Mark & { readonly value: number })[],
  middle: { readonly value: number; readonly name: string },
  label: string,
): Html {
  const least = Math.min(...values.map(({ value }) => value));
  const low = Math.min(0.9, Math.floor(10 * least) / 10);
  const x = (value: number) => PAD + ((WIDTH - 2 * PAD) * (value - low)) / (1 - low);
  const drawn = values.length > MOST_DOTS ? histogram(values, low, x) : stackedDots(values, low, x);
  const base = drawn.height;
  const ticks = ticksOf(low);
  const at = x(middle.value);
  return html`<svg
    class="marks-chart"
    viewBox="0 0 ${WIDTH} ${Math.round(base + AXIS)}"
    role="img"
    aria-label="${label}"
  >
    <path class="axis" d="M${PAD} ${base.toFixed(1)}H${WIDTH - PAD}" />
    ${ticks.map(
      (tick) =>
        html`<text x="${x(tick).toFixed(1)}" y="${(base + 16).toFixed(1)}" text-anchor="middle">
          ${tick.toFixed(low >= 0.8 ? 2 : 1)}
        </text>`,
    )}
    <path class="middle" d="M${at.toFixed(1)} ${base.toFixed(1)}V6" />
    <text
      x="${(at - 5).toFixed(1)}"
      y="12"
      text-anchor="${at > WIDTH / 3 ? 'end' : 'start'}"
      ${at <= WIDTH / 3 && html`dx="10"`}
    >
      ${middle.name} ${middle.value.toFixed(3)}
    </text>
    ${drawn.marks}
  </svg>`;
}

function ticksOf(low: number): number[] {
  const step = low >= 0.8 ? 0.05 : low >= 0.5 ? 0.1 : 0.2;
  const ticks: number[] = [];
  for (let tick = 1; tick >= low - 1e-9; tick -= step) ticks.push(Math.max(low, tick));
  return ticks.reverse();
}

type Scale = (value: number) => number;

/** Dots in columns as wide as a dot, each column from the axis upwards. */
function stackedDots(
  values: readonly (Mark & { readonly value: number })[],
  low: number,
  x: Scale,
): { marks: Html[]; height: number } {
  let radius = 5.5;
  let columns = new Map<number, number>();
  const columnOf = (value: number) => Math.round((x(value) - x(low)) / (2 * radius));
  for (; ; radius *= 0.85) {
    columns = new Map();
    for (const { value } of values) columns.set(columnOf(value), (columns.get(columnOf(value)) ?? 0) + 1);
    if (2 * radius * Math.max(...columns.values()) <= TALLEST || radius < 1.6) break;
  }
  const tallest = Math.max(...columns.values());
  const height = 2 * radius * tallest + 24;
  const filled = new Map<number, number>();
  const marks = values.map(({ value, text, opens }) => {
    const column = columnOf(value);
    const below = filled.get(column) ?? 0;
    filled.set(column, below + 1);
    const [cx, cy] = [x(low) + 2 * radius * column, height - radius * (2 * below + 1)];
    return dot(cx, cy, radius * 0.88, { text, opens });
  });
  return { marks, height };
}

function histogram(
  values: readonly (Mark & { readonly value: number })[],
  low: number,
  x: Scale,
): { marks: Html[]; height: number } {
  const bins: (typeof values)[number][][] = Array.from({ length: BINS }, () => []);
  for (const each of values) {
    bins[Math.min(BINS - 1, Math.floor((BINS * (each.value - low)) / (1 - low)))]!.push(each);
  }
  const most = Math.max(...bins.map(({ length }) => length));
  const height = 170;
  const marks = bins.flatMap((bin, i) => {
    if (bin.length === 0) return [];
    const [from, to] = [i, i + 1].map((edge) => low + ((1 - low) * edge) / BINS) as [number, number];
    const tall = Math.max(2, ((height - 24) * bin.length) / most);
    const opens = bin.find((each) => each.opens !== undefined)?.opens;
    return [
      html`<rect
        class="mark"
        ${opens !== undefined && html`data-image="${opens}"`}
        x="${(x(from) + 1).toFixed(1)}"
        width="${(x(to) - x(from) - 2).toFixed(1)}"
        y="${(height - tall).toFixed(1)}"
        height="${tall.toFixed(1)}"
      >
        <title>${bin.length} images from ${from.toFixed(2)} to ${to.toFixed(2)}</title>
      </rect>`,
    ];
  });
  return { marks, height };
}

const SQUARE = 250;
const EDGE = 36;

/** A dot for each image: its true area of a class across, the predicted one up, as shares of the image. */
export function areaChart(
  images: readonly (Mark & { readonly truth: number; readonly predicted: number })[],
  label: string,
): Html {
  const most = Math.max(1e-6, ...images.map(({ truth, predicted }) => Math.max(truth, predicted)));
  // By the square root, so that small areas are told apart.
  const along = (share: number) => Math.sqrt(share / most) * (SQUARE - 2 * EDGE);
  const written = (share: number) => `${Number((100 * share).toPrecision(2))}%`;
  const ticks = [0, most / 4, most];
  return html`<svg class="area-chart" viewBox="0 0 ${SQUARE} ${SQUARE}" role="img" aria-label="${label}">
    <path class="axis" d="M${EDGE} ${EDGE}V${SQUARE - EDGE}H${SQUARE - EDGE}" />
    <path class="middle" d="M${EDGE} ${SQUARE - EDGE}L${SQUARE - EDGE} ${EDGE}" />
    ${ticks.map(
      (tick) =>
        html`<text x="${(EDGE + along(tick)).toFixed(1)}" y="${SQUARE - EDGE + 14}" text-anchor="middle">
            ${written(tick)}</text
          ><text x="${EDGE - 4}" y="${(SQUARE - EDGE - along(tick) + 4).toFixed(1)}" text-anchor="end">
            ${tick > 0 && written(tick)}
          </text>`,
    )}
    <text x="${SQUARE - EDGE}" y="${SQUARE - 3}" text-anchor="end">true</text>
    <text x="${EDGE - 24}" y="${EDGE - 14}">predicted</text>
    ${images.map(({ truth, predicted, ...mark }) =>
      dot(EDGE + along(truth), SQUARE - EDGE - along(predicted), 3, mark),
    )}
  </svg>`;
}

function dot(cx: number, cy: number, radius: number, { text, opens }: Mark): Html {
  return html`<circle
    class="${opens === undefined ? 'mark hollow' : 'mark'}"
    ${opens !== undefined && html`data-image="${opens}"`}
    cx="${cx.toFixed(1)}"
    cy="${cy.toFixed(1)}"
    r="${radius.toFixed(1)}"
  >
    <title>${text}</title>
  </circle>`;
}
