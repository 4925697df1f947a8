/** How the studio names the images of a folder and their masks. Runs in browsers. */
import { byCodePoint, stemOf } from './paths.js';

/** Folder of the masks, below the project's. */
export const MASKS_FOLDER = 'masks';

/** Folder of the runs that the studio exports, and of the masks that it replaced. No images are looked for there. */
export const RUNS_FOLDER = 'runs';
export const ORIGINAL_MASKS_FOLDER = 'masks-original';

const OTHER_FOLDERS = [MASKS_FOLDER, RUNS_FOLDER, ORIGINAL_MASKS_FOLDER];

const IMAGES_FOLDER = 'images';

/** An image of a project. Paths are relative to the project's folder, with `/` between folders. */
export interface ProjectImage {
  /** The path of the file below the folder of images. */
  readonly id: string;
  readonly image: string;
  readonly mask: string;
}

/**
 * The images among the files of a project's folder, sorted by id. If all images are in a folder `images`, ids and
 * masks are named without it.
 *
 * The mask of `a/b.jpg` is `masks/a/b.png`. If a second image differs only in its ending, its mask keeps the
 * whole name: `masks/a/b.tif.png`.
 *
 * @param files paths relative to the folder, as {@link ProjectImage} has them. @param isImage by the name of a file.
 */
export function projectImages(files: readonly string[], isImage: (name: string) => boolean): ProjectImage[] {
  const images = files.filter(
    (file) =>
      isImage(file.slice(file.lastIndexOf('/') + 1)) && !OTHER_FOLDERS.includes(file.split('/', 1)[0]!),
  );
  const inside = `${IMAGES_FOLDER}/`;
  const prefix = images.length > 0 && images.every((file) => file.startsWith(inside)) ? inside : '';
  const taken = new Set<string>();
  return images.sort(byCodePoint).map((image) => {
    const id = image.slice(prefix.length);
    const stem = stemOf(id);
    const name = taken.has(stem) ? id : stem;
    taken.add(stem);
    return { id, image, mask: `${MASKS_FOLDER}/${name}.png` };
  });
}
