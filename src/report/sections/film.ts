/** The film of learning: what the same samples were taken for after every epoch. */
import { count, figure } from '../numbers.js';
import { html } from '../page/html.js';
import { dataBlock, type Section } from '../page/page.js';
import type { Run } from '../read-run.js';
import { overlay } from './overlay.js';
import { PART_NAMES } from './part-names.js';

/** @param animation where the animated file lies, as seen from the report; absent where there is none. */
export function filmSection({ film }: Run, animation: string | undefined): Section | undefined {
  const last = film?.frames.at(-1);
  if (!film || !last || film.samples.length === 0) return undefined;
  const frames = film.frames.map(({ epoch, masks, meanIoU }) => ({
    masks,
    text: `Epoch ${epoch}${typeof meanIoU === 'number' ? `, mean IoU ${figure(meanIoU)}` : ''}`,
  }));
  const thinned =
    frames.length < film.epochs &&
    ` The slider has ${count(frames.length)} of the ${count(film.epochs)} epochs, so that this file stays small.`;
  const where = PART_NAMES[film.part]?.toLowerCase() ?? film.part;
  return {
    id: 'film',
    title: 'Film',
    body: html`<p>
        What the model made of the same ${count(film.samples.length)} ${where} images after each
        epoch.${thinned}${
          animation !== undefined &&
          html` As a moving picture: <a href="${animation}">${animation}</a>, in the run folder.`
        }
      </p>
      <div class="film">
        <div class="controls">
          <button type="button">Play</button>
          <input
            type="range"
            min="0"
            max="${frames.length - 1}"
            step="1"
            value="${frames.length - 1}"
            aria-label="Epoch"
            aria-valuetext="${frames.at(-1)!.text}"
          />
          <output aria-live="polite">${frames.at(-1)!.text}</output>
          <fieldset>
            <legend class="hidden">What is shown</legend>
            <label><input type="radio" name="look" value="prediction" checked />Prediction</label>
            <label><input type="radio" name="look" value="truth" />Truth</label>
            <label><input type="radio" name="look" value="image" />Image</label>
          </fieldset>
        </div>
        <div class="tiles">
          ${film.samples.map(
            ({ id, width, height, image }, index) =>
              html`<figure class="tile">
                ${overlay({ width, height, photo: image, mask: last.masks[index], label: `Mask of ${id}` })}
                <figcaption class="id">${id}</figcaption>
              </figure>`,
          )}
        </div>
        ${dataBlock('film-data', { truths: film.samples.map(({ truth }) => truth), frames })}
      </div>`,
  };
}
