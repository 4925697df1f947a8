/** What an examination finds: problems that a person, or a script, can act on. */

/** `error`: training would fail or learn what is wrong. `warning`: worth a look. */
export type Level = 'error' | 'warning';

export interface Problem {
  readonly level: Level;
  /** A stable short name for programs; see each check. */
  readonly code: string;
  /** The file it is about, or the data set's root. */
  readonly file: string;
  readonly message: string;
  /** The flag or the action that ends it. */
  readonly fix: string;
}

export interface ClassShare {
  /** Value as stored in the masks. */
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
  readonly pairs: number;
  /** Pairs looked at: all, or a sample. */
  readonly examined: number;
  readonly unlabelled: number;
  readonly problems: readonly Problem[];
  readonly classes: readonly ClassShare[];
  /** Image sizes, the commonest first. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly images: number }[];
  /** Masks with nothing but the first class. */
  readonly emptyMasks: { readonly count: number; readonly share: number };
}
