/**
 * A folder that is open in the studio: its images, classes and states, kept in `pixelwise.json`, and its labels. One
 * process at a time has a folder open.
 */
import { rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
// Single files: all of `data` would make the program start later.
import { isImageName, listFiles } from '../data/files.js';
import { colourOf } from '../data/legend.js';
import { mapParallel } from '../data/parallel.js';
import { MASKS_FOLDER, ORIGINAL_MASKS_FOLDER, projectImages } from '../data/project-images.js';
import { PROJECT_FILE, readStudioProject, type StudioProject } from '../data/studio-project.js';
import { PixelwiseError } from '../errors/index.js';
import {
  Claim,
  exists,
  isFile,
  isSystemError,
  writeError,
  writeFileAtomic,
  writeOutputFile,
} from '../files/index.js';
import type { Colour } from '../images/palette.js';
import { HttpError } from '../serve/http-error.js';
import { fileVersion, shownSize, type ShownSize } from './image-size.js';
import { Journal } from './journal.js';
import { LabelStore, type LabelledImage } from './label-store.js';
import type { ImageForPrediction } from './learning.js';
import { encodeLabels, maskPalette, readLabels } from './mask-file.js';
import {
  defaultColour,
  heldOutOf,
  type ImageFacts,
  MOST_PIXELS,
  namedClasses,
  type ProjectClass,
  stateOf,
} from './project-rules.js';

/** An image of the project. Its size is not known at first. */
export interface StudioImage {
  readonly id: string;
  /** Absolute paths. */
  readonly file: string;
  readonly mask: string;
  readonly heldOut: boolean;
  size: ShownSize | undefined;
  /** Modification time and length of the file whose size this is; undefined where there is none. */
  version: string | undefined;
  /** Why it cannot be labelled. */
  problem: string | undefined;
  done: boolean;
  /** Pixels of each class, as far as known. */
  pixels: readonly number[];
  /** Whether another program made its mask, whose pixels are not counted yet. */
  uncounted: boolean;
}

/** Headers that are read at once. */
const HEADERS_AT_ONCE = 16;

/** Milliseconds from a change of the project to its writing. */
const WRITE_DELAY = 300;

const JOURNAL_FILE = '.pixelwise-studio.journal';

export class Project {
  readonly images: readonly StudioImage[];
  readonly labels: LabelStore;
  private readonly byId: ReadonlyMap<string, StudioImage>;
  private writing: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private colours: readonly Colour[] = [];
  /** Resolves when the headers of all images have been read. */
  readonly measured: Promise<void>;
  private closing = false;

  private constructor(
    readonly root: string,
    private readonly claim: Claim,
    private readonly journal: Journal,
    images: readonly StudioImage[],
    private list: readonly ProjectClass[],
  ) {
    this.images = images;
    this.byId = new Map(images.map((image) => [image.id, image]));
    this.paint();
    this.labels = new LabelStore({
      journal,
      classes: () => this.list.length,
      palette: () => maskPalette(this.colours),
      onWritten: (id, pixels) => {
        Object.assign(this.byId.get(id)!, { pixels, uncounted: false });
        this.writeSoon();
      },
    });
    this.measured = this.measure();
  }

  /**
   * Opens a folder. Masks that another program made are taken over as labels: where they do not hold class indices,
   * they are rewritten, and the originals are moved to `masks-original`.
   *
   * @throws PixelwiseError `data-missing`, `data-empty`, `folder-in-use`, `write-failed`, `project`.
   */
  static async open(folder: string, note: (message: string) => void = () => undefined): Promise<Project> {
    const root = resolve(folder);
    const files = await listFiles(root);
    const found = projectImages(files, isImageName);
    if (found.length === 0) {
      throw new PixelwiseError(
        'data-empty',
        `${root} has no images. Put some there, or name another folder.`,
      );
    }
    const claim = await Claim.take(root, { purpose: 'studio', keepEmpty: true });
    try {
      const path = join(root, PROJECT_FILE);
      const known = (await isFile(path)) ? await readStudioProject(path) : undefined;
      const classes = known?.classes ?? (await adoptMasks(root, files, found, note));
      const held = heldOutOf(
        found.map(({ id }) => id),
        known?.heldOut,
        (id) => known?.images[id] !== undefined,
      );
      const present = new Set(files);
      const images = found.map(({ id, image, mask }): StudioImage => {
        const { done = false, pixels = [] } = known?.images[id] ?? {};
        const labelled = present.has(mask);
        return {
          id,
          file: join(root, image),
          mask: join(root, mask),
          heldOut: held.has(id),
          size: undefined,
          version: undefined,
          problem: undefined,
          done: done && labelled,
          pixels: labelled ? pixels : [],
          uncounted: labelled && pixels.length === 0,
        };
      });
      const { journal, entries } = await Journal.open(join(root, JOURNAL_FILE));
      const project = new Project(root, claim, journal, images, classes);
      await project.recover(entries.map((entry) => entry.image));
      await project.labels.recover(entries, (id) => project.labelled(id));
      if (known === undefined) await project.write();
      return project;
    } catch (error) {
      await claim.release();
      throw error;
    }
  }

  get classes(): readonly ProjectClass[] {
    return this.list;
  }

  /** @throws HttpError 404 for an unknown image. */
  image(id: string): StudioImage {
    const image = this.byId.get(id);
    if (image) return image;
    throw new HttpError(404, 'image', `There is no image "${id}" in this project.`);
  }

  /** An image that can be labelled. Throws HttpError 404, or 422 with the image's problem. */
  async usable(id: string): Promise<StudioImage & LabelledImage> {
    const image = this.image(id);
    await this.measureOne(image);
    if (image.problem !== undefined) throw new HttpError(422, 'image-unusable', image.problem);
    return Object.assign(image, image.size!);
  }

  /** All images, as clients are told of them. */
  async facts(): Promise<ImageFacts[]> {
    return Promise.all(this.images.map((image) => this.factsOf(image)));
  }

  async factsOf(image: StudioImage): Promise<ImageFacts> {
    const { id, size, heldOut, problem, done } = image;
    const open = await this.labels.pixels(id);
    if (open) image.pixels = open.slice(0, this.list.length);
    const labelledPixels = image.pixels.reduce((sum, count) => sum + count, 0);
    const state = stateOf(problem, done, labelledPixels);
    return {
      id,
      width: size?.width ?? null,
      height: size?.height ?? null,
      state,
      labelledPixels,
      heldOut,
      ...(problem !== undefined && { problem }),
    };
  }

  setDone(id: string, done: boolean): void {
    this.image(id).done = done;
    this.writeSoon();
  }

  /** Names the classes. Throws what {@link namedClasses} throws. */
  async setClasses(
    given: readonly { readonly name: string; readonly colour?: string | undefined }[],
  ): Promise<void> {
    await this.facts();
    this.list = namedClasses(given, this.list, (index) =>
      this.images.filter(({ pixels }) => (pixels[index] ?? 0) > 0).map(({ id }) => id),
    );
    this.paint();
    await this.write();
  }

  /** Writes everything and gives the folder back. */
  async close(): Promise<void> {
    this.closing = true;
    clearTimeout(this.timer);
    await this.labels.close();
    await this.write().catch(() => undefined);
    await this.journal.close();
    if (this.labels.trouble === undefined) await rm(join(this.root, JOURNAL_FILE), { force: true });
    await this.claim.release();
  }

  private paint(): void {
    this.colours = this.list.map(({ colour }) => colourOf(colour)!);
  }

  private labelled(id: string): LabelledImage | undefined {
    const image = this.byId.get(id);
    if (image?.size === undefined || image.problem !== undefined) return undefined;
    return Object.assign(image, image.size);
  }

  /** Reads the headers of the images that the journal names, before their labels are opened. */
  private async recover(ids: readonly string[]): Promise<void> {
    for (const id of new Set(ids)) {
      const image = this.byId.get(id);
      if (image) await this.measureOne(image);
    }
  }

  private async measure(): Promise<void> {
    await mapParallel(this.images.length, HEADERS_AT_ONCE, async (i) => {
      if (!this.closing) await this.measureOne(this.images[i]!);
    });
    for (const image of this.images) if (image.uncounted && !this.closing) await this.countStored(image);
  }

  /** Counts the labels of a mask that another program made. */
  private async countStored(image: StudioImage): Promise<void> {
    const stored = await readLabels(image.mask).catch(() => undefined);
    if (stored === undefined || !image.uncounted) return;
    const pixels = this.list.map(() => 0);
    for (const label of stored.data) if (label < pixels.length) pixels[label]!++;
    Object.assign(image, { pixels, uncounted: false });
    this.writeSoon();
  }

  /** Reads the size, again if the file has changed since. */
  private async measureOne(image: StudioImage): Promise<void> {
    const version = await fileVersion(image.file);
    const known = image.size !== undefined || image.problem !== undefined;
    if (known && version === image.version) return;
    Object.assign(image, { version, problem: undefined });
    try {
      const size = await shownSize(image.file);
      image.size = { width: size.width, height: size.height };
      if (size.width * size.height > MOST_PIXELS) {
        image.problem = `${image.id} has ${size.width}×${size.height} pixels; the studio takes up to ${MOST_PIXELS / 1e6} million. Cut it into tiles.`;
      }
    } catch (error) {
      image.problem = error instanceof Error ? error.message : String(error);
    }
  }

  private writeSoon(): void {
    clearTimeout(this.timer);
    if (this.closing) return;
    this.timer = setTimeout(() => void this.write().catch(() => undefined), WRITE_DELAY);
    this.timer.unref();
  }

  private write(): Promise<void> {
    const work = this.writing
      .catch(() => undefined)
      .then(() =>
        writeFileAtomic(join(this.root, PROJECT_FILE), `${JSON.stringify(this.content(), null, 1)}\n`),
      );
    this.writing = work;
    return work;
  }

  private content(): StudioProject {
    return {
      version: 1,
      classes: [...this.list],
      masks: { folder: MASKS_FOLDER, values: 'indices', unlabelled: 255 },
      heldOut: this.images.filter(({ heldOut }) => heldOut).map(({ id }) => id),
      images: Object.fromEntries(
        this.images.map(({ id, done, pixels }) => [
          id,
          { ...(done && { done }), ...(pixels.length > 0 && { pixels: [...pixels] }) },
        ]),
      ),
    };
  }
}

/**
 * The classes of masks that were in the folder before the studio; none without masks. Where they do not hold class
 * indices, they are rewritten so that 255 means unlabelled in all of them.
 */
async function adoptMasks(
  root: string,
  files: readonly string[],
  images: readonly { readonly image: string; readonly mask: string }[],
  note: (message: string) => void,
): Promise<readonly ProjectClass[]> {
  if (!files.some((file) => file.startsWith(`${MASKS_FOLDER}/`))) return [];
  const { openDataset } = await import('../data/index.js');
  const dataset = await openDataset({ root, format: 'folder' });
  const names = dataset.classes;
  const classes = names.map((name, index) => ({ name, colour: defaultColour(names, index) }));
  const maskOf = new Map(images.map(({ image, mask }) => [join(root, image), mask]));
  const pairs = Array.from({ length: dataset.length }, (_, i) => ({ i, ...dataset.files(i) }));
  const asTheyAre =
    dataset.maskValues === 'indices' &&
    pairs.every(({ image, mask }) => mask === join(root, maskOf.get(image) ?? ''));
  if (asTheyAre) return classes;
  const originals = join(root, ORIGINAL_MASKS_FOLDER);
  if (await exists(originals)) {
    throw new PixelwiseError(
      'project',
      `${originals} exists already, and the masks in ${MASKS_FOLDER} would be moved there. Rename one of them.`,
    );
  }
  const beside = join(root, `.${MASKS_FOLDER}.partial`);
  const palette = maskPalette(classes.map(({ colour }) => colourOf(colour)!));
  try {
    await rm(beside, { recursive: true, force: true });
    await mapParallel(pairs.length, 4, async (k) => {
      const { i, image } = pairs[k]!;
      const mask = maskOf.get(image)?.slice(MASKS_FOLDER.length + 1);
      if (mask !== undefined) {
        await writeOutputFile(join(beside, mask), await encodeLabels(await dataset.getMask!(i), palette, 0));
      }
    });
    await rename(join(root, MASKS_FOLDER), originals);
    await rename(beside, join(root, MASKS_FOLDER));
  } catch (error) {
    await rm(beside, { recursive: true, force: true }).catch(() => undefined);
    throw isSystemError(error) ? writeError(root, error) : error;
  }
  note(
    `The masks are read as ${names.join(', ')} and were rewritten as class indices with 255 for unlabelled pixels; the originals are in ${ORIGINAL_MASKS_FOLDER}.`,
  );
  return classes;
}

/** Resolves when all sizes are known, or after some milliseconds. */
export async function measuredWithin(project: Project, milliseconds: number): Promise<void> {
  await Promise.race([project.measured, wait(milliseconds, undefined, { ref: false })]);
}

/** What the learner is told of an image. */
export function learnerImage(image: StudioImage & LabelledImage): ImageForPrediction {
  const { id, file, version, width, height } = image;
  return { id, file, version, width, height };
}
