/**
 * What values options take: each kind says in words what it accepts and reads it from a flag's text or
 * from a config file's value.
 */

/** A sort of value. `read` gives undefined for what it does not accept. */
export interface OptionKind<T> {
  /** Stands for the value in help: `N`, `DIR`, `best|last|N`. A flag takes none. */
  readonly placeholder?: string;
  /** What is accepted, in words that follow "takes": `a whole number from 1 to 100`. */
  readonly accepts: string;
  /** The words accepted, where they can be listed: the nearest is suggested for one that is not. */
  readonly words?: readonly string[];
  read(value: unknown): T | undefined;
}

/** On or off. On the command line `--name` or `--no-name`. */
export function flag(): OptionKind<boolean> {
  return {
    accepts: 'true or false',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
  };
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number): OptionKind<number> {
  return {
    placeholder: 'N',
    accepts: `a whole number from ${min} to ${max}`,
    read(value) {
      const number = numeric(value);
      return number !== undefined && Number.isInteger(number) && number >= min && number <= max
        ? number
        : undefined;
    },
  };
}

export interface NumberLimits {
  readonly min?: number;
  readonly max?: number;
  /** The value lies above this, and is not equal to it. */
  readonly above?: number;
  /** The value lies below this, and is not equal to it. */
  readonly below?: number;
}

/** A number within limits. */
export function real(limits: NumberLimits): OptionKind<number> {
  const { min, max, above, below } = limits;
  const words = [
    min !== undefined && `from ${min}`,
    above !== undefined && `above ${above}`,
    max !== undefined && `${min === undefined ? 'up ' : ''}to ${max}`,
    below !== undefined && `below ${below}`,
  ].filter((word) => word !== false);
  return {
    placeholder: 'X',
    accepts: `a number ${words.join(above !== undefined || below !== undefined ? ' and ' : ' ')}`,
    read(value) {
      const number = numeric(value);
      if (number === undefined) return undefined;
      const within =
        number >= (min ?? -Infinity) &&
        number <= (max ?? Infinity) &&
        number > (above ?? -Infinity) &&
        number < (below ?? Infinity);
      return within ? number : undefined;
    },
  };
}

/** One of a few words. */
export function choice<const C extends string>(words: readonly C[]): OptionKind<C> {
  return {
    placeholder: 'NAME',
    accepts: `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`,
    words,
    read: (value) => words.find((word) => word === value),
  };
}

/** Text that is not empty: a path, a name. Config files may write lists, which are joined by commas. */
export function text(placeholder: string, accepts: string): OptionKind<string> {
  return {
    placeholder,
    accepts,
    read(value) {
      const plain = Array.isArray(value)
        ? value.join(',')
        : typeof value === 'number'
          ? String(value)
          : value;
      return typeof plain === 'string' && plain.trim() !== '' ? plain : undefined;
    },
  };
}

/** A word that stands by itself, or else a value of another kind: `auto`, or a number. */
export function wordOr<const W extends string, T>(
  words: readonly W[],
  other: OptionKind<T>,
): OptionKind<W | T> {
  return {
    placeholder: [...words, other.placeholder].join('|'),
    accepts: `${words.join(', ')} or ${other.accepts}`,
    words,
    read: (value) => words.find((word) => word === value) ?? other.read(value),
  };
}

/** Height and width in pixels. */
export interface PixelSize {
  readonly height: number;
  readonly width: number;
}

const LARGEST_SIDE = 16384;

/** `256` for a square, `192x256` for height × width. */
export function pixelSize(smallest = 1, largest = LARGEST_SIDE): OptionKind<PixelSize> {
  return {
    placeholder: 'N|HxW',
    accepts: `pixels as N or HxW (256, or 192x256), from ${smallest} to ${largest} a side`,
    read(value) {
      const match = /^(\d+)(?:[x×](\d+))?$/i.exec(String(value).trim());
      if (!match) return undefined;
      const height = Number(match[1]);
      const width = Number(match[2] ?? match[1]);
      const fits = [height, width].every((side) => side >= smallest && side <= largest);
      return fits ? { height, width } : undefined;
    },
  };
}

/** Names separated by commas, or how many there are. */
export function namesOrCount(min: number, max: number): OptionKind<readonly string[] | number> {
  return {
    placeholder: 'NAMES|N',
    accepts: `${min} to ${max} names separated by commas, or their number`,
    read(value) {
      const count = numeric(value);
      if (count !== undefined)
        return Number.isInteger(count) && count >= min && count <= max ? count : undefined;
      const parts: readonly unknown[] | undefined = Array.isArray(value)
        ? (value as readonly unknown[])
        : typeof value === 'string'
          ? value.split(',')
          : undefined;
      const names = parts?.map((part) => String(part).trim());
      if (!names || names.length < min || names.length > max || names.includes('')) return undefined;
      return new Set(names).size === names.length ? names : undefined;
    },
  };
}

/** From `min` to `max` numbers of a kind, separated by commas. */
export function numbers(min: number, max: number, each: OptionKind<number>): OptionKind<readonly number[]> {
  return {
    placeholder: 'LIST',
    accepts: `${min} to ${max} numbers separated by commas, each ${each.accepts}`,
    read(value) {
      const parts: readonly unknown[] | undefined = Array.isArray(value)
        ? (value as readonly unknown[])
        : typeof value === 'string'
          ? value.split(',')
          : undefined;
      const found = parts?.flatMap((part) => each.read(part) ?? []);
      const whole = found && found.length === parts?.length && found.length >= min && found.length <= max;
      return whole ? found : undefined;
    },
  };
}

/** Several of a few words, separated by commas. */
export function wordList<const C extends string>(words: readonly C[]): OptionKind<readonly C[]> {
  return {
    placeholder: 'LIST',
    accepts: `a list of ${words.join(', ')}, separated by commas`,
    words,
    read(value) {
      const parts: readonly unknown[] = Array.isArray(value) ? value : String(value).split(',');
      const found = parts.flatMap((part) => words.find((word) => word === String(part).trim()) ?? []);
      return found.length === parts.length && new Set(found).size === found.length ? found : undefined;
    },
  };
}

/** A share of the whole, from 0 to below 1, or text that names a part otherwise. */
export function fractionOrText(placeholder: string, accepts: string): OptionKind<number | string> {
  return {
    placeholder,
    accepts: `a fraction from 0 to below 1, ${accepts}`,
    read(value) {
      const number = numeric(value);
      if (number !== undefined) return number >= 0 && number < 1 ? number : undefined;
      return typeof value === 'string' && value.trim() !== '' ? value : undefined;
    },
  };
}

/** The source of a regular expression. */
export function pattern(): OptionKind<string> {
  return {
    placeholder: 'PATTERN',
    accepts: "a regular expression, such as '^([^_]+)_'",
    read(value) {
      if (typeof value !== 'string' || value === '') return undefined;
      try {
        new RegExp(value, 'u');
        return value;
      } catch {
        return undefined;
      }
    },
  };
}

/** Text that matches a grammar. */
export function written(placeholder: string, accepts: string, grammar: RegExp): OptionKind<string> {
  return {
    placeholder,
    accepts,
    read: (value) => (typeof value === 'string' && grammar.test(value) ? value : undefined),
  };
}

/** A number, or text that is one and nothing else: not '', not '0x10', not 'Infinity'. */
function numeric(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value.trim()))
    return undefined;
  return Number(value);
}
