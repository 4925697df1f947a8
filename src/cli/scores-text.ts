/** Scores as lines for people. A score that is undefined (a class in neither truth nor prediction) is a dash. */
import type { ScoreIntervals, Scores } from '../metrics/index.js';
import type { ObjectScores } from '../objects/index.js';
import { counted, intervalText } from '../report/numbers.js';
import { grouped } from './progress.js';
import { textTable } from './text-table.js';

/** @param title what was scored: `Test`. */
export function scoresText(
  title: string,
  scores: Scores & { readonly intervals?: ScoreIntervals },
): string[] {
  const { intervals } = scores;
  const { samples, loss, pixelAccuracy, meanIoU, meanDice, meanGroupDice, softDice } = scores;
  const figures: (readonly [string, number | null | undefined])[] = [
    ['mean IoU', meanIoU],
    ['mean Dice', meanDice],
    ['pixel accuracy', pixelAccuracy],
    ['Dice by group', meanGroupDice],
    ['soft Dice', softDice],
    ['loss', loss],
  ];
  const told = figures.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${written(value)}`]));
  const table = textTable(
    [
      { heading: 'class' },
      ...['IoU', 'Dice', 'precision', 'recall', 'pixels'].map((heading) => ({
        heading,
        align: 'right' as const,
      })),
    ],
    scores.classes.map((one) => [
      one.name,
      written(one.iou),
      written(one.dice),
      written(one.precision),
      written(one.recall),
      grouped(one.pixels),
    ]),
  );
  return [
    `${title} (${counted(samples, 'image')}): ${told.join(', ')}`,
    ...table.map((line) => `  ${line}`),
    ...(intervals ? [intervalsText(intervals)] : []),
    ...(scores.objects ? [objectsText(scores.objects)] : []),
  ];
}

/** The intervals of the overall scores in one line. */
function intervalsText({ scores, of, count }: ScoreIntervals): string {
  const names: Record<string, string> = {
    meanIoU: 'mean IoU',
    meanDice: 'mean Dice',
    meanGroupDice: 'Dice by group',
  };
  const told = Object.entries(names).flatMap(([key, name]) => {
    const interval = scores[key];
    return interval ? [`${name} ${intervalText(interval)}`] : [];
  });
  return `  95% intervals over ${grouped(count)} ${of}: ${told.join(', ')}`;
}

/** The scores of objects in one line. */
function objectsText(objects: ObjectScores): string {
  const { ap50, ap, f1, panopticQuality, aggregatedJaccard, counted, countError, split, merged } = objects;
  const figures: Record<string, number | null> = {
    'AP at 0.5': ap50,
    'AP 0.5–0.95': ap,
    F1: f1,
    'panoptic quality': panopticQuality,
    'aggregated Jaccard': aggregatedJaccard,
    'count error': countError,
  };
  const told = Object.entries(figures).map(([name, value]) => `${name} ${written(value)}`);
  return `  objects: ${grouped(counted)} found of ${grouped(objects.true)}; ${told.join(', ')}; ${split} split, ${merged} merged`;
}

/** The means of further metrics in one line. */
export function metricsText(metrics: Readonly<Record<string, number | null>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${written(value)}`)
    .join(', ');
}

function written(value: number | null): string {
  return value === null ? '–' : value.toFixed(4);
}
