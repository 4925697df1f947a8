/** Checks of options: each message names the option, its value and the accepted range. */
import { UsageError } from '../errors/index.js';

/** An interval of accepted numbers; a bound is open where `above` or `below` names it. */
export interface Range {
  /** Least accepted value. */
  readonly min?: number;
  /** Greatest accepted value. */
  readonly max?: number;
  /** Only greater values are accepted. */
  readonly above?: number;
  /** Only smaller values are accepted. */
  readonly below?: number;
  /** Only whole numbers are accepted. */
  readonly whole?: boolean;
}

function describe({ min, max, above, below, whole }: Range): string {
  const lower = min !== undefined ? `[${min}` : above !== undefined ? `(${above}` : '(-Infinity';
  const upper = max !== undefined ? `${max}]` : below !== undefined ? `${below})` : 'Infinity)';
  return `a ${whole === true ? 'whole' : 'finite'} number in ${lower}, ${upper}`;
}

/**
 * Checks that `value` is a finite number within `range`.
 * @throws UsageError naming `owner`, `option`, the value and the range.
 */
export function requireInRange(owner: string, option: string, value: unknown, range: Range): void {
  const inside =
    typeof value === 'number' &&
    Number.isFinite(value) &&
    value >= (range.min ?? -Infinity) &&
    value <= (range.max ?? Infinity) &&
    value > (range.above ?? -Infinity) &&
    value < (range.below ?? Infinity) &&
    (range.whole !== true || Number.isInteger(value));
  if (!inside) throw new UsageError(`${owner}: ${option} must be ${describe(range)}, got ${String(value)}.`);
}

/** @throws UsageError if `value` is neither true nor false. */
export function requireBoolean(owner: string, option: string, value: unknown): void {
  if (typeof value !== 'boolean') {
    throw new UsageError(`${owner}: ${option} must be true or false, got ${String(value)}.`);
  }
}
