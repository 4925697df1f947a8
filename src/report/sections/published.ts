/** Published scores beside this run's. */
import type { PublishedFigure } from '../../training/index.js';
import { figure, lossFigure } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import { scrolling } from '../page/page.js';
import type { Judged, Run } from '../read-run.js';
import { scoreOf } from '../scores-table.js';
import { PART_NAMES } from './part-names.js';

/** Undefined if the run follows no published recipe, or the publication gives no scores. */
export function publishedTable({ config: { recipe }, judged }: Pick<Run, 'config' | 'judged'>) {
  if (!recipe || recipe.published.length === 0) return undefined;
  return html`<h3>Comparison with the publication</h3>
    <p>
      This run used the recipe ${recipe.name}${recipe.asPublished ? ', including its published defects' : ''}:
      ${recipe.source}.
    </p>
    ${scrolling(
      'Published scores and this run',
      html`<table>
        <caption class="hidden">
          Published scores and this run
        </caption>
        <thead>
          <tr>
            <th scope="col">Score</th>
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
      The published scores were computed on the authors' data and parts, with their evaluation. Expect this
      run's scores to be close at best; on other data they cannot be compared.
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
      ${ours ? whereOf(ours.judged) : score === undefined ? 'no comparable score' : 'not scored in this run'}
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
