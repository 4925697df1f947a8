/** Warnings and notes about how far runs can be compared. */
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
          text: 'The runs have different classes, so their overall scores cannot be compared and no best is marked. Classes with the same name share a row.',
        },
    sameData
      ? undefined
      : {
          level: 'warning',
          code: 'data',
          text: `The runs were trained on different data (${listed(columns.map(({ name, run }) => `${name}: ${run.config.data.path}`))}). Each was scored on its own images, so no best is marked.`,
        },
    !sameData || sameParts
      ? undefined
      : {
          level: 'warning',
          code: 'parts',
          text: 'The runs held out different images of the same data (another seed, --val or --test). The different images cause part of any difference.',
        },
    part === undefined
      ? {
          level: 'warning',
          code: 'part',
          text: 'No part of the data was scored in all runs, so each run shows the most meaningful scores that it has.',
        }
      : undefined,
    part !== undefined && new Set(columns.map((column) => judgedOf(column, part)!.scoreAt)).size > 1
      ? {
          level: 'warning',
          code: 'size',
          text: 'Some scores were computed at original size, others at the model input size, because not every run has ended. No best is marked.',
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
          text: 'The runs minimised different losses, which cannot be compared. Only the losses that they share are shown.',
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

/** Scores used for a choice are optimistic; scores on few images are partly chance. */
function chosenCaveat({ columns, part }: Compared): Warning | undefined {
  const judged = columns.flatMap((column) => judgedOf(column, part) ?? []);
  const chosen = judged.some(({ chosenOn }) => chosenOn);
  const least = Math.min(...judged.map(({ scores }) => scores.samples));
  const few = least < FEW_VALIDATION;
  if (!chosen && !few) return undefined;
  const words = [
    ...(chosen
      ? [
          'Validation scores are slightly optimistic, because epochs were chosen on the same images. Choosing between runs by them adds to this.',
        ]
      : []),
    ...(few
      ? [
          `The scores come from only ${counted(least, 'image')}, so differences of a few hundredths may be chance.`,
        ]
      : []),
  ];
  return { level: few ? 'warning' : 'note', code: 'chosen-on', text: words.join(' ') };
}
