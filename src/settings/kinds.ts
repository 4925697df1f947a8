/**
 * Kinds of values: a whole number in a range, one of a few words, a size in pixels. A kind states in words
 * what it accepts, and reads a value from the text of a flag, a config file or an options object.
 */

export interface Kind<T> {
  /** Stands for the value in help: `N`, `DIR`, `best|last|N`. Absent for flags, which take no value. */
  readonly placeholder?: string;
  /** What is accepted, to follow "must be": `a whole number from 1 to 100`. */
  readonly accepts: string;
  /** The accepted words, where they can be listed. Error messages suggest the nearest one. */
  readonly words?: readonly string[];
  /** The value, or undefined if it is not accepted. Numbers may be written as text: `'0.5'`. */
  read(value: unknown): T | undefined;
}

/** On or off. On the command line `--name` or `--no-name`. */
export function flag(): Kind<boolean> {
  return {
    accepts: 'true or false',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
  };
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max = Infinity): Kind<number> {
  return {
    placeholder: 'N',
    accepts: `a whole number ${inWords({ min, max })}`,
    read(value) {
      const number = numeric(value);
      return number !== undefined && Number.isInteger(number) && number >= min && number <= max
        ? number
        : undefined;
    },
  };
}

/** One of a few whole numbers. */
export function wholeOf<const N extends number>(values: readonly N[]): Kind<N> {
  return {
    placeholder: 'N',
    accepts: `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`,
    read: (value) => values.find((known) => known === numeric(value)),
  };
}

/** An interval of numbers; without limits, all finite numbers. */
export interface NumberLimits {
  /** The smallest accepted value. */
  readonly min?: number;
  /** The largest accepted value. */
  readonly max?: number;
  /** Accepted values are larger than this. */
  readonly above?: number;
  /** Accepted values are smaller than this. */
  readonly below?: number;
}

/** A finite number within limits. */
export function real(limits: NumberLimits = {}): Kind<number> {
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity } = limits;
  return {
    placeholder: 'X',
    accepts: `a number ${inWords(limits)}`.trim(),
    read(value) {
      const number = numeric(value);
      if (number === undefined) return undefined;
      return number >= min && number <= max && number > above && number < below ? number : undefined;
    },
  };
}

/** `from 0 to 1`, `above 0 and up to 1`, `of at least 0`. */
function inWords({ min, max, above, below }: NumberLimits): string {
  const upper =
    max !== undefined && max < Infinity ? `to ${max}` : below !== undefined ? `below ${below}` : undefined;
  if (min !== undefined) {
    if (upper === undefined) return `of at least ${min}`;
    return `from ${min} to ${max ?? `below ${below}`}`;
  }
  if (above !== undefined) {
    if (upper === undefined) return `above ${above}`;
    return `above ${above} and ${below === undefined ? 'up ' : ''}${upper}`;
  }
  return upper === undefined ? '' : below === undefined ? `up ${upper}` : upper;
}

/** One of a few words. */
export function choice<const C extends string>(words: readonly C[]): Kind<C> {
  return {
    placeholder: 'NAME',
    accepts: words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : String(words[0]),
    words,
    read: (value) => words.find((word) => word === value),
  };
}

/** Text that is not empty: a path, a name. Lists are joined by commas. */
export function text(placeholder: string, accepts: string): Kind<string> {
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

/** One of a few words, or a value of another kind: `auto`, or a number. */
export function wordOr<const W extends string, T>(words: readonly W[], other: Kind<T>): Kind<W | T> {
  return {
    placeholder: [...words, other.placeholder].join('|'),
    accepts: `${words.join(', ')} or ${other.accepts}`,
    words,
    read: (value) => words.find((word) => word === value) ?? other.read(value),
  };
}

/** Any of several kinds; the first that accepts a value reads it. */
export function anyOf<T>(kinds: readonly Kind<T>[]): Kind<T> {
  const [first, ...more] = kinds.filter(
    ({ accepts }, i) => kinds.findIndex((kind) => kind.accepts === accepts) === i,
  );
  if (!first) throw new Error('anyOf needs a kind');
  if (more.length === 0) return first;
  const all = [first, ...more];
  const words = all.flatMap((kind) => kind.words ?? []);
  return {
    ...(first.placeholder !== undefined && { placeholder: first.placeholder }),
    accepts: all.map(({ accepts }) => accepts).join(', or '),
    ...(words.length > 0 && { words: [...new Set(words)] }),
    read(value) {
      for (const kind of all) {
        const read = kind.read(value);
        if (read !== undefined) return read;
      }
      return undefined;
    },
  };
}

/** Height and width in pixels. */
export interface PixelSize {
  readonly height: number;
  readonly width: number;
}

const LARGEST_SIDE = 16384;

/** `256` for a square, `192x256` for height × width. */
export function pixelSize(smallest = 1, largest = LARGEST_SIDE): Kind<PixelSize> {
  return {
    placeholder: 'N|HxW',
    accepts: `pixels as N or HxW (256, or 192x256), from ${smallest} to ${largest} a side`,
    read(value) {
      const sides = typeof value === 'object' && value !== null && 'height' in value && 'width' in value;
      const written = sides ? `${String(value.height)}x${String(value.width)}` : String(value);
      const match = /^(\d+)(?:[x×](\d+))?$/i.exec(written.trim());
      if (!match) return undefined;
      const height = Number(match[1]);
      const width = Number(match[2] ?? match[1]);
      const fits = [height, width].every((side) => side >= smallest && side <= largest);
      return fits ? { height, width } : undefined;
    },
  };
}

/** Names separated by commas, or how many there are. */
export function namesOrCount(min: number, max: number): Kind<readonly string[] | number> {
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
export function numbers(min: number, max: number, each: Kind<number>): Kind<readonly number[]> {
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

/** Two numbers of a kind, such as Adam's betas. */
export function pair(each: Kind<number>): Kind<readonly [number, number]> {
  const { placeholder = 'LIST', read } = numbers(2, 2, each);
  return {
    placeholder,
    accepts: `two numbers separated by a comma, each ${each.accepts}`,
    read(value) {
      const found = read(value);
      return found && [found[0]!, found[1]!];
    },
  };
}

/** Several of a few words, separated by commas. */
export function wordList<const C extends string>(words: readonly C[]): Kind<readonly C[]> {
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

/** A fraction from 0 to below 1, or text. */
export function fractionOrText(placeholder: string, accepts: string): Kind<number | string> {
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
export function pattern(): Kind<string> {
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
export function written(placeholder: string, accepts: string, grammar: RegExp): Kind<string> {
  return {
    placeholder,
    accepts,
    read: (value) => (typeof value === 'string' && grammar.test(value) ? value : undefined),
  };
}

/** A finite number, or decimal text of one: not '', not '0x10', not 'Infinity'. */
function numeric(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value.trim()))
    return undefined;
  return Number(value);
}
