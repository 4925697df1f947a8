/** Builds what training needs from a plan: the model, its initial weights and the data loaders. */
import type { Dataset, LoaderOptions } from '../data/index.js';
import { evenShare } from '../distributed/index.js';
import {
  CoveringPatches,
  DecodedSamples,
  indexMasks,
  Loader,
  objectTargets,
  parseAugmentation,
  type PatchSource,
  RandomPatches,
  SampleCache,
  type Sampler,
  sequential,
  shuffled,
  sliceWeights,
  stretch,
  stretchMaskAsImage,
  weighted,
} from '../data/index.js';
import { tileStarts } from '../data/tile-starts.js';
import { UsageError } from '../errors/index.js';
import { DEFAULT_OVERLAP } from '../inference/tiling.js';
import { architectureOf, modelEntry } from '../models/index.js';
import type { Runtime } from '../runtime/index.js';
import type { BatchShape, Learner, RunConfig, RunFolder, RunModel } from '../training/index.js';
import { prepareModel } from '../training/index.js';
import { hasFoldedNorms } from '../weights/folded-norms.js';
import { loadEncoderWeights } from '../weights/index.js';
import { initializeFrom } from './initial-weights.js';
import type { Plan } from './train-plan.js';

/** Size limit of the cache that keeps decoded samples between epochs. */
const CACHE_BYTES = 2 ** 30;

/** The earlier run that is being resumed. */
export interface EarlierRun {
  readonly folder: RunFolder;
  readonly config: RunConfig;
}

/** The model of a plan, and its options as stored in config.json. */
export function modelFor(plan: Plan, runtime: Runtime, resumed?: EarlierRun): Promise<RunModel> {
  const { model, parts, outputs, size } = plan;
  const { channels, multiLabel } = parts.train;
  return prepareModel(model.name, model.options, {
    channels,
    classes: outputs.length,
    multiLabel,
    size,
    runtime,
    resumed,
  });
}

/** The data loaders of a run. They share one cache of decoded samples. */
export interface Loaders {
  readonly train: Loader;
  readonly valid: Loader | undefined;
  /** The samples as the model sees them, in order and without augmentation: those of `valid`, else of training. */
  readonly shown: Dataset;
  /** A loader for any data set: samples in order, without augmentation, as for validation. */
  readonly batches: (dataset: Dataset) => Loader;
  /** Number of times that the model runs to score an image at its own size. */
  readonly tiles: number;
  /** Frees the decoded samples. */
  readonly close: () => void;
}

/** @param share the rank whose part of every batch `train` and `valid` load; default: whole batches. */
export async function loadersOf(plan: Plan, share?: LoaderOptions['share']): Promise<Loaders> {
  const { parts, normalization, batch, seed } = plan;
  const fit = plan.maskInterpolation === 'as-image' ? stretchMaskAsImage(plan.size) : stretch(plan.size);
  const shared = { fit, normalization, batchSize: batch, seed };
  const cache = new SampleCache(CACHE_BYTES);
  const patches = plan.patch && (await patchesOf(plan));
  const [train, valid] = patches ? [patches.train, patches.valid] : [parts.train, parts.valid];
  // After all transforms, which move objects as a whole.
  const targets = plan.task === 'objects' ? [objectTargets()] : [];
  const inOrder = (dataset: Dataset) => ({
    ...shared,
    transforms: targets,
    cache,
    dataset,
    sampler: sequential(dataset.length),
  });
  const batches = (dataset: Dataset) => new Loader(inOrder(dataset));
  return {
    train: new Loader({
      ...shared,
      ...(!patches && { cache }),
      dataset: train,
      sampler: patches ? sequential(train.length) : await samplerOf(plan),
      transforms: [...(plan.objects.augment ?? parseAugmentation(plan.augment)), ...targets],
      dropLast: plan.dropLast,
      share,
    }),
    valid: valid && new Loader({ ...inOrder(valid), share }),
    shown: patches ? patches.shown : (valid ?? train),
    batches,
    tiles: patches?.tiles ?? 1,
    close: () => patches?.close(),
  };
}

/** Bytes of decoded images of each part that are kept in memory to cut patches from. Others are kept in files. */
const PATCH_SOURCE_BYTES = 2 ** 30;

/**
 * Patches for training, and for validation those that cover the validation images: at most half as many as in training,
 * because they are scored after every epoch.
 */
async function patchesOf({ parts, size, seed }: Plan) {
  const sourceOf = async (dataset: Dataset): Promise<PatchSource> => ({
    dataset,
    index: await indexMasks(dataset),
    decoded: new DecodedSamples(dataset, PATCH_SOURCE_BYTES),
  });
  const source = await sourceOf(parts.train);
  const held = parts.valid && (await sourceOf(parts.valid));
  const train = new RandomPatches(source, size, seed);
  const most = Math.max(64, Math.ceil(train.length / 2));
  const valid = held && new CoveringPatches(held, size, most);
  return {
    train,
    valid,
    tiles: tilesToScore(held ?? source, size),
    shown: valid ?? new CoveringPatches(source, size, most),
    close: () => [source, held].forEach((each) => each?.decoded.close()),
  };
}

/** The mean number of tiles of an image: those that are blended into its mask, and those that give its losses. */
function tilesToScore({ dataset, index }: PatchSource, size: Plan['size']): number {
  const tiles = ({ width, height }: Plan['size'], overlap: number) =>
    tileStarts(width, size.width, overlap).length * tileStarts(height, size.height, overlap).length;
  const each = Array.from({ length: dataset.length }, (_, i) => {
    const image = index.sizeOf(i);
    return tiles(image, DEFAULT_OVERLAP) + tiles(image, 0);
  });
  return each.reduce((sum, count) => sum + count, 0) / each.length;
}

async function samplerOf({ parts, sampler, seed }: Plan): Promise<Sampler> {
  if (sampler === 'shuffle') return shuffled(parts.train.length, seed);
  const areas = (await indexMasks(parts.train)).foregroundAreas();
  return weighted(sliceWeights(areas), seed);
}

/**
 * The shape of the first batch of an epoch.
 *
 * @param share as in {@link loadersOf}. The rank's part may have no images.
 */
export function firstBatch(
  { parts, batch, dropLast, size, patch }: Plan,
  share: LoaderOptions['share'] = { rank: 0, size: 1 },
): BatchShape {
  const { length, channels } = parts.train;
  if (dropLast && !patch && length < batch) {
    throw new UsageError(
      `--drop-last drops all ${length} training samples, because they do not fill one batch of ${batch}: use a smaller --batch, or leave --drop-last out`,
    );
  }
  // There are enough patches for a batch.
  const first = patch ? batch : Math.min(batch, length);
  const { from, to } = evenShare(first, share.rank, share.size);
  return { size: to - from, channels, ...size };
}

/**
 * Replaces the random initial weights of a new run with pretrained encoder weights, or with those of another run or a
 * file, if the settings ask for them.
 *
 * @param note called with what was taken, and with warnings.
 */
export async function startFrom(
  plan: Plan,
  init: string | undefined,
  learner: Learner,
  note: (message: string) => void = () => undefined,
): Promise<void> {
  const pretrained = plan.encoderWeights === undefined ? undefined : modelEntry(plan.model.name).pretrained;
  if (plan.encoderWeights !== undefined && pretrained) {
    const prefix = `${pretrained.field}.`;
    const slots = learner.state.slots.filter(({ name }) => name.startsWith(prefix));
    const wanted = slots.map(({ name, leaf }) => ({ name: name.slice(prefix.length), shape: leaf.shape }));
    const { tensors, source } = await loadEncoderWeights(
      architectureOf(pretrained, plan.model.options),
      plan.encoderWeights,
      wanted,
    );
    tensors.forEach(({ data }, i) => learner.state.values(slots[i]!).set(data));
    if (usesBatchStatistics(plan) && hasFoldedNorms(tensors)) {
      note(
        `The batch norms of ${source} are folded into its convolutions, but this run normalises by each batch. The encoder's features will therefore differ from the pretrained ones. Keep the encoder frozen with --encoder-bn frozen, or use weights that still have their batch norms.`,
      );
    }
  }
  if (init !== undefined) (await initializeFrom(init, learner, plan)).forEach(note);
}

/** Whether the encoder's batch norms normalise by batch statistics at any time in the run. */
function usesBatchStatistics({ model, unfreezing }: Plan): boolean {
  const { freezeEncoder, encoderBn } = model.options;
  return freezeEncoder !== true || encoderBn === 'training' || unfreezing !== undefined;
}
