/** What to do next, from the evidence of the run. */
import { adviceFor } from '../advice.js';
import { html } from '../page/html.js';
import type { Section } from '../page/page.js';
import type { Run } from '../read-run.js';
import { rankedImages } from './images.js';

export function nextStepsSection(run: Run): Section | undefined {
  const advice = adviceFor(run);
  if (advice.length === 0) return undefined;
  const opens = run.images ? rankedImages(run.images).opens : undefined;
  return {
    id: 'next',
    title: 'Next steps',
    body: html`<ol class="steps">
      ${advice.map(
        ({ action, evidence, images = [] }) =>
          html`<li>
            <strong>${action}</strong> ${evidence}${
              images.length > 0 &&
              html`<span class="examples"
                >${images.map((id) => {
                  const place = opens?.get(id);
                  return place === undefined
                    ? html`<span class="id">${id}</span>`
                    : html`<button type="button" class="id" data-opens="${place}">${id}</button>`;
                })}</span
              >`
            }
          </li>`,
      )}
    </ol>`,
  };
}
