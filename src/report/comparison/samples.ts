/** The same samples under several models: predicted anew where the data is at hand, else what the runs kept. */
import type { DataUri } from '../embed.js';
import { listed } from '../numbers.js';
import type { GalleryItem } from '../pictures.js';
import type { Compared } from './compared.js';

/** What one model made of a sample. */
export interface ComparedPrediction {
  /** A mask to be laid over the picture. */
  readonly mask: DataUri;
  /** Where it is wrong; absent where that is not known. */
  readonly errors?: DataUri;
  /** Of this sample, at its own size; null where it is undefined, absent where it was not counted. */
  readonly meanIoU?: number | null;
  /** Whether the model learnt from this very sample. */
  readonly learntFrom?: boolean;
}

export interface ComparedSample {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly image: DataUri;
  readonly truth: DataUri;
  /** Of each run, in its order; undefined where there is none. */
  readonly predictions: readonly (ComparedPrediction | undefined)[];
}

export interface ComparedSamples {
  /** The run whose gallery or film they are of, by its place. */
  readonly source: number;
  /** Of the source's data. */
  readonly part: string;
  readonly samples: readonly ComparedSample[];
  /** What a person should know about them. */
  readonly notes: readonly string[];
}

/** Samples of each rank that are compared. */
const EACH = 3;
/** Samples of the films, which are smaller. */
const FROM_FILM = 12;

/** Which samples of a gallery are compared: of each rank the outermost. */
export function comparedItems(items: readonly GalleryItem[]): GalleryItem[] {
  const of = (rank: GalleryItem['rank']) => items.filter((item) => item.rank === rank);
  return [...of('worst').slice(0, EACH), ...of('median').slice(0, EACH), ...of('best').slice(-EACH)];
}

/**
 * What the runs kept of the same samples: those in all galleries, else those in all films after their last frames.
 * Undefined where there are none.
 */
export function sharedSamples({ columns, sameData }: Compared): ComparedSamples | undefined {
  // Elsewhere an equal id is another image.
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
      notes: ['They are those that the galleries of all runs show.'],
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
    notes: ['They are those that the films of all runs show, after the last epoch of each.'],
  };
}

/** Leaves the last samples out where their pictures would take more than `limit` bytes. */
export function withinBytes(shown: ComparedSamples, limit: number): ComparedSamples {
  let left = limit;
  const samples = shown.samples.filter((sample) => {
    left -= bytesOf(sample);
    return left >= 0;
  });
  const lost = shown.samples.slice(samples.length).map(({ id }) => id);
  if (lost.length === 0) return shown;
  const note = `Left out, so that this file stays small: ${listed(lost)}.`;
  return { ...shown, samples, notes: [...shown.notes, note] };
}

function bytesOf({ image, truth, predictions }: ComparedSample): number {
  const masks = predictions.flatMap((each) => (each ? [each.mask, each.errors ?? ''] : []));
  return [image, truth, ...masks].reduce((sum, { length }) => sum + length, 0);
}
