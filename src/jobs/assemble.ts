/** From a plan to what trains: the model, its first weights, the batches. */
import type { Dataset, LoaderOptions } from '../data/index.js';
import { evenShare } from '../distributed/index.js';
import {
  indexMasks,
  Loader,
  parseAugmentation,
  SampleCache,
  type Sampler,
  sequential,
  shuffled,
  sliceWeights,
  stretch,
  stretchMaskAsImage,
  weighted,
} from '../data/index.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { modelEntry } from '../models/index.js';
import type { Runtime } from '../runtime/index.js';
import type { BatchShape, Learner, RunConfig, RunModel } from '../training/index.js';
import { prepareModel, readCheckpointWeights, RunFolder } from '../training/index.js';
import { hasFoldedNorms } from '../weights/folded-norms.js';
import { loadEncoderWeights } from '../weights/index.js';
import type { Plan } from './train-plan.js';

/** Decoded samples that are kept between epochs, at most. */
const CACHE_BYTES = 2 ** 30;

/** The run that a resumed one goes on with. */
export interface EarlierRun {
  readonly folder: RunFolder;
  readonly config: RunConfig;
}

/** The model of a plan, and its options as config.json keeps them. */
export function modelFor(plan: Plan, runtime: Runtime, resumed?: EarlierRun): Promise<RunModel> {
  const { model, parts, classes, size } = plan;
  const { channels } = parts.train;
  return prepareModel(model.name, model.options, {
    channels,
    classes: classes.length,
    size,
    runtime,
    resumed,
  });
}

/** Where the batches of a run come from; all share one cache of decoded samples. */
export interface Loaders {
  readonly train: Loader;
  readonly valid: Loader | undefined;
  /** Batches of any samples in their order, as validation takes them. */
  readonly batches: (dataset: Dataset) => Loader;
}

/** @param share of several ranks: whose part of every batch `train` and `valid` give. */
export async function loadersOf(plan: Plan, share?: LoaderOptions['share']): Promise<Loaders> {
  const { parts, normalization, batch, seed } = plan;
  const fit = plan.maskInterpolation === 'as-image' ? stretchMaskAsImage(plan.size) : stretch(plan.size);
  const shared = { fit, normalization, batchSize: batch, seed };
  const cache = new SampleCache(CACHE_BYTES);
  const inOrder = (dataset: Dataset) => ({
    ...shared,
    cache,
    dataset,
    sampler: sequential(dataset.length),
  });
  const batches = (dataset: Dataset) => new Loader(inOrder(dataset));
  return {
    train: new Loader({
      ...shared,
      cache,
      dataset: parts.train,
      sampler: await samplerOf(plan),
      transforms: plan.objects.augment ?? parseAugmentation(plan.augment),
      dropLast: plan.dropLast,
      share,
    }),
    valid: parts.valid && new Loader({ ...inOrder(parts.valid), share }),
    batches,
  };
}

async function samplerOf({ parts, sampler, seed }: Plan): Promise<Sampler> {
  if (sampler === 'shuffle') return shuffled(parts.train.length, seed);
  const areas = (await indexMasks(parts.train)).foregroundAreas();
  return weighted(sliceWeights(areas), seed);
}

/** The shape of the batches that an epoch begins with. @param share as of {@link loadersOf}; it may be empty. */
export function firstBatch(
  { parts, batch, dropLast, size }: Plan,
  share: LoaderOptions['share'] = { rank: 0, size: 1 },
): BatchShape {
  const { length, channels } = parts.train;
  if (dropLast && length < batch) {
    throw new UsageError(
      `--drop-last leaves nothing of ${length} training samples in batches of ${batch}: use a smaller --batch, or leave --drop-last out`,
    );
  }
  const { from, to } = evenShare(Math.min(batch, length), share.rank, share.size);
  return { size: to - from, channels, ...size };
}

/**
 * Weights that a fresh run begins with, where they are not random: pretrained ones, or those of another run.
 *
 * @param note told what a person should know of them.
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
      pretrained.architecture,
      plan.encoderWeights,
      wanted,
    );
    tensors.forEach(({ data }, i) => learner.state.values(slots[i]!).set(data));
    if (normsMove(plan) && hasFoldedNorms(tensors)) {
      note(
        `The batch norms of ${source} are folded into its convolutions, and in this run they move with each batch: the encoder will not give what it was trained to give. Keep it frozen with --encoder-bn frozen, or take weights with their batch norms.`,
      );
    }
  }
  if (init !== undefined) {
    const from = new RunFolder(init);
    if (!(await from.exists())) {
      throw new PixelwiseError('run', `--init ${init}: there is no run folder at ${from.path}.`);
    }
    const best = await from.checkpointFolder('best');
    learner.state.loadStateDict(await readCheckpointWeights(best), best);
  }
}

/** Whether batch norms of the encoder see batches at any time of the run. */
function normsMove({ model, unfreezing }: Plan): boolean {
  const { freezeEncoder, encoderBn } = model.options;
  return freezeEncoder !== true || encoderBn === 'training' || unfreezing !== undefined;
}
