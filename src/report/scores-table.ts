/** Names, order and number formats of scores in reports. */
import type { EpochScores } from '../training/index.js';
import { figure, lossFigure } from './numbers.js';

export interface ScoreName {
  readonly key: string;
  readonly label: string;
  /** `larger` for scores, `smaller` for losses, `unknown` for metrics of the user's own. */
  readonly better: 'larger' | 'smaller' | 'unknown';
  /** What it measures, in a line; absent for metrics of the user's own. */
  readonly meaning?: string;
}

/**
 * The overall scores that are present, the most important first. With two classes, foreground scores show the
 * class name.
 */
export function scoreNames(scores: EpochScores): ScoreName[] {
  const foreground = scores.classes[1]?.name ?? 'foreground';
  const all: [key: keyof EpochScores, label: string, meaning: string][] = [
    ['meanIoU', 'Mean IoU', 'overlap ÷ union of prediction and truth, averaged over classes'],
    ['meanDice', 'Mean Dice', '2 × overlap ÷ sum of both areas, averaged over classes'],
    ['dice', `Dice of ${foreground}`, '2 × overlap ÷ sum of both areas, over all pixels'],
    ['iou', `IoU of ${foreground}`, 'overlap ÷ union, over all pixels'],
    ['meanGroupDice', 'Mean Dice of groups', `Dice of the foreground in each group, averaged over groups`],
    [
      'softDice',
      'Soft Dice',
      `Dice of the probabilities of ${foreground} before the threshold: it also rewards certainty`,
    ],
    [
      'pixelAccuracy',
      'Pixel accuracy',
      'share of the pixels with the right class; large classes dominate it',
    ],
  ];
  const present = all.filter(([key]) => scores[key] !== undefined);
  return [
    ...present.map(([key, label, meaning]): ScoreName => ({ key, label, better: 'larger', meaning })),
    ...(scores.loss === undefined
      ? []
      : [{ key: 'loss', label: 'Loss', better: 'smaller', meaning: 'what training minimises' } as const]),
    ...Object.keys(scores.losses ?? {}).map((name): ScoreName => ({
      key: `loss/${name}`,
      label: `Loss: ${name}`,
      better: 'smaller',
      meaning: 'a part of the loss',
    })),
    ...Object.keys(scores.metrics ?? {}).map((name): ScoreName => ({
      key: `metric/${name}`,
      label: name,
      better: 'unknown',
    })),
  ];
}

/** The score `key`; null if it is not defined (0/0), undefined if it does not apply. */
export function scoreOf(scores: EpochScores | undefined, key: string): number | null | undefined {
  if (key.startsWith('loss/')) return scores?.losses?.[key.slice('loss/'.length)];
  if (key.startsWith('metric/')) {
    const value = scores?.metrics?.[key.slice('metric/'.length)];
    return Number.isNaN(value) ? null : value;
  }
  return scores?.[key as 'meanIoU'];
}

export function writtenScore({ better }: ScoreName, value: number | null | undefined): string {
  return better === 'larger' ? figure(value) : lossFigure(value);
}
