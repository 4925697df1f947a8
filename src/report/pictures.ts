/** Reads, validates and embeds the contents of a run's `samples/` folder: gallery, images, film and data sheet. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { DataUri } from './embed.js';
import { Embedder, isPictureUri } from './embed.js';
import { ERROR_FATES } from './fate-examples.js';

const whole = z.number().int().nonnegative();
const score = z.number().nullish();
const colour = z.string().regex(/^#[0-9a-f]{6}$/i);
const classes = z.array(z.object({ name: z.string(), color: colour }));
const version = z.literal(1);

const viewSchema = z.object({ width: whole.positive(), height: whole.positive() });

const gallerySchema = z.object({
  version,
  part: z.string(),
  chosenOn: z.boolean(),
  classes,
  multiLabel: z.boolean().optional(),
  background: whole.nullable(),
  errorColors: z.object({ falsePositive: colour, falseNegative: colour, wrongClass: colour.optional() }),
  items: z.array(
    z.object({
      id: z.string(),
      rank: z.enum(['worst', 'median', 'best']),
      place: whole,
      of: whole,
      score,
      loss: score,
      meanDice: score,
      meanIoU: score,
      dice: score,
      group: z.string().optional(),
      width: whole,
      height: whole,
      view: viewSchema,
      image: z.string(),
      truth: z.string(),
      prediction: z.string(),
      errors: z.string(),
      fates: z.string().optional(),
      objects: z.object({ missed: whole, invented: whole, split: whole, merged: whole }).optional(),
    }),
  ),
  examples: z
    .array(
      z.object({
        fate: z.enum(ERROR_FATES),
        id: z.string(),
        area: whole,
        view: viewSchema,
        image: z.string(),
        truth: z.string(),
        found: z.string(),
      }),
    )
    .optional(),
});

const filmSchema = z.object({
  version,
  part: z.string(),
  classes,
  samples: z.array(
    z.object({
      id: z.string(),
      width: whole.positive(),
      height: whole.positive(),
      image: z.string(),
      truth: z.string(),
    }),
  ),
  frames: z.array(z.object({ epoch: whole, masks: z.array(z.string()), meanIoU: score, loss: score })),
});

const uri = z.string().refine(isPictureUri, 'not a picture');
const tiles = z.array(
  z.object({ id: z.string(), width: whole.positive(), height: whole.positive(), image: uri, mask: uri }),
);

const dataSchema = z.object({
  version,
  counts: z.object({ train: whole, valid: whole, test: whole, unlabelled: whole }),
  sizes: z.array(z.object({ width: whole, height: whole, count: whole })),
  classes: z.array(z.object({ name: z.string(), pixels: whole, images: whole })),
  problems: z.array(
    z.object({
      level: z.enum(['error', 'warning']),
      code: z.string(),
      file: z.string(),
      message: z.string(),
      fix: z.string(),
    }),
  ),
  tiles: z.object({ samples: tiles, augmented: tiles }).optional(),
  // Of earlier versions: each of them one picture.
  sheets: z.object({ samples: z.string().optional(), augmented: z.string().optional() }).default({}),
});

const share = z.number().min(0).max(1);

const imagesSchema = z.object({
  version,
  part: z.string(),
  chosenOn: z.boolean(),
  classes: z.array(z.string()),
  background: whole.nullable(),
  items: z.array(
    z.object({
      id: z.string(),
      group: z.string().optional(),
      score: z.number().nullable(),
      meanIoU: z.number().nullable(),
      loss: score,
      foreground: whole,
      areas: z.object({ true: z.array(whole), predicted: z.array(whole) }),
      labelDoubt: z
        .object({
          truth: whole,
          predicted: whole,
          share,
          probability: share,
          box: z.tuple([share, share, share, share]),
        })
        .optional(),
      brightness: z.number().optional(),
      contrast: z.number().optional(),
      picture: z
        .object({
          width: whole.positive(),
          height: whole.positive(),
          image: uri,
          truth: uri,
          prediction: uri,
        })
        .optional(),
    }),
  ),
});

type GalleryFile = z.infer<typeof gallerySchema>;
type FilmFile = z.infer<typeof filmSchema>;
type DataFile = z.infer<typeof dataSchema>;

/** A sample of the gallery, with its pictures as data URIs. */
export type GalleryItem = GalleryFile['items'][number];
export type Gallery = GalleryFile;
/** An error with an object, with its pictures as data URIs. */
export type FateExample = NonNullable<GalleryFile['examples']>[number];
export type Film = FilmFile & {
  /** Number of recorded epochs. `frames` has fewer if they do not all fit in the report. */
  readonly epochs: number;
};
export type DataSheet = DataFile;
/** A picture with its mask, as data URIs. */
export type Tile = z.infer<typeof tiles>[number];
/** The scores of all images of a part. Pictures are left out where they exceed the limit. */
export type ImageScoresSheet = z.infer<typeof imagesSchema>;
export type ImageItem = ImageScoresSheet['items'][number];

export interface Pictures {
  readonly gallery?: Gallery;
  readonly film?: Film;
  readonly data?: DataSheet;
  readonly images?: ImageScoresSheet;
  /** Messages about files that could not be read. */
  readonly notes: readonly string[];
}

/** Limit on the total size of a report's pictures. */
const PICTURE_BYTES = 12 * 2 ** 20;

/** Reads the folder `samples`. Missing files are left out; damaged ones are reported in `notes`. */
export async function readPictures(samples: string, limit = PICTURE_BYTES): Promise<Pictures> {
  const notes: string[] = [];
  const embedder = new Embedder(samples, limit);
  const [gallery, data, images, film] = [
    await readSheet(samples, 'gallery.json', gallerySchema, notes),
    await readSheet(samples, 'data.json', dataSchema, notes),
    await readSheet(samples, 'images.json', imagesSchema, notes),
    await readSheet(samples, 'film.json', filmSchema, notes),
  ];
  // The most important first: if the limit is reached, only frames of the film are left out.
  const pictures = {
    ...(gallery && { gallery: await embedGallery(gallery, embedder, notes) }),
    ...(data && { data: await embedSheets(data, embedder) }),
    ...(images && { images: admitImages(images, embedder) }),
    ...(film && { film: await embedFilm(film, embedder) }),
  };
  const { missing } = embedder;
  if (missing.length > 0) {
    const others = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
    notes.push(`Pictures could not be read: samples/${missing[0]}${others}.`);
  }
  return { ...pictures, notes };
}

async function readSheet<T>(
  folder: string,
  name: string,
  schema: z.ZodType<T>,
  notes: string[],
): Promise<T | undefined> {
  const text = await readFile(join(folder, name), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const where = issue ? `${issue.path.join('.') || 'file'}: ${issue.message}` : 'not valid JSON';
    notes.push(`samples/${name} is damaged and left out (${where}).`);
    return undefined;
  }
}

async function embedGallery(gallery: Gallery, embedder: Embedder, notes: string[]): Promise<Gallery> {
  const items: GalleryItem[] = [];
  for (const item of gallery.items) {
    const image = await embedder.embed(item.image);
    const truth = await embedder.embed(item.truth);
    const prediction = await embedder.embed(item.prediction);
    const errors = await embedder.embed(item.errors);
    const fates = item.fates === undefined ? undefined : await embedder.embed(item.fates);
    if (image && truth && prediction && errors) {
      items.push({ ...item, image, truth, prediction, errors, fates });
    }
  }
  const lost = gallery.items.length - items.length;
  if (lost > 0) notes.push(`${lost} samples of the gallery are left out because their pictures are missing.`);
  return { ...gallery, items, examples: await embedExamples(gallery.examples ?? [], embedder) };
}

async function embedExamples(
  examples: NonNullable<Gallery['examples']>,
  embedder: Embedder,
): Promise<Gallery['examples']> {
  const embedded: NonNullable<Gallery['examples']> = [];
  for (const example of examples) {
    const image = await embedder.embed(example.image);
    const truth = await embedder.embed(example.truth);
    const found = await embedder.embed(example.found);
    if (image && truth && found) embedded.push({ ...example, image, truth, found });
  }
  return embedded;
}

async function embedSheets({ tiles, ...data }: DataSheet, embedder: Embedder): Promise<DataSheet> {
  const { samples, augmented } = data.sheets;
  const fits = ({ image, mask }: Tile) => embedder.admit(image, mask);
  const fitting = tiles && {
    samples: tiles.samples.filter(fits),
    augmented: tiles.augmented.filter(fits),
  };
  const one = async (path: string | undefined): Promise<DataUri | undefined> =>
    path === undefined ? undefined : embedder.embed(path);
  const sheets = { samples: await one(samples), augmented: await one(augmented) };
  return { ...data, ...(fitting && { tiles: fitting }), sheets };
}

function admitImages(images: ImageScoresSheet, embedder: Embedder): ImageScoresSheet {
  const items = images.items.map(({ picture, ...item }) =>
    picture && embedder.admit(picture.image, picture.truth, picture.prediction) ? { ...item, picture } : item,
  );
  return { ...images, items };
}

/** Embeds the first and the last frame, and as many evenly spaced frames between them as fit. */
async function embedFilm(film: FilmFile, embedder: Embedder): Promise<Film> {
  const samples: FilmFile['samples'] = [];
  const kept: number[] = [];
  for (const [index, sample] of film.samples.entries()) {
    const [image, truth] = [await embedder.embed(sample.image), await embedder.embed(sample.truth)];
    if (!image || !truth) continue;
    samples.push({ ...sample, image, truth });
    kept.push(index);
  }
  const size = (frame: Frame) => frame.masks.reduce((sum, mask) => sum + mask.length, 0);
  const embedFrame = async (frame: Frame | undefined): Promise<Frame | undefined> => {
    const masks = await Promise.all(kept.map((sample) => embedder.embed(frame?.masks[sample] ?? '')));
    return frame && masks.every((mask) => mask !== undefined) ? { ...frame, masks } : undefined;
  };
  const last = film.frames.length - 1;
  // Masks of the first epoch are ragged and compress worse than later ones, so the larger end is the estimate.
  const ends = [await embedFrame(film.frames[0]), last > 0 ? await embedFrame(film.frames[last]) : undefined];
  const each = 1.1 * Math.max(1, ...ends.map((frame) => (frame ? size(frame) : 0)));
  const between: (Frame | undefined)[] = [];
  for (const index of evenly(1, last - 1, Math.floor(embedder.left / each))) {
    between.push(await embedFrame(film.frames[index]));
  }
  const frames = [ends[0], ...between, ends[1]].filter((frame) => frame !== undefined);
  return { ...film, samples, frames, epochs: film.frames.length };
}

type Frame = FilmFile['frames'][number];

/** At most `count` integers from `first` to `last`, evenly spaced. */
export function evenly(first: number, last: number, count: number): number[] {
  const there = Math.max(0, last - first + 1);
  const taken = Math.min(there, count);
  return Array.from({ length: taken }, (_, i) => first + Math.floor(((i + 0.5) * there) / taken));
}
