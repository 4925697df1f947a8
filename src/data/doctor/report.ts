/** The result of an examination: problems for users and scripts to act on. */

/** `error`: training would fail or learn from wrong labels. `warning`: should be checked. */
export type Level = 'error' | 'warning';

export interface Problem {
  readonly level: Level;
  /** A stable short name for scripts; see the checks. */
  readonly code: string;
  /** Number of files (or annotations) with the problem. */
  readonly count: number;
  /** At most three of these files, or the root of the data set. */
  readonly examples: readonly string[];
  readonly message: string;
  /** The flag or action that solves it. */
  readonly fix: string;
}

/** A problem of one file. */
export interface Observation {
  readonly level: Level;
  readonly code: string;
  readonly file: string;
  readonly message: string;
  readonly fix: string;
}

/** Number of files named as examples of a problem. */
const EXAMPLES = 3;

/** Combines observations of one kind into a problem: its count, some of its files, and the message of the first. */
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
  /** The class index, or the stored value (0 and 255) if masks store two classes in this way. */
  readonly value: number;
  readonly name: string;
  readonly pixels: number;
  /** Number of masks in which it occurs. */
  readonly images: number;
}

export interface DoctorReport {
  /** True if there is no error (warnings do not count). */
  readonly ok: boolean;
  readonly format: string;
  /** How images and masks were matched, in one line; empty if the set could not be opened. */
  readonly pairing: string;
  readonly pairs: number;
  /** Number of examined pairs: all, or a sample. */
  readonly examined: number;
  readonly unlabelled: number;
  readonly problems: readonly Problem[];
  readonly classes: readonly ClassShare[];
  /** Image sizes, the most common first. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly images: number }[];
  /** Number of ignored pixels, and their share of all. */
  readonly ignored: { readonly pixels: number; readonly share: number };
  /** Masks with nothing but the first class. */
  readonly emptyMasks: { readonly count: number; readonly share: number };
}
