/**
 * Finds the image files that an annotation file refers to. Annotation tools often write paths that only exist on the
 * machine they ran on, so several folders are tried.
 */
import { isImageName, stemOf } from '../files.js';
import { folderOf, nameOf, type Tree } from '../tree.js';

export class ImageFinder {
  private readonly byPath = new Map<string, string>();
  /** By file name without folders; undefined if several files have that name. */
  private readonly byName = new Map<string, string | undefined>();
  /** By file name without extension; undefined if several files have it. */
  private readonly byStem = new Map<string, string | undefined>();
  /** Images that `find` has returned. */
  private readonly found = new Set<string>();

  constructor(private readonly tree: Tree) {
    for (const file of tree.images()) {
      this.byPath.set(keyOf(file), file);
      for (const [map, key] of [
        [this.byName, keyOf(nameOf(file))],
        [this.byStem, keyOf(stemOf(nameOf(file)))],
      ] as const) {
        map.set(key, map.has(key) ? undefined : file);
      }
    }
  }

  /**
   * The absolute path of the image that the annotation file `source` calls `listed`; undefined if there is none.
   * Looks in the folder of `source`, in `folders`, in `images/` and in the root. After that it looks in all folders
   * for an image of the same file name, with or without the extension, if there is exactly one.
   */
  find(listed: string, source: string, folders: readonly string[] = []): string | undefined {
    const name = listed.replaceAll('\\', '/').replace(/^(?:\.{0,2}\/)+/, '');
    for (const folder of [folderOf(source), ...folders, 'images', '']) {
      const file = this.byPath.get(keyOf(folder === '' ? name : `${folder}/${name}`));
      if (file !== undefined) return this.markFound(file);
    }
    const sameName = this.byName.get(keyOf(nameOf(name)));
    if (sameName !== undefined) return this.markFound(sameName);
    // The listed name may lack the extension or have a different one.
    const sameStem = this.byStem.get(keyOf(isImageName(name) ? stemOf(nameOf(name)) : nameOf(name)));
    return sameStem === undefined ? undefined : this.markFound(sameStem);
  }

  /** Absolute paths of the images that `find` has not returned so far. */
  left(): string[] {
    return this.tree
      .images()
      .filter((file) => !this.found.has(file))
      .map((file) => this.tree.path(file));
  }

  private markFound(file: string): string {
    this.found.add(file);
    return this.tree.path(file);
  }
}

const keyOf = (path: string): string => path.normalize('NFC').toLowerCase();
