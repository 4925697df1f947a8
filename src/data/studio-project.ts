/**
 * `pixelwise.json`: the file by which `pixelwise studio` describes a folder of images, and the rule by which it names
 * masks. It says what mask values mean, so nothing is guessed from them: in a mask that holds only 0 and 255, 255 is
 * an unlabelled pixel here, not the object.
 */
import { z } from 'zod';
import { PixelwiseError } from '../errors/index.js';
import { readText } from './text-file.js';
import { byCodePoint, isImageName, stemOf } from './files.js';

export const PROJECT_FILE = 'pixelwise.json';

/** Folder of the masks, below the project's. */
export const MASKS_FOLDER = 'masks';

/** Folder of the runs that the studio exports, and of the masks that it replaced. No images are looked for there. */
export const RUNS_FOLDER = 'runs';
export const ORIGINAL_MASKS_FOLDER = 'masks-original';

const OTHER_FOLDERS = [MASKS_FOLDER, RUNS_FOLDER, ORIGINAL_MASKS_FOLDER];

const IMAGES_FOLDER = 'images';

const whole = z.number().int().nonnegative();

const imageState = z.object({
  /** Whether the person accepted the image as finished. */
  done: z.boolean().optional(),
  /** Pixels of each class, when the mask was last written. */
  pixels: z.array(whole).optional(),
});

const projectSchema = z.object({
  version: z.literal(1),
  /** By index, which is the value in masks. */
  classes: z
    .array(z.object({ name: z.string().min(1), colour: z.string().regex(/^#[0-9a-f]{6}$/i) }))
    .max(254),
  masks: z.object({
    folder: z.literal(MASKS_FOLDER),
    /** Masks hold class indices. */
    values: z.literal('indices'),
    /** The value of pixels without a label. */
    unlabelled: z.literal(255),
  }),
  /** Ids of the images that nothing is learned from; scores are computed on them. */
  heldOut: z.array(z.string()),
  /** By image id. */
  images: z.record(z.string(), imageState),
});

export type StudioProject = z.infer<typeof projectSchema>;

/** @throws PixelwiseError `project` if the file is damaged, naming the entry. */
export async function readStudioProject(path: string): Promise<StudioProject> {
  let value: unknown;
  try {
    value = JSON.parse(await readText(path));
  } catch (cause) {
    throw new PixelwiseError(
      'project',
      `${path} cannot be read: ${cause instanceof Error ? cause.message : ''}. Restore it, or remove it to start anew with the masks as they are.`,
      { cause },
    );
  }
  const result = projectSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new PixelwiseError(
    'project',
    `${path} is damaged or of another version: ${issue.path.join('.') || 'it'}: ${issue.message}.`,
    { cause: result.error },
  );
}

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
 * @param files paths relative to the folder, as {@link ProjectImage} has them.
 */
export function projectImages(files: readonly string[]): ProjectImage[] {
  const images = files.filter(
    (file) =>
      isImageName(file.slice(file.lastIndexOf('/') + 1)) && !OTHER_FOLDERS.includes(file.split('/', 1)[0]!),
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
