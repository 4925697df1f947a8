/** Predicts the samples of one run's gallery with the model of every run. */
import type { Dataset } from '../../data/dataset.js';
import { backgroundClass } from '../../images/palette.js';
import { resizeMask } from '../../images/resize.js';
import type { RasterSegmenter } from '../../inference/index.js';
import { ConfusionMatrix, meanIoU } from '../../metrics/index.js';
import { dataUri } from '../embed.js';
import { encodeErrorMap, errorMap } from '../error-map.js';
import type { GalleryItem } from '../pictures.js';
import { encodeMaskLayer } from '../view.js';
import type { Column, Compared } from './compared.js';
import type { ComparedPrediction, ComparedSamples } from './samples.js';
import { comparedItems } from './samples.js';

export interface PredictSamplesOptions {
  /** The run whose gallery is shown, by its place. */
  readonly source: number;
  /** Its data: has every sample of the gallery. */
  readonly dataset: Dataset;
  /** Loads the model of a run. It is closed here. */
  readonly load: (column: Column) => Promise<RasterSegmenter>;
  /** Ids of what the run learnt from, where that is data of the same place. */
  readonly learnt: (column: Column) => Promise<ReadonlySet<string>>;
  readonly signal?: AbortSignal | undefined;
  /** Called after every prediction. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * A model that cannot be loaded, or takes no such images, has no predictions; a note says why. One model is in
 * memory at a time, and one image.
 *
 * @throws what the data set throws for a sample that cannot be read, and `signal.reason` once aborted.
 */
export async function predictSamples(
  { columns }: Compared,
  { source, dataset, load, learnt, signal, onProgress }: PredictSamplesOptions,
): Promise<ComparedSamples> {
  const { run, name } = columns[source]!;
  const places = new Map(dataset.ids.map((id, index) => [id, index]));
  const items = comparedItems(run.gallery!.items.filter(({ id }) => places.has(id)));
  const notes = [`They are of the gallery of ${name}, and predicted anew by the best epoch of each run.`];
  const predictions: (readonly (ComparedPrediction | undefined)[])[] = [];
  for (const [c, column] of columns.entries()) {
    const made: ComparedPrediction[] = [];
    try {
      const segmenter = await load(column);
      try {
        const known =
          c === source && run.gallery!.part !== 'train' ? new Set<string>() : await learnt(column);
        for (const item of items) {
          const prediction = await predict(segmenter, dataset, places.get(item.id)!, item, signal);
          made.push({ ...prediction, learntFrom: known.has(item.id) });
          onProgress?.(c * items.length + made.length, columns.length * items.length);
        }
      } finally {
        await segmenter.close();
      }
    } catch (error) {
      signal?.throwIfAborted();
      notes.push(`${column.name} could not predict all of them: ${(error as Error).message}`);
    }
    predictions.push(made);
  }
  return {
    source,
    part: run.gallery!.part,
    samples: items.map(({ id, view, image, truth }, i) => ({
      id,
      ...view,
      image,
      truth,
      predictions: predictions.map((each) => each[i]),
    })),
    notes,
  };
}

/** Masks and scores are compared where model and data tell the same classes. */
async function predict(
  segmenter: RasterSegmenter,
  dataset: Dataset,
  index: number,
  { view, id }: GalleryItem,
  signal: AbortSignal | undefined,
): Promise<ComparedPrediction> {
  const { classes, palette } = segmenter.card;
  const background = backgroundClass(classes);
  const { image, mask: truth } = await dataset.get(index);
  const { mask } = await segmenter.segment(image, { signal }, id);
  const shown = resizeMask(mask, view.width, view.height);
  const layer = dataUri('image/png', await encodeMaskLayer(shown, palette, background));
  if (JSON.stringify(classes) !== JSON.stringify(dataset.classes)) return { mask: layer };
  const small = resizeMask(truth, view.width, view.height);
  const errors = await encodeErrorMap(errorMap(shown, small, background));
  const counts = new ConfusionMatrix(classes.length).add(mask.data, truth.data);
  return { mask: layer, errors: dataUri('image/png', errors), meanIoU: meanIoU(counts) };
}
