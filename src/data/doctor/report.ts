/** What an examination finds: problems that a person, or a script, can act on. */

/** `error`: training would fail or learn what is wrong. `warning`: worth a look. */
export type Level = 'error' | 'warning';

export interface Problem {
  readonly level: Level;
  /** A stable short name for programs; see each check. */
  readonly code: string;
  /** How many files (or annotations) have it. */
  readonly count: number;
  /** At most three of them, or the data set's root. */
  readonly examples: readonly string[];
  readonly message: string;
  /** The flag or the action that ends it. */
  readonly fix: string;
}

/** What a check says of one file. */
export interface Observation {
  readonly level: Level;
  readonly code: string;
  readonly file: string;
  readonly message: string;
  readonly fix: string;
}

/** Files named as examples of a problem. */
const EXAMPLES = 3;

/** Observations of one kind as one problem: its count, some of its files, and the first file's message. */
export function groupProblems(observations: readonly Observation[]): Problem[] {
  const groups = new Map<string, Observation[]>();
  for (const one of observations) {
    const key = `${one.level} ${one.code}`;
    const list = groups.get(key);
    if (list === undefined) groups.set(key, [one]);
    else list.push(one);
  }
  return [...groups.values()].map((list) => {
    const { level, code, message, fix } = list[0]!;
    return {
      level,
      code,
      count: list.length,
      examples: list.slice(0, EXAMPLES).map(({ file }) => file),
      message,
      fix,
    };
  });
}

export interface ClassShare {
  /** The class index; as stored (0 and 255) where masks hold two classes so. */
  readonly value: number;
  readonly name: string;
  readonly pixels: number;
  /** Masks in which it occurs. */
  readonly images: number;
}

export interface DoctorReport {
  /** True where there is no error (warnings do not count). */
  readonly ok: boolean;
  readonly format: string;
  /** How images and masks were matched, in one line; empty where the set could not be opened. */
  readonly pairing: string;
  readonly pairs: number;
  /** Pairs looked at: all, or a sample. */
  readonly examined: number;
  readonly unlabelled: number;
  readonly problems: readonly Problem[];
  readonly classes: readonly ClassShare[];
  /** Image sizes, the commonest first. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly images: number }[];
  /** Pixels that count for nothing, and their share of all. */
  readonly ignored: { readonly pixels: number; readonly share: number };
  /** Masks with nothing but the first class. */
  readonly emptyMasks: { readonly count: number; readonly share: number };
}
