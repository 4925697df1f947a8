/** Problems found while reading the files of a data set, grouped by kind. Training prints them, doctor lists them. */

export interface Finding {
  /**
   * - `note`: how the files were read;
   * - `warning`: something that the user should check;
   * - `error`: training cannot start.
   */
  readonly level: 'note' | 'warning' | 'error';
  /** Names the kind: `mask-soft`, `size-mismatch`. */
  readonly code: string;
  /** How many files are of this kind. */
  readonly count: number;
  /** Up to three of these files. */
  readonly examples: readonly string[];
  /** One or two sentences. */
  readonly message: string;
  /** What to do; empty for most notes. */
  readonly fix: string;
}

/** Files that a finding names. */
const EXAMPLES = 3;

/** A finding about `files`. */
export function finding(
  level: Finding['level'],
  code: string,
  files: readonly string[],
  message: string,
  fix = '',
): Finding {
  return { level, code, count: files.length, examples: files.slice(0, EXAMPLES), message, fix };
}
