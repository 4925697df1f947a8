/**
 * The Lovász losses (Berman et al., "The Lovász-softmax loss", CVPR 2018): Jaccard's index of sets of pixels,
 * extended to errors between 0 and 1. Errors are sorted in descending order. The weight of each is the increase
 * of the Jaccard loss when its pixel is wrong in addition to all pixels before it. These losses sort, so they do
 * not run on WebGPU.
 */
import { UsageError } from '../../errors/index.js';
import type { Tensor } from '../../graph/index.js';
import {
  abs,
  add,
  cast,
  cumulativeSum,
  div,
  formatShape,
  gatherElements,
  greater,
  maximum,
  mean,
  mul,
  relu,
  reshape,
  slice,
  stopGradient,
  sub,
  sum,
  topK,
  transpose,
} from '../../graph/index.js';
import { checkSettings, type Settings, whole } from '../../settings/index.js';
import type { Loss } from './loss.js';
import { isMultiLabel, probabilitiesOf, targetPlanes } from './loss.js';

export interface LovaszOptions {
  /** Whether to score each image and average the scores, instead of pooling the pixels of the batch; default false. */
  readonly perImage?: boolean;
  /** Only every `stride`-th row and column of pixels counts, since sorting all of them takes long; default 1. */
  readonly stride?: number;
}

export const LOVASZ_SETTINGS: Settings<{ readonly stride: number }> = {
  stride: {
    kind: whole(1, 64),
    help: 'a Lovász loss counts every n-th row and column of pixels: sorting all of them takes long',
    default: 1,
  },
};

export interface LovaszSoftmaxOptions extends LovaszOptions {
  /** Whether the mean leaves out classes that the batch (or image) does not contain; default true. */
  readonly presentOnly?: boolean;
}

/** N×K×H×W as one row of pixels for each class, or with `perImage` for each image and class. */
function rows(x: Tensor, perImage: boolean): Tensor {
  const [n, k, h, w] = x.shape as [number, number, number, number];
  return perImage ? reshape(x, [n * k, h * w]) : reshape(transpose(x, [1, 0, 2, 3]), [k, n * h * w]);
}

/** Every `stride`-th row and column of logits or a target, from the middle of the first cell; of a side that is shorter, its middle. */
function sampled(x: Tensor, stride: number): Tensor {
  const along = (y: Tensor, axis: number) => {
    const step = Math.min(stride, y.shape[axis]!);
    return slice(y, axis, step >> 1, Infinity, step);
  };
  return along(along(x, x.rank - 2), x.rank - 1);
}

/** 1 − Jaccard's index for each prefix of the sorted pixels, if exactly the pixels of that prefix are wrong. */
function jaccardLoss(all: Tensor, truth: Tensor, pixels: Tensor): Tensor {
  const union = add(all, sub(pixels, truth));
  const loss = sub(1, div(sub(all, truth), maximum(union, 1)));
  // No pixel is wrong and none is true: the loss is 0.
  return mul(loss, cast(greater(union, 0), 'float32'));
}

/**
 * Σ error · weight for each row (R×P). `truth` is 0 or 1; pixels with `valid` 0 are ignored. The weights are those
 * of eq. 9. No gradient flows through the order.
 */
function lovasz(errors: Tensor, truth: Tensor, valid: Tensor): Tensor {
  // Ignored pixels come last.
  const lowest = sub(mul(errors, valid), mul(sub(1, valid), 1e9));
  const { indices } = topK(stopGradient(lowest), errors.shape[1]!);
  const sorted = mul(gatherElements(errors, indices), gatherElements(valid, indices));
  const sortedTruth = gatherElements(mul(truth, valid), indices);
  const all = sum(sortedTruth, 1, true);
  const ones = gatherElements(valid, indices);
  const lossAt = (exclusive: boolean) =>
    jaccardLoss(all, cumulativeSum(sortedTruth, { exclusive }), cumulativeSum(ones, { exclusive }));
  return sum(mul(relu(sorted), stopGradient(sub(lossAt(false), lossAt(true)))), 1);
}

/** The truth and the valid pixels, both in the shape of the logits. */
function spread(logits: Tensor, target: Tensor): { truth: Tensor; valid: Tensor } {
  const { planes, valid } = targetPlanes(logits, target);
  return { truth: planes, valid: add(mul(planes, 0), valid) };
}

/**
 * Lovász-softmax, with errors |t − p| of the softmax probabilities of each class, averaged over the classes that
 * the truth contains; 0 if it contains none. For one logit: the sigmoid, and the foreground only.
 */
export function lovaszSoftmax(options: LovaszSoftmaxOptions = {}): Loss {
  const { perImage = false, presentOnly = true, ...settings } = options;
  const { stride } = checkSettings('lovaszSoftmax', LOVASZ_SETTINGS, settings);
  return (allLogits, all) => {
    const [logits, target] = [sampled(allLogits, stride), sampled(all, stride)];
    const { truth, valid } = spread(logits, target);
    const errors = rows(abs(sub(truth, probabilitiesOf(logits, target))), perImage);
    const [truthRows, validRows] = [rows(truth, perImage), rows(valid, perImage)];
    const losses = lovasz(errors, truthRows, validRows);
    if (!presentOnly) return mean(losses);
    const present = cast(greater(sum(mul(truthRows, validRows), 1), 0), 'float32');
    return div(sum(mul(losses, present)), maximum(sum(present), 1));
  };
}

/**
 * Lovász hinge, with errors max(0, 1 − x·(2t − 1)) of one logit x, or of each of overlapping classes. If the truth is empty, the largest error counts,
 * so false positives are penalised.
 */
export function lovaszHinge(options: LovaszOptions = {}): Loss {
  const { perImage = false, ...settings } = options;
  const { stride } = checkSettings('lovaszHinge', LOVASZ_SETTINGS, settings);
  return (allLogits, all) => {
    if (allLogits.shape[1] !== 1 && !isMultiLabel(all)) {
      throw new UsageError(
        `Lovász hinge needs logits of one channel, not ${formatShape(allLogits.shape)}: use lovasz-softmax`,
      );
    }
    const [logits, target] = [sampled(allLogits, stride), sampled(all, stride)];
    const { truth, valid } = spread(logits, target);
    const errors = sub(1, mul(logits, sub(mul(truth, 2), 1)));
    return mean(lovasz(rows(errors, perImage), rows(truth, perImage), rows(valid, perImage)));
  };
}
