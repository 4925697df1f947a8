/** Sparkline: a word-sized line that shows a value over the epochs. */
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';

const WIDTH = 88;
const HEIGHT = 22;

/**
 * @param values in 0…1; null makes a gap.
 * @param label for screen readers.
 */
export function sparkline(values: readonly (number | null)[], label: string): Html | undefined {
  if (values.filter((value) => value !== null).length < 2) return undefined;
  const x = (index: number) => 1 + (index / (values.length - 1)) * (WIDTH - 4);
  const y = (value: number) => 2 + (1 - value) * (HEIGHT - 4);
  let path = '';
  let draws = false;
  let end: readonly [number, number] = [0, 0];
  values.forEach((value, index) => {
    if (value !== null) {
      end = [round(x(index)), round(y(value))];
      path += `${draws ? 'L' : 'M'}${end.join()}`;
    }
    draws = value !== null;
  });
  return html`<svg
    class="spark"
    role="img"
    aria-label="${label}"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    width="${WIDTH}"
    height="${HEIGHT}"
  >
    <path d="${path}" fill="none" stroke="currentColor" stroke-width="1.5" />
    <circle cx="${end[0]}" cy="${end[1]}" r="2" fill="currentColor" />
  </svg>`;
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
