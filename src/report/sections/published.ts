/** What a published work reports, beside what this run reached by the same score. */
import type { PublishedFigure } from '../../training/index.js';
import { figure, lossFigure } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import { scrolling } from '../page/page.js';
import type { Judged, Run } from '../read-run.js';
import { scoreOf } from '../scores-table.js';
import { PART_NAMES } from './part-names.js';

/** Nothing where the run followed no published work, or that reports no figure. */
export function publishedTable({ config: { recipe }, judged }: Pick<Run, 'config' | 'judged'>) {
  if (!recipe || recipe.published.length === 0) return undefined;
  return html`<h3>Beside what was published</h3>
    <p>
      The run followed the recipe
      ${recipe.name}${recipe.asPublished ? ', the published defects with it' : ''}: ${recipe.source}.
    </p>
    ${scrolling(
      'Published figures and this run',
      html`<table>
        <caption class="hidden">
          Published figures and this run
        </caption>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Published</th>
            <th scope="col">This run</th>
            <th scope="col" class="left">Counted on</th>
          </tr>
        </thead>
        <tbody>
          ${recipe.published.map((published) => row(published, judged))}
        </tbody>
      </table>`,
    )}
    <p class="aside">
      Published figures are of the published work's own data, parts and way of counting: near is as much as
      can be asked, and other data makes them no yardstick.
    </p>`;
}

function row({ what, value, to, score }: PublishedFigure, judged: readonly Judged[]): Html {
  const ours = score === undefined ? undefined : scoreAt(score, judged);
  const write = isLoss(score) ? lossFigure : figure;
  return html`<tr>
    <th scope="row" class="name">${what}</th>
    <td>${write(value)}${to !== undefined && html` to ${write(to)}`}</td>
    <td>${write(ours?.value)}</td>
    <td class="left">
      ${ours ? whereOf(ours.judged) : score === undefined ? 'nothing of the same kind' : 'not scored in this run'}
    </td>
  </tr>`;
}

/** The score at a path of scores.json, such as `test.loss` or `valid.losses.bce`. */
export function scoreAt(
  path: string,
  judged: readonly Judged[],
): { readonly judged: Judged; readonly value: number | null } | undefined {
  const [part, ...names] = path.split('.');
  const found = judged.find((each) => each.part === part);
  const value = found && scoreOf(found.scores, names.join('/').replace(/^losses\//, 'loss/'));
  return found && value !== undefined ? { judged: found, value } : undefined;
}

function isLoss(path: string | undefined): boolean {
  return path !== undefined && /\.loss(es)?\b/.test(path);
}

function whereOf({ part, chosenOn, scoreAt: size }: Judged): string {
  const words = [PART_NAMES[part], size === 'source' ? 'image size' : 'model size'];
  return [...words, ...(chosenOn ? ['chosen on'] : [])].join(', ');
}
