/**
 * The same samples with predictions of several models: predicted again if the data is available, else from the
 * pictures that the runs have stored.
 */
import type { DataUri } from '../embed.js';
import { listed } from '../numbers.js';
import type { GalleryItem } from '../pictures.js';
import type { Compared } from './compared.js';

/** One model's prediction for a sample. */
export interface ComparedPrediction {
  /** Mask to show over the image. */
  readonly mask: DataUri;
  /** Error map, if known. */
  readonly errors?: DataUri;
  /** Score of this sample at its original size; null if undefined, absent if not computed. */
  readonly meanIoU?: number | null;
  /** Whether the sample was in the model's training part. */
  readonly trainedOn?: boolean;
}

export interface ComparedSample {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly image: DataUri;
  readonly truth: DataUri;
  /** One per run, in order; undefined if there is none. */
  readonly predictions: readonly (ComparedPrediction | undefined)[];
}

export interface ComparedSamples {
  /** Index of the run whose gallery or film the samples come from. */
  readonly source: number;
  /** Part of that run's data. */
  readonly part: string;
  readonly samples: readonly ComparedSample[];
  /** Notes for the reader. */
  readonly notes: readonly string[];
}

/** Compared samples per rank of the gallery. */
const EACH = 3;
/** Compared samples from films, whose pictures are smaller. */
const FROM_FILM = 12;

/**
 * Chooses the gallery samples to compare: the first of the worst and median ones, and the last (best) of the
 * best.
 */
export function comparedItems(items: readonly GalleryItem[]): GalleryItem[] {
  const of = (rank: GalleryItem['rank']) => items.filter((item) => item.rank === rank);
  return [...of('worst').slice(0, EACH), ...of('median').slice(0, EACH), ...of('best').slice(-EACH)];
}

/**
 * The stored pictures of samples that are in all galleries, or else in the last frames of all films. Undefined if
 * there are none.
 */
export function sharedSamples({ columns, sameData }: Compared): ComparedSamples | undefined {
  // With different data the same id is another image.
  if (!sameData) return undefined;
  const runs = columns.map(({ run }) => run);
  const galleries = runs.map(({ gallery }) => new Map(gallery?.items.map((item) => [item.id, item])));
  const inAll = comparedItems(
    (runs[0]!.gallery?.items ?? []).filter(({ id }) => galleries.every((items) => items.has(id))),
  );
  if (inAll.length > 0) {
    return {
      source: 0,
      part: runs[0]!.gallery!.part,
      samples: inAll.map(({ id, view, image, truth }) => ({
        id,
        ...view,
        image,
        truth,
        predictions: galleries.map((items) => {
          const { prediction, errors, meanIoU } = items.get(id)!;
          return { mask: prediction, errors, ...(meanIoU !== undefined && { meanIoU }) };
        }),
      })),
      notes: ['They are the samples that are in the galleries of all runs.'],
    };
  }
  const films = runs.map(({ film }) => {
    const masks = film?.frames.at(-1)?.masks ?? [];
    return new Map(film?.samples.map(({ id }, index) => [id, masks[index]]));
  });
  const filmed = (runs[0]!.film?.samples ?? []).filter(({ id }) => films.every((masks) => masks.get(id)));
  if (filmed.length === 0) return undefined;
  return {
    source: 0,
    part: runs[0]!.film!.part,
    samples: filmed.slice(0, FROM_FILM).map((sample) => ({
      ...sample,
      predictions: films.map((masks) => ({ mask: masks.get(sample.id)! })),
    })),
    notes: ['They are the samples that are in the films of all runs, after the last epoch of each.'],
  };
}

/** Drops the last samples if the pictures exceed `limit` bytes. */
export function withinBytes(shown: ComparedSamples, limit: number): ComparedSamples {
  let left = limit;
  const samples = shown.samples.filter((sample) => {
    left -= bytesOf(sample);
    return left >= 0;
  });
  const lost = shown.samples.slice(samples.length).map(({ id }) => id);
  if (lost.length === 0) return shown;
  const note = `Left out to limit the size of this file: ${listed(lost)}.`;
  return { ...shown, samples, notes: [...shown.notes, note] };
}

function bytesOf({ image, truth, predictions }: ComparedSample): number {
  const masks = predictions.flatMap((each) => (each ? [each.mask, each.errors ?? ''] : []));
  return [image, truth, ...masks].reduce((sum, { length }) => sum + length, 0);
}
