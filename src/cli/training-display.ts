/** What a person sees of training: the bar with speed and time left, and a line at the end of each epoch. */
import type { Callback, EpochRecord, FitContext } from '../training/index.js';
import type { Output } from './output.js';
import { duration, type Progress } from './progress.js';

/** How much of the past the displayed loss remembers, from batch to batch. */
const LOSS_MEMORY = 0.95;

/** Shows how a run comes along. The bar spans the whole run, so that its time left is the run's. */
export function trainingDisplay(output: Output): Callback {
  let progress: Progress | undefined;
  let images = 0;
  let imagesPerEpoch = 0;
  let total = 0;
  let loss: number | undefined;
  const label = ({ epoch, epochs }: FitContext): string => `epoch ${epoch + 1}/${epochs}`;
  return {
    name: 'display',
    batchEnd(context, { output: { loss: latest, samples } }) {
      images += samples;
      if (context.epoch === 0 || imagesPerEpoch === 0) {
        // Until an epoch has been counted, all of its batches are taken to be as large as this one.
        imagesPerEpoch = Math.max(imagesPerEpoch, samples * context.batchesPerEpoch);
      }
      total = Math.round((imagesPerEpoch * context.totalBatches) / context.batchesPerEpoch);
      loss = loss === undefined ? latest : LOSS_MEMORY * loss + (1 - LOSS_MEMORY) * latest;
      if (!progress) {
        const before = context.epoch * imagesPerEpoch + (context.batch - 1) * samples;
        images += before;
        progress = output.progress({ label: label(context), unit: 'images', total, done: before });
      }
      progress.update({ done: images, total, label: label(context), detail: `loss ${loss.toFixed(4)}` });
    },
    validStart: (context) => progress?.update({ done: images, label: `${label(context)} validating` }),
    validBatchEnd: () => progress?.update({ done: images }),
    epochEnd(context, record) {
      imagesPerEpoch = record.train.samples;
      images = record.epoch * imagesPerEpoch;
      output.note(epochLine(record, context.epochs));
    },
    fitEnd: () => progress?.end(),
  };
}

/** Waiting for data is told of where it takes at least this share of an epoch. */
const WAITING_TOLD = 0.02;

/** `epoch  3/20  loss 0.2130  valid: loss 0.2011, accuracy 0.951, mean IoU 0.873, Dice 0.921  0:12, 81 images/s`. */
export function epochLine(record: EpochRecord, epochs: number): string {
  const { epoch, train, valid, seconds, waitSeconds, imagesPerSecond } = record;
  const number = String(epoch).padStart(String(epochs).length);
  const parts = [`epoch ${number}/${epochs}`, `train: ${figures(train)}`];
  if (valid) parts.push(`valid: ${figures(valid)}`);
  const waiting = waitSeconds / seconds;
  parts.push(
    `${duration(seconds)}, ${imagesPerSecond.toFixed(imagesPerSecond < 10 ? 1 : 0)} images/s` +
      (waiting >= WAITING_TOLD ? `, ${Math.round(100 * waiting)}% of the time waiting for data` : ''),
  );
  return parts.join('  ');
}

function figures(scores: EpochRecord['train']): string {
  const written = (value: number | null | undefined, digits: number): string =>
    value === null || value === undefined ? 'undefined' : value.toFixed(digits);
  return [
    `loss ${written(scores.loss, 4)}`,
    `accuracy ${written(scores.pixelAccuracy, 3)}`,
    `mean IoU ${written(scores.meanIoU, 3)}`,
    `Dice ${written(scores.meanDice, 3)}`,
  ].join(', ');
}
