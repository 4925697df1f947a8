/** The list of files below a data set's folder, by which every format is recognised. */
import { basename, dirname, join } from 'node:path';
import { isFile, isImageName, listFiles } from './files.js';
import { readText } from './text-file.js';

/** Larger JSON files are not opened to detect the format. */
const LARGEST_JSON = 2 ** 30;

export class Tree {
  private readonly parsed = new Map<string, Promise<unknown>>();
  private readonly set: ReadonlySet<string>;

  private constructor(
    /** The folder. */
    readonly root: string,
    /** Paths of all files relative to the folder, `/` between folders, sorted; hidden ones are left out. */
    readonly files: readonly string[],
    /** The given file, if a file was given instead of a folder. */
    readonly named: string | undefined,
    /** Absolute paths of files to skip. */
    readonly leftOut: ReadonlySet<string>,
  ) {
    this.set = new Set(files);
  }

  /** Lists a folder; a path that is a file gives a tree of that file's folder, with the file as `named`. */
  static async of(path: string, leftOut: ReadonlySet<string> = new Set()): Promise<Tree> {
    if (await isFile(path)) return new Tree(dirname(path), [basename(path)], basename(path), leftOut);
    const files = await listFiles(path, () => true);
    return new Tree(
      path,
      files.filter((file) => !leftOut.has(join(path, file))),
      undefined,
      leftOut,
    );
  }

  has(file: string): boolean {
    return this.set.has(file);
  }

  /** Absolute path. */
  path(file: string): string {
    return join(this.root, file);
  }

  /** Files with the extension of an image format. */
  images(): string[] {
    return this.files.filter((file) => isImageName(nameOf(file)));
  }

  /** Files with this extension (`.json`), in upper or lower case. */
  ending(ending: string): string[] {
    return this.files.filter((file) => file.toLowerCase().endsWith(ending));
  }

  /** Files directly in a folder (`''` for the top). */
  in(folder: string): string[] {
    return this.files.filter((file) => folderOf(file) === folder);
  }

  /** A JSON file, parsed once; undefined if it is invalid. NaN and Infinity, which Python writes, become null. */
  json(file: string): Promise<unknown> {
    let value = this.parsed.get(file);
    if (value === undefined) this.parsed.set(file, (value = parseJson(this.path(file))));
    return value;
  }
}

async function parseJson(path: string): Promise<unknown> {
  const text = await readText(path);
  if (text.length > LARGEST_JSON) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    try {
      return JSON.parse(withoutNan(text));
    } catch {
      return undefined;
    }
  }
}

/** Replaces NaN and Infinity outside of strings by null. Python's `json.dump` writes them; JSON does not allow them. */
export function withoutNan(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (found) =>
    found.startsWith('"') ? found : 'null',
  );
}

/** `a/b/c.png` → `a/b`; `c.png` → `''`. */
export function folderOf(file: string): string {
  const at = file.lastIndexOf('/');
  return at === -1 ? '' : file.slice(0, at);
}

/** `a/b/c.png` → `c.png`. */
export function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}
