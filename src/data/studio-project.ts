/**
 * `pixelwise.json`: the file by which `pixelwise studio` describes a folder of images. It says what mask values mean, so
 * nothing is guessed from them: in a mask that holds only 0 and 255, 255 is an unlabelled pixel here, not the object.
 */
import * as z from 'zod';
import { PixelwiseError } from '../errors/index.js';
import { MASKS_FOLDER } from './project-images.js';
import { readText } from './text-file.js';

export const PROJECT_FILE = 'pixelwise.json';

const whole = z.number().int().nonnegative();

const imageState = z.object({
  /** Whether the user accepted the image as finished. */
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
      `${path} cannot be read: ${cause instanceof Error ? cause.message : ''}. Restore it, or remove it to start again with the masks as they are.`,
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
