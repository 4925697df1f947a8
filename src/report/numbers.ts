/** Formats numbers for reports. Undefined values are a dash. */

export const DASH = '–';

/** A score in 0…1, or a loss. */
export function figure(value: number | null | undefined, digits = 3): string {
  return value === null || value === undefined ? DASH : value.toFixed(digits);
}

/** An interval of a score: `0.812–0.853`. */
export function intervalText([low, high]: readonly [number, number]): string {
  return `${figure(low)}–${figure(high)}`;
}

/** A loss: four decimals, or scientific notation if it is very small or large. */
export function lossFigure(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  const size = Math.abs(value);
  return size !== 0 && (size < 0.01 || size >= 1000) ? value.toExponential(2) : value.toFixed(4);
}

/** 48,123 */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 image`, `12 images`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A fraction in 0…1 as a percentage with about two significant digits: 64%, 3.1%, 0.28%, < 0.01%. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return DASH;
  const value = 100 * share;
  if (value === 0) return '0%';
  if (value < 0.01) return '< 0.01%';
  // 99.6% must not be rounded to 100%.
  const digits = value < 1 ? 2 : value < 10 || (value > 99 && value < 100) ? 1 : 0;
  return `${value.toFixed(digits)}%`;
}

/** A learning rate, short: 0.001, 4e-8. */
export function rate(value: number): string {
  const short = Number(value.toPrecision(3));
  return short !== 0 && short < 1e-4 ? short.toExponential() : String(short);
}

/** A time: 0.8 s, 42 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return DASH;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `a, b and c` */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
