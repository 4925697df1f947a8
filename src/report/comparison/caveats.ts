/** What keeps runs from being compared, or from being compared closely, in plain words. */
import { count, counted, listed } from '../numbers.js';
import { FEW_VALIDATION, type Warning } from '../warnings.js';
import type { Compared } from './compared.js';
import { judgedOf } from './compared.js';

/** Warnings before notes. */
export function caveatsOf(compared: Compared): Warning[] {
  const { columns, part, sameClasses, sameData, sameParts, sameLoss } = compared;
  const all: (Warning | undefined)[] = [
    sameClasses
      ? undefined
      : {
          level: 'warning',
          code: 'classes',
          text: 'The runs tell different classes apart. Scores over all classes are then answers to different questions, so no best is marked; classes of one name stand in one row.',
        },
    sameData
      ? undefined
      : {
          level: 'warning',
          code: 'data',
          text: `The runs learnt from different data (${listed(columns.map(({ name, run }) => `${name}: ${run.config.data.path}`))}). Each was judged on images of its own, so no best is marked.`,
        },
    !sameData || sameParts
      ? undefined
      : {
          level: 'warning',
          code: 'parts',
          text: 'The runs held out different images of the same data (another seed, --val or --test). Part of any difference is the difference of the images.',
        },
    part === undefined
      ? {
          level: 'warning',
          code: 'part',
          text: 'There is no part of the data that all runs were scored on: each stands with the most telling figures that it has.',
        }
      : undefined,
    part !== undefined && new Set(columns.map((column) => judgedOf(column, part)!.scoreAt)).size > 1
      ? {
          level: 'warning',
          code: 'size',
          text: 'Some figures were counted at the size of the images, others at that of the model, since not every run has ended. No best is marked.',
        }
      : undefined,
    ...columns.map(({ name, run }): Warning | undefined => {
      const { ended, history, config } = run;
      if (ended && ended.stopped !== 'interrupted') return undefined;
      const done = `${count(history.length)} of ${counted(config.training.epochs, 'epoch')}`;
      return {
        level: 'warning',
        code: 'not-ended',
        text: `${name} ${ended ? 'was interrupted' : 'has not ended, or was cut off'} after ${done}.`,
      };
    }),
    chosenCaveat(compared),
    sameLoss
      ? undefined
      : {
          level: 'note',
          code: 'loss',
          text: 'The runs lowered different losses, which cannot be compared: only what they have in common is shown.',
        },
    ...columns.map(({ name, run }): Warning | undefined =>
      run.notes.length === 0
        ? undefined
        : { level: 'note', code: 'unreadable', text: `${name}: ${run.notes.join(' ')}` },
    ),
  ];
  const said = all.filter((each) => each !== undefined);
  return [
    ...said.filter(({ level }) => level === 'warning'),
    ...said.filter(({ level }) => level === 'note'),
  ];
}

/** Figures that were chosen on flatter; those of few images are chance in part. */
function chosenCaveat({ columns, part }: Compared): Warning | undefined {
  const judged = columns.flatMap((column) => judgedOf(column, part) ?? []);
  const chosen = judged.some(({ chosenOn }) => chosenOn);
  const least = Math.min(...judged.map(({ scores }) => scores.samples));
  const few = least < FEW_VALIDATION;
  if (!chosen && !few) return undefined;
  const words = [
    ...(chosen
      ? [
          'Validation figures are those of epochs that were chosen on the same images, which flatters them a little; the more so, the more runs are compared by them.',
        ]
      : []),
    ...(few
      ? [`The figures are of ${counted(least, 'image')} only: differences of a few hundredths may be chance.`]
      : []),
  ];
  return { level: few ? 'warning' : 'note', code: 'chosen-on', text: words.join(' ') };
}
