/** Flags of the version before: they still work, and a note names the new flag. */

interface NewName {
  readonly name: string;
  /** Values that are called differently now. */
  readonly values?: Readonly<Record<string, string>>;
}

/** Old names and new ones, without dashes in front. */
const RENAMED: Readonly<Record<string, NewName>> = {
  positions: { name: 'tta-transforms' },
  'mask-resize': { name: 'mask-interpolation' },
  'encoder-norms': { name: 'encoder-bn', values: { still: 'frozen', moving: 'training' } },
};

function renamed(flag: string): NewName | undefined {
  return Object.hasOwn(RENAMED, flag) ? RENAMED[flag] : undefined;
}

function newValue({ values = {} }: NewName, value: string): string {
  return values[value] ?? value;
}

const noteOf = (before: string, { name }: NewName, dashes = '--') =>
  `${dashes}${before} is now called ${dashes}${name}. The old name will stop working in the next version.`;

/** The words of a call with today's flags, and a note for each old one. */
export function withNewFlags(words: readonly string[]): {
  readonly words: string[];
  readonly notes: string[];
} {
  const notes: string[] = [];
  let pending: NewName | undefined;
  const renamedWords = words.map((word) => {
    const [, flag = '', value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const now = renamed(flag);
    if (!now) {
      const value = pending ? newValue(pending, word) : word;
      pending = undefined;
      return value;
    }
    notes.push(noteOf(flag, now));
    pending = value === undefined ? now : undefined;
    return value === undefined ? `--${now.name}` : `--${now.name}=${newValue(now, value)}`;
  });
  return { words: renamedWords, notes };
}

/** One entry of a config file with today's name, and a note where the name is an old one. */
export function withNewName(
  key: string,
  value: unknown,
): { readonly key: string; readonly value: unknown; readonly note?: string } {
  const now = renamed(key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
  if (!now) return { key, value };
  return {
    key: now.name,
    value: typeof value === 'string' ? newValue(now, value) : value,
    note: noteOf(key, now, ''),
  };
}
