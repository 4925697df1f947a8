/** The display of training: a bar with speed and time left, and a line at the end of each epoch. */
import type { Callback, EpochRecord, FitContext } from '../training/index.js';
import type { Output } from './output.js';
import { duration, type Progress } from './progress.js';

/** How much of the past the displayed loss remembers, from batch to batch. */
const LOSS_MEMORY = 0.95;

/** Shows the progress of a run. The bar spans all epochs, so the time left is that of the whole run. */
export function trainingDisplay(output: Output): Callback {
  let progress: Progress | undefined;
  let images = 0;
  let imagesPerEpoch = 0;
  let total = 0;
  let loss: number | undefined;
  let headed = false;
  const label = ({ epoch, epochs }: FitContext): string => `epoch ${epoch + 1}/${epochs}`;
  return {
    name: 'display',
    readsImages: false,
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
      if (!headed) output.note(epochHead(context.epochs, record));
      headed = true;
      output.note(epochLine(record, context.epochs));
    },
    fitEnd: () => progress?.end(),
  };
}

/** The time spent waiting for data is shown if it is at least this share of an epoch. */
const WAITING_TOLD = 0.02;

const COLUMNS = ['   loss', 'valid loss', 'accuracy', 'mean IoU', ' Dice', '   time', ' img/s'] as const;

/** The heads of the columns of {@link epochLine}; at most 80 characters wide, as the lines are. */
export function epochHead(epochs: number, { valid }: Pick<EpochRecord, 'valid'>): string {
  const first = 'epoch'.padEnd(numberOf(epochs, epochs).length);
  return [first, ...COLUMNS.filter((column) => valid !== undefined || column !== 'valid loss')].join('  ');
}

/**
 * `epoch  3/20    0.2130      0.2011     0.951     0.873  0.921     0:12        81`: the scores are those of the
 * validation part, where there is one.
 */
export function epochLine(record: EpochRecord, epochs: number): string {
  const { epoch, train, valid, seconds, waitSeconds, imagesPerSecond } = record;
  const scores = valid ?? train;
  const cells: Record<(typeof COLUMNS)[number], string | undefined> = {
    '   loss': written(train.loss, 4),
    'valid loss': valid && written(valid.loss, 4),
    accuracy: written(scores.pixelAccuracy, 3),
    'mean IoU': written(scores.meanIoU, 3),
    ' Dice': written(scores.meanDice, 3),
    '   time': duration(seconds),
    ' img/s': imagesPerSecond.toFixed(imagesPerSecond < 10 ? 1 : 0),
  };
  const row = COLUMNS.flatMap((column) => cells[column]?.padStart(column.length) ?? []);
  const waiting = waitSeconds / seconds;
  const line = [numberOf(epoch, epochs), ...row].join('  ');
  return waiting < WAITING_TOLD
    ? line
    : `${line}\n${' '.repeat(numberOf(epoch, epochs).length)}  ${Math.round(100 * waiting)}% of the time was spent waiting for data`;
}

function numberOf(epoch: number, epochs: number): string {
  return `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
}

/** A large loss is written with an exponent, so that columns stay in line. */
function written(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined) return '–';
  return Math.abs(value) < 1000 ? value.toFixed(digits) : value.toExponential(1);
}
