/** First section of a comparison: the ranking of the runs, and warnings. */
import { counted, figure, listed } from '../numbers.js';
import { html } from '../page/html.js';
import type { Section } from '../page/page.js';
import { storyOf, warningList } from '../sections/verdict.js';
import { caveatsOf } from './caveats.js';
import type { Compared } from './compared.js';
import { judgedOf } from './compared.js';
import { stroke } from './curves-section.js';

const WHERE = { test: 'test images', valid: 'validation images', train: 'training images' } as const;

export function comparisonVerdict(compared: Compared): Section {
  const { columns } = compared;
  return {
    id: 'verdict',
    title: 'Verdict',
    body: html`<p class="lede">${rankingOf(compared)}</p>
      ${warningList(caveatsOf(compared))}
      <dl class="stories">
        ${columns.map(
          (column) =>
            html`<div>
              <dt>${stroke(column)}${column.name}</dt>
              <dd>${storyOf(column.run)}</dd>
            </div>`,
        )}
      </dl>`,
  };
}

/** A sentence that ranks the runs by mean IoU, or only lists the scores if they cannot be ranked. */
export function rankingOf(compared: Compared): string {
  const { columns, part, ranked } = compared;
  const reached = columns.map((column) => ({
    name: column.name,
    value: judgedOf(column, part)?.scores.meanIoU ?? undefined,
  }));
  const scored = reached.filter(({ value }) => value !== undefined);
  if (part === undefined || scored.length === 0) {
    return `${counted(columns.length, 'run')} compared; no part of the data was scored in all of them.`;
  }
  const where = `On the ${WHERE[part]}`;
  if (!ranked) {
    return `${where} of each run, mean IoU is ${listed(scored.map(({ name, value }) => `${figure(value)} for ${name}`))}.`;
  }
  const [best, ...others] = [...scored].sort((a, b) => b.value! - a.value!);
  const equal = others.filter(({ value }) => figure(value) === figure(best!.value));
  const behind = others.filter((each) => !equal.includes(each));
  const first =
    equal.length > 0
      ? `${listed([best!, ...equal].map(({ name }) => name))} are equal by mean IoU, ${figure(best!.value)}`
      : `${best!.name} is the best by mean IoU, ${figure(best!.value)}`;
  const then =
    behind.length === 0
      ? ''
      : `, followed by ${listed(behind.map(({ name, value }) => `${name} with ${figure(value)}`))}`;
  const unscored = reached.filter(({ value }) => value === undefined).map(({ name }) => name);
  const rest = unscored.length > 0 ? ` It is undefined for ${listed(unscored)}.` : '';
  return `${where} ${first}${then}.${rest}`;
}
