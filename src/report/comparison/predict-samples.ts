/** Predicts the samples of one run's gallery with the model of every run. */
import type { Dataset } from '../../data/dataset.js';
import { maskLook } from '../../images/palette.js';
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
  /** Index of the run whose gallery samples are shown. */
  readonly source: number;
  /** Data set of that run, with the samples of the gallery. */
  readonly dataset: Dataset;
  /** Loads the model of a run. `predictSamples` closes it. */
  readonly load: (column: Column) => Promise<RasterSegmenter>;
  /** Ids of the run's training samples, if it was trained on the same data. */
  readonly trainingIds: (column: Column) => Promise<ReadonlySet<string>>;
  readonly signal?: AbortSignal | undefined;
  /** Called after every prediction. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Predicts the samples. If a model cannot be loaded or does not accept the images, its predictions are missing
 * and a note gives the reason. Only one model and one image are in memory at a time.
 *
 * @throws `signal.reason` when aborted.
 */
export async function predictSamples(
  { columns }: Compared,
  { source, dataset, load, trainingIds, signal, onProgress }: PredictSamplesOptions,
): Promise<ComparedSamples> {
  const { run, name } = columns[source]!;
  const places = new Map(dataset.ids.map((id, index) => [id, index]));
  const items = comparedItems(run.gallery!.items.filter(({ id }) => places.has(id)));
  const notes = [`They are from the gallery of ${name}, predicted again with the best epoch of each run.`];
  const predictions: (readonly (ComparedPrediction | undefined)[])[] = [];
  for (const [c, column] of columns.entries()) {
    const made: ComparedPrediction[] = [];
    try {
      const segmenter = await load(column);
      try {
        const known =
          c === source && run.gallery!.part !== 'train' ? new Set<string>() : await trainingIds(column);
        for (const item of items) {
          const prediction = await predict(segmenter, dataset, places.get(item.id)!, item, signal);
          made.push({ ...prediction, trainedOn: known.has(item.id) });
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

/** Predicts one sample. Errors and score are given only if the model has the classes of the data. */
async function predict(
  segmenter: RasterSegmenter,
  dataset: Dataset,
  index: number,
  { view, id }: GalleryItem,
  signal: AbortSignal | undefined,
): Promise<ComparedPrediction> {
  const { card } = segmenter;
  const { colours, clear } = maskLook(card, card.palette);
  const { image, mask: truth } = await dataset.get(index);
  const { mask } = await segmenter.segment(image, { signal }, id);
  const shown = resizeMask(mask, view.width, view.height);
  const layer = dataUri('image/png', await encodeMaskLayer(shown, colours, clear));
  const alike = JSON.stringify(card.classes) === JSON.stringify(dataset.classes);
  if (!alike || (card.multiLabel ?? false) !== (dataset.multiLabel ?? false)) return { mask: layer };
  const small = resizeMask(truth, view.width, view.height);
  const errors = await encodeErrorMap(errorMap(shown, small, clear));
  const counts = new ConfusionMatrix(card.classes.length, card).add(mask.data, truth.data);
  return { mask: layer, errors: dataUri('image/png', errors), meanIoU: meanIoU(counts) };
}
