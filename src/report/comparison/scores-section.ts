/** Scores and classes of several runs. */
import { count, figure } from '../numbers.js';
import { html } from '../page/html.js';
import type { Section } from '../page/page.js';
import type { Judged } from '../read-run.js';
import type { ScoreName } from '../scores-table.js';
import { scoreNames, scoreOf, writtenScore } from '../scores-table.js';
import { coloursOf, swatch } from '../sections/class-colours.js';
import { PART_NAMES } from '../sections/part-names.js';
import type { Column, Compared } from './compared.js';
import { judgedOf } from './compared.js';
import type { TextRow, ValueRow } from './value-table.js';
import { valueTable } from './value-table.js';

/**
 * A table for each held-out part that at least two runs were scored on, or else one table with each run's best
 * available part.
 */
export function scoresSection(compared: Compared): Section | undefined {
  const { columns, part } = compared;
  const scored = columns.filter(({ run }) => run.judged.length > 0);
  if (scored.length === 0) return undefined;
  const common = (['test', 'valid'] as const).filter(
    (each) => columns.filter((column) => judgedOf(column, each)).length > 1,
  );
  const parts: Compared['part'][] = common.length > 0 ? common : [part];
  return {
    id: 'scores',
    title: 'Scores',
    body: html`${parts.map((each) => {
      const judged = columns.map((column) => judgedOf(column, each));
      const title = each === undefined ? 'What each run was scored on' : PART_NAMES[each]!;
      return html`<h3>${title}</h3>
        ${valueTable(`Scores: ${title}`, 'Score', columns, scoreRows(compared, judged))}`;
    })}
    ${compared.ranked && html`<p class="aside">★ marks the best value of a row. Values that look equal count as equal.</p>`}`,
  };
}

function scoreRows({ columns, ranked, sameLoss }: Compared, judged: readonly (Judged | undefined)[]) {
  const names = new Map<string, ScoreName>();
  for (const each of judged) {
    for (const name of each ? scoreNames(each.scores) : []) {
      if (!names.has(name.key)) names.set(name.key, name);
    }
  }
  const oneSize = new Set(judged.flatMap((each) => (each ? [each.scoreAt] : []))).size === 1;
  const rows = [...names.values()]
    // Total losses with different terms are not comparable; terms with the same name are.
    .filter(({ key }) => sameLoss || key !== 'loss')
    .map((name): ValueRow => ({
      label: name.label,
      values: judged.map((each) => scoreOf(each?.scores, name.key)),
      write: (value) => writtenScore(name, value),
      ...(ranked && oneSize && name.better !== 'unknown' && { better: name.better }),
    }));
  const words = (of: (judged: Judged) => string) => judged.map((each) => (each ? of(each) : '–'));
  const about: TextRow[] = [
    { label: 'Images', texts: words(({ scores }) => count(scores.samples)) },
    ...(new Set(judged.map((each) => each?.part)).size > 1
      ? [{ label: 'Part', texts: words(({ part }) => PART_NAMES[part]!) }]
      : []),
    {
      label: 'Computed at',
      texts: words(({ scoreAt }) => (scoreAt === 'source' ? 'image size' : 'model size')),
    },
    {
      label: 'Epoch chosen on them',
      texts: judged.map((each, i) =>
        each === undefined ? '–' : each.chosenOn ? `yes, ${columns[i]!.run.bestEpoch ?? '?'}` : 'no',
      ),
    },
  ];
  return [...rows, ...about];
}

/** IoU of each class that occurs in any run, by name. */
export function classesSection({ columns, part, ranked }: Compared): Section | undefined {
  const judged = columns.map((column) => judgedOf(column, part));
  const names = [...new Set(judged.flatMap((each) => each?.scores.classes.map(({ name }) => name) ?? []))];
  if (names.length === 0) return undefined;
  const colours = new Map(columns.flatMap((column) => coloursByName(column)).reverse());
  return {
    id: 'classes',
    title: 'Classes',
    body: html`<p class="aside">
        IoU by class${part !== undefined && `, ${PART_NAMES[part]!.toLowerCase()}`}. A dash means that the IoU
        is undefined or that the model does not have the class.
      </p>
      ${valueTable(
        'IoU by class',
        'Class',
        columns,
        names.map((name): ValueRow => ({
          label: html`${swatch(colours.get(name) ?? '#808080')}${name}`,
          values: judged.map((each) => each?.scores.classes.find((one) => one.name === name)?.iou),
          write: (value) => figure(value),
          ...(ranked && { better: 'larger' as const }),
        })),
      )}`,
  };
}

function coloursByName({ run }: Column): (readonly [name: string, colour: string])[] {
  const colours = coloursOf(run);
  return run.config.classes.map((name, index) => [name, colours[index]!]);
}
