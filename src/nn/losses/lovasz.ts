/**
 * The Lovász losses (Berman et al., "The Lovász-softmax loss", CVPR 2018): Jaccard's index of sets of pixels,
 * extended to errors between 0 and 1. Errors are sorted, and each is weighed by what the Jaccard loss would
 * grow by if its pixel were got wrong besides all those with larger errors. They sort, so they do not run on
 * WebGPU.
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
  sigmoid,
  softmax,
  stopGradient,
  sub,
  sum,
  topK,
  transpose,
} from '../../graph/index.js';
import type { Loss } from './loss.js';
import { targetPlanes } from './loss.js';

export interface LovaszOptions {
  /** Whether each image is scored for itself and the scores averaged; default: pixels pooled over the batch. */
  readonly perImage?: boolean;
}

export interface LovaszSoftmaxOptions extends LovaszOptions {
  /** Whether classes that the batch (or image) does not hold are left out of the mean; default true. */
  readonly presentOnly?: boolean;
}

/** N×K×H×W as one row of pixels for each class, or with `perImage` for each class of each image. */
function rows(x: Tensor, perImage: boolean): Tensor {
  const [n, k, h, w] = x.shape as [number, number, number, number];
  return perImage ? reshape(x, [n * k, h * w]) : reshape(transpose(x, [1, 0, 2, 3]), [k, n * h * w]);
}

/** 1 − Jaccard's index, were exactly the pixels of each running sum wrong. */
function jaccardLoss(all: Tensor, truth: Tensor, pixels: Tensor): Tensor {
  const union = add(all, sub(pixels, truth));
  const loss = sub(1, div(sub(all, truth), maximum(union, 1)));
  // No pixel is wrong, and none is true: nothing is lost.
  return mul(loss, cast(greater(union, 0), 'float32'));
}

/**
 * Σ error · weight for each row (R×P). `truth` is 0 or 1; pixels with `valid` 0 are left out.
 * The weights are those of eq. 9; no gradient flows through the order.
 */
function lovasz(errors: Tensor, truth: Tensor, valid: Tensor): Tensor {
  // Pixels that do not count come last, below any error of those that do.
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

/** The truth and the valid pixels, both shaped as the logits. */
function spread(logits: Tensor, target: Tensor): { truth: Tensor; valid: Tensor } {
  const { planes, valid } = targetPlanes(logits, target);
  return { truth: planes, valid: add(mul(planes, 0), valid) };
}

/**
 * Lovász-softmax: errors |t − p| of softmax probabilities, of each class; for one logit, of the sigmoid and
 * of the foreground alone. Averaged over the classes that the truth holds; 0 where it holds none of them.
 */
export function lovaszSoftmax(options: LovaszSoftmaxOptions = {}): Loss {
  const { perImage = false, presentOnly = true } = options;
  return (logits, target) => {
    const { truth, valid } = spread(logits, target);
    const probabilities = logits.shape[1] === 1 ? sigmoid(logits) : softmax(logits, 1);
    const errors = rows(abs(sub(truth, probabilities)), perImage);
    const [truthRows, validRows] = [rows(truth, perImage), rows(valid, perImage)];
    const losses = lovasz(errors, truthRows, validRows);
    if (!presentOnly) return mean(losses);
    const present = cast(greater(sum(mul(truthRows, validRows), 1), 0), 'float32');
    return div(sum(mul(losses, present)), maximum(sum(present), 1));
  };
}

/**
 * Lovász hinge: errors max(0, 1 − x·(2t − 1)) of one logit x. Where the truth is empty the largest error
 * counts, so that a false alarm is unlearnt.
 */
export function lovaszHinge(options: LovaszOptions = {}): Loss {
  const { perImage = false } = options;
  return (logits, target) => {
    if (logits.shape[1] !== 1) {
      throw new UsageError(
        `Lovász hinge needs logits of one channel, not ${formatShape(logits.shape)}: use lovasz-softmax`,
      );
    }
    const { truth, valid } = spread(logits, target);
    const errors = sub(1, mul(logits, sub(mul(truth, 2), 1)));
    return mean(lovasz(rows(errors, perImage), rows(truth, perImage), rows(valid, perImage)));
  };
}
