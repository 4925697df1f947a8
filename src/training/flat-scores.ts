/** Scores as a flat list of named numbers: columns of a table, curves of a chart. */
import type { EpochScores } from './tally.js';

/**
 * Lists `loss`, its components (`loss/bce`), custom scores (`metric/NAME`), `pixelAccuracy`, `meanIoU`, … and for each
 * class `iou/NAME`, `dice/NAME`, `precision/NAME`, `recall/NAME`. Undefined scores are null; absent ones are omitted.
 */
export function flatScores(scores: EpochScores): [name: string, value: number | null][] {
  const { loss, losses = {}, pixelAccuracy, meanIoU, meanDice, dice, iou, meanGroupDice, classes } = scores;
  const { metrics = {} } = scores;
  const plain = { loss, pixelAccuracy, meanIoU, meanDice, dice, iou, meanGroupDice };
  const flat: [string, number | null | undefined][] = [
    ...Object.entries(plain),
    ...Object.entries(losses).map(([name, value]): [string, number | null] => [`loss/${name}`, value]),
    ...Object.entries(metrics).map(([name, value]): [string, number] => [`metric/${name}`, value]),
    ...(['iou', 'dice', 'precision', 'recall'] as const).flatMap((score) =>
      classes.map((one): [string, number | null] => [`${score}/${one.name}`, one[score]]),
    ),
  ];
  return flat.filter((entry): entry is [string, number | null] => entry[1] !== undefined);
}
