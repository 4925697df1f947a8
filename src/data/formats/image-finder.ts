/** Finds the image files that an annotation file names: tools write paths of the machine they ran on. */
import { isImageName, stemOf } from '../files.js';
import { folderOf, nameOf, type Tree } from '../tree.js';

export class ImageFinder {
  private readonly byPath = new Map<string, string>();
  /** By name alone; undefined where several files have it. */
  private readonly byName = new Map<string, string | undefined>();
  private readonly byStem = new Map<string, string | undefined>();
  private readonly taken = new Set<string>();

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
   * The absolute path of the image `listed` in `source` (relative): tried from the file's own folder, from those
   * in `places`, from `images/`, from the top, and by its name alone where only one file has it.
   */
  find(listed: string, source: string, places: readonly string[] = []): string | undefined {
    const name = listed.replaceAll('\\', '/').replace(/^(?:\.{0,2}\/)+/, '');
    for (const place of [folderOf(source), ...places, 'images', '']) {
      const found = this.byPath.get(keyOf(place === '' ? name : `${place}/${name}`));
      if (found !== undefined) return this.take(found);
    }
    const alone = this.byName.get(keyOf(nameOf(name)));
    if (alone !== undefined) return this.take(alone);
    // A name without an ending, or with another one.
    const stem = this.byStem.get(keyOf(isImageName(name) ? stemOf(nameOf(name)) : nameOf(name)));
    return stem === undefined ? undefined : this.take(stem);
  }

  /** Images that no annotation named so far, absolute. */
  left(): string[] {
    return this.tree
      .images()
      .filter((file) => !this.taken.has(file))
      .map((file) => this.tree.path(file));
  }

  private take(file: string): string {
    this.taken.add(file);
    return this.tree.path(file);
  }
}

const keyOf = (path: string): string => path.normalize('NFC').toLowerCase();
